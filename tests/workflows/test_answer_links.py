"""Links that answer a wait."""

from __future__ import annotations

import base64

import pytest

from fixtures.executions import Mill, flow, output_of
from treadle.core.clock import utc_now
from treadle.core.ids import new_id
from treadle.core.json import Json
from treadle.workflows.answer_links import AnswerLinks, Wait
from treadle.workflows.answers import AnswerRefused, answer_wait, find_question
from treadle.workflows.telling import Answer
from workflows.making import step, transform

KEY = b"k" * 32
WAIT = Wait(new_id(), new_id(), "each[3].ask", 2)
FORM = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}


def test_a_token_says_which_wait_it_is_for_and_is_always_the_same() -> None:
    links = AnswerLinks(KEY, public_url="https://treadle.example/")
    token = links.token(WAIT)
    assert links.wait(token) == WAIT
    assert links.token(WAIT) == token
    assert links.url(WAIT) == f"https://treadle.example/v1/workflows/answers/{token}"


def test_only_what_was_signed_with_the_key_is_a_token() -> None:
    links = AnswerLinks(KEY)
    token = links.token(WAIT)
    assert AnswerLinks(b"l" * 32).wait(token) is None
    content = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    for position in range(len(content)):
        content[position] ^= 1
        forged = base64.urlsafe_b64encode(content).rstrip(b"=").decode()
        assert links.wait(forged) is None
        content[position] ^= 1
    for nonsense in ("", "a", "ä" * 40, "=" * 10, "a" * 2_000, token + "!"):
        assert links.wait(nonsense) is None


async def _answer(mill: Mill, wait: Wait, body: Json) -> Answer:
    async with mill.tx() as tx:
        return await answer_wait(
            tx, mill.context, wait, body, by={"address": "192.0.2.9"}, now=utc_now()
        )


async def test_a_link_answers_once_and_only_as_the_form_says(mill: Mill) -> None:
    ask = step("ask", "wait_for_response", {"form": FORM, "sources": ["TEAMS"]})
    version = await mill.make(flow(ask, transform("r", "${steps.ask.output.ok}")))
    (id_,) = await mill.start(version)
    await mill.waiting(id_)
    wait = mill.context.links.wait(
        mill.context.links.token(Wait(mill.workshop.caller.tenant_id, id_, "ask", 1))
    )
    assert wait is not None
    async with mill.tx() as tx:
        question = await find_question(tx, wait)
    assert (question.open, question.form) == (True, FORM)
    with pytest.raises(AnswerRefused, match="ok"):
        await _answer(mill, wait, {"ok": "perhaps"})
    assert await _answer(mill, wait, {"ok": True}) is Answer.RESTARTED
    assert await _answer(mill, wait, {"ok": False}) is Answer.ALREADY_RESTARTED
    assert output_of(await mill.ended(id_)) is True
    async with mill.tx() as tx:
        assert not (await find_question(tx, wait)).open
    (entry,) = [one for one in await mill.check_log(id_) if one["type"] == "resumed"]
    assert (entry["source"], entry["by"]) == ("LINK", {"address": "192.0.2.9"})
