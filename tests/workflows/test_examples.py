"""The example workflows run, against real counterparts."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from factories import NOW
from fixtures.executions import Mill, output_of
from fixtures.jobs import package_bytes
from fixtures.mail import Postbox
from fixtures.outside import Asked, Outside, answer
from fixtures.workers import working
from treadle.core.clock import utc_now
from treadle.integrations.integrations import IntegrationDraft, create_integration
from treadle.integrations.model import IntegrationType
from treadle.jobs.definitions import JobDraft
from treadle.workflows.answers import answer_wait
from treadle.workflows.execution_model import Status
from treadle.workflows.versions import Version, WorkflowDraft

EXAMPLES = Path(__file__).parents[2] / "examples"
JSON = {"Content-Type": "application/json"}


def example(name: str, **replaced: str) -> dict[str, Any]:
    text = (EXAMPLES / "workflows" / name).read_text(encoding="utf-8")
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    return json.loads(text)


async def make(mill: Mill, said: dict[str, Any]) -> Version:
    """An ACTIVE version of it; of a scheduled one, without the schedule."""
    draft = WorkflowDraft(
        name=said["workflow_name"],
        steps=said["workflow_steps"],
        connections=said["workflow_connections"],
    )
    return await mill.make(draft)


async def integrate(mill: Mill, name: str, kind: str, config: Any, **secrets: str) -> None:
    draft = IntegrationDraft(name, IntegrationType(kind), config, secrets)
    async with mill.tx() as tx:
        sealer = mill.workshop.context.sealer
        await create_integration(tx, sealer, mill.workshop.caller, draft, now=NOW)


def step_of(said: dict[str, Any], id_: str) -> dict[str, Any]:
    return next(step for step in said["workflow_steps"] if step["id"] == id_)


def link_of(asked: Asked) -> str:
    """The token in the card's button."""
    card = json.loads(asked.body)["attachments"][0]["content"]
    return card["actions"][0]["url"].rpartition("/")[2]


@pytest.mark.parametrize("hurried", [False, True])
async def test_an_approval_by_a_card_that_escalates_when_nobody_answers(
    mill: Mill, outside: Outside, hurried: bool
) -> None:
    for name in ("team", "management"):
        hook = outside.on(f"/{name}", answer(200, b"1"))
        await integrate(mill, name, "teams", {}, webhook_url=hook)
    said = example("approval.json")
    if hurried:
        step_of(said, "team")["config"]["timeout_seconds"] = 0.5
    version = await make(mill, said)
    payload = {"who": "Ann", "what": "a chair", "price": 90}
    (id_,) = await mill.start(version, payload)
    wanted = "/management" if hurried else "/team"
    async with asyncio.timeout(60), mill.hub.subscribe("nothing") as changes:
        while wanted not in [asked.target for asked in outside.asked]:
            await changes.wait(poll_seconds=0.05)
    wait = mill.context.links.wait(link_of(outside.asked[-1]))
    assert wait is not None
    async with mill.tx() as tx:
        body = {"approved": True}
        await answer_wait(tx, mill.context, wait, body, by={}, now=utc_now())
    output = output_of(await mill.ended(id_))
    by = "the management" if hurried else "the team"
    assert output == {**payload, "approved": True, "by": by}
    card = json.loads(outside.asked[-1].body)["attachments"][0]["content"]
    assert card["body"][-1]["text"].endswith("Ann asks for a chair: 90 €.")


async def test_orders_from_a_paged_api_go_to_the_warehouse(mill: Mill, outside: Outside) -> None:
    tries: dict[str, int] = {}

    async def page(asked: Asked, writer: asyncio.StreamWriter) -> None:
        number = int(parse_qs(urlsplit(asked.target).query)["page"][0])
        orders = [{"id": f"{number}-{n}", "lines": [n]} for n in range(3 if number < 3 else 0)]
        body = json.dumps({"orders": orders}).encode()
        await answer(200, body, headers=JSON)(asked, writer)

    async def stored(asked: Asked, writer: asyncio.StreamWriter) -> None:
        tries[asked.target] = tries.get(asked.target, 0) + 1
        busy = asked.target.endswith("1-1") and tries[asked.target] == 1
        broken = asked.target.endswith("2-2")
        await answer(503 if busy else 400 if broken else 204)(asked, writer)

    outside.on("/shop/orders", page)
    for number in (1, 2):
        for n in range(3):
            outside.on(f"/warehouse/orders/{number}-{n}", stored)
    await integrate(mill, "shop", "http", {"base_url": outside.url("/shop")})
    await integrate(mill, "warehouse", "http", {"base_url": outside.url("/warehouse")})
    said = example("orders.json")
    inner = step_of(said, "each")["config"]["steps"][0]
    inner["retry"]["interval_seconds"] = 0.05
    (id_,) = await mill.start(await make(mill, said))
    assert output_of(await mill.ended(id_)) == {"sent": 5, "left": ["2-2"]}
    assert tries["/warehouse/orders/1-1"] == 2


async def test_a_nightly_report_runs_a_job_and_mails_its_result(
    mill: Mill, postbox: Postbox, tmp_path: Path, package_cache: Path
) -> None:
    config = {"host": "127.0.0.1", "port": postbox.port, "tls": "none"}
    config |= {"from_address": "treadle@example.com"}
    await integrate(mill, "mail", "smtp", config)
    workshop = mill.workshop
    package = package_bytes(hello=(EXAMPLES / "hello.py").read_text(encoding="utf-8"))
    draft = JobDraft(name="report", entry_point="hello.greet")
    job = await workshop.make_job(draft, package=package)
    said = example("nightly-report.json", JOB_ID=str(job.id))
    (id_,) = await mill.start(await make(mill, said))
    async with working(workshop, tmp_path, package_cache):
        ended = await mill.ended(id_)
    assert ended.status is Status.COMPLETED, (ended.error_name, ended.error_message)
    (letter,) = postbox.letters
    assert letter["Subject"] == "The report of the night"
    assert "Hello, the night!" in letter.get_content()
