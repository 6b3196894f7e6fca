"""What executions ask of the world, against real counterparts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from factories import NOW
from fixtures.executions import Mill, flow, make_context, milling, output_of
from fixtures.jobs import Workshop, package_bytes
from fixtures.mail import Postbox
from fixtures.outside import Asked, Outside, answer
from fixtures.workers import working
from treadle.core.clock import utc_now
from treadle.core.json import Json
from treadle.integrations.context import IntegrationsContext
from treadle.integrations.integrations import IntegrationDraft, create_integration
from treadle.integrations.model import IntegrationType
from treadle.jobs.definitions import JobDraft
from treadle.workflows import effect_store, executions
from treadle.workflows.answers import answer_wait
from treadle.workflows.carrying_out import tell_outcome
from treadle.workflows.condensed import condensed_logs
from treadle.workflows.events import StepSucceeded
from treadle.workflows.execution_links import Begun, Links, links_of
from treadle.workflows.execution_model import Status
from treadle.workflows.queueing import EffectKey
from treadle.workflows.telling import Answer
from workflows.making import Note, step, transform, way, ways

JSON = {"Content-Type": "application/json"}


def said(body: object, status: int = 200, **headers: str) -> Any:
    return answer(status, json.dumps(body).encode(), headers={**JSON, **headers})


async def until(holds: Callable[[], bool]) -> None:
    """Waits until this holds, which nobody tells us of."""
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.02)


def in_turn(*replies: Any) -> Any:
    """Each request gets the next of these."""
    left = list(replies)

    async def reply(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await left.pop(0)(asked, writer)

    return reply


async def integrate(
    mill: Mill, kind: str, config: dict[str, Any], secrets: dict[str, str] | None = None
) -> None:
    """An integration `other` of the tenant's default project."""
    draft = IntegrationDraft("other", IntegrationType(kind), config, secrets or {})
    async with mill.tx() as tx:
        await create_integration(
            tx, mill.workshop.context.sealer, mill.workshop.caller, draft, now=NOW
        )


# ---------------------------------------------------------------- http


async def test_http_sends_what_the_step_says_and_gives_the_answer(
    mill: Mill, outside: Outside
) -> None:
    url = outside.on("/orders", said({"id": 7}, 201, X_More="yes"))
    call = step(
        "call",
        "http",
        {
            "method": "post",
            "url": url,
            "query": {"q": "${payload.n}", "tag": ["a", "b c"], "none": None},
            "headers": {"X-Own": "${payload.n}"},
            "body": {"n": "${payload.n}"},
        },
    )
    done = await mill.run(flow(call, transform("r", "${steps.call.output}")), {"n": 5})
    output = output_of(done)
    assert (output["status"], output["body"]) == (201, {"id": 7})
    assert output["headers"]["x_more"] == "yes"
    (asked,) = outside.asked
    assert (asked.method, asked.target) == ("POST", "/orders?q=5&tag=a&tag=b%20c")
    assert json.loads(asked.body) == {"n": 5}
    assert asked.headers["x-own"] == "5"
    assert asked.headers["idempotency-key"] == f"{done.id}:call:1"
    await mill.check_log(done.id)


@pytest.mark.parametrize(
    ("kind", "body", "expected", "content_type"),
    [
        ("form", {"a": "x y", "b": 2}, b"a=x+y&b=2", "application/x-www-form-urlencoded"),
        ("xml", "<a/>", b"<a/>", "application/xml"),
        ("raw", "text", b"text", "text/plain; charset=utf-8"),
    ],
)
async def test_body_types(
    mill: Mill, outside: Outside, kind: str, body: Json, expected: bytes, content_type: str
) -> None:
    url = outside.on("/", said(None))
    config = {"method": "POST", "url": url, "body": body, "body_type": kind}
    await mill.run(flow(step("call", "http", config)))
    (asked,) = outside.asked
    assert (asked.body, asked.headers["content-type"]) == (expected, content_type)


async def test_a_refused_status_is_tried_again_with_another_key(
    mill: Mill, outside: Outside
) -> None:
    url = outside.on("/", in_turn(said("busy", 503), said("busy", 503), said("ok")))
    retry = {"max_attempts": 3, "interval_seconds": 0.05, "errors": ["Http.5xx"]}
    done = await mill.run(
        flow(
            step("call", "http", {"url": url}, retry=retry),
            transform("r", "${steps.call.output.body}"),
        )
    )
    assert output_of(done) == "ok"
    assert [one.headers["idempotency-key"] for one in outside.asked] == [
        f"{done.id}:call:{n}" for n in (1, 2, 3)
    ]
    await mill.check_log(done.id)


async def test_failures_have_names_that_connections_catch(mill: Mill, outside: Outside) -> None:
    url = outside.on("/", said("no", 404))
    draft = flow(
        step("call", "http", {"url": url}),
        transform("late", "${steps.call.error.name}"),
        connections=[*ways("t call"), way("call", "late", on="error", errors=["Http.404"])],
    )
    assert output_of(await mill.run(draft)) == "Http.404"
    failed = await mill.run(flow(step("call", "http", {"url": "http://127.0.0.1:1/"})))
    assert (failed.status, failed.error_name) == (Status.FAILED, "Http.ConnectFailed")


async def test_success_statuses_decide(mill: Mill, outside: Outside) -> None:
    url = outside.on("/", said("gone", 410))
    call = step("call", "http", {"url": url, "success_statuses": ["2xx", "410"]})
    done = await mill.run(flow(call, transform("r", "${steps.call.output.status}")))
    assert output_of(done) == 410


async def test_an_answer_that_is_too_large_fails_its_own_execution(
    mill: Mill, outside: Outside
) -> None:
    url = outside.on("/", answer(200, b"x" * 3_000_000))
    failed = await mill.run(flow(step("call", "http", {"url": url})))
    assert failed.error_name == "Http.TooLarge"


async def test_calls_to_this_machine_are_refused_unless_allowed(
    workshop: Workshop, shut_in: IntegrationsContext, outside: Outside
) -> None:
    targets = [outside.on("/", said(1)), "http://169.254.169.254/latest/meta-data/"]
    async with milling(workshop, make_context(workshop, shut_in)) as mill:
        for url in targets:
            failed = await mill.run(flow(step("call", "http", {"url": url})))
            assert failed.error_name == "Http.OutboundRefused"
    assert not outside.asked


async def paged(mill: Mill, outside: Outside, pagination: Note) -> Json:
    url = outside.url("/list?own=1")
    call = step("call", "http", {"url": url, "pagination": pagination})
    done = await mill.run(flow(call, transform("r", "${steps.call.output.body}")))
    return output_of(done)


async def test_pages_by_number(mill: Mill, outside: Outside) -> None:
    outside.on("/list", in_turn(said({"items": [1, 2]}), said({"items": [3]})))
    found = await paged(mill, outside, {"style": "page", "items": "body.items", "size": 2})
    assert found == [1, 2, 3]
    assert [one.target for one in outside.asked] == ["/list?own=1&page=1", "/list?own=1&page=2"]


async def test_pages_by_offset(mill: Mill, outside: Outside) -> None:
    outside.on("/list", in_turn(said([1, 2]), said([3]), said([])))
    found = await paged(mill, outside, {"style": "offset", "parameter": "skip", "start": 0})
    assert found == [1, 2, 3]
    assert [one.target[-6:] for one in outside.asked] == ["skip=0", "skip=2", "skip=3"]


async def test_pages_by_cursor(mill: Mill, outside: Outside) -> None:
    outside.on("/list", in_turn(said({"v": [1], "next": "a&b"}), said({"v": [2], "next": None})))
    pagination = {"style": "cursor", "items": "body.v", "cursor": "body.next", "parameter": "c"}
    assert await paged(mill, outside, pagination) == [1, 2]
    assert outside.asked[1].target == "/list?own=1&c=a%26b"


async def test_pages_by_link(mill: Mill, outside: Outside) -> None:
    outside.on("/list", said([1], Link='</more>; rel="next"'))
    outside.on("/more", said([2]))
    assert await paged(mill, outside, {"style": "link"}) == [1, 2]


async def test_pages_never_end_short_or_elsewhere(mill: Mill, outside: Outside) -> None:
    outside.on("/list", said([1]))
    url = outside.url("/list")
    endless = {"style": "page", "max_pages": 3}
    failed = await mill.run(flow(step("c", "http", {"url": url, "pagination": endless})))
    assert (failed.error_name, len(outside.asked)) == ("Http.TooManyPages", 3)
    outside.on("/list", said([1], Link='<http://127.0.0.2/>; rel="next"'))
    failed = await mill.run(flow(step("c", "http", {"url": url, "pagination": {"style": "link"}})))
    assert failed.error_name == "Http.OutboundRefused"
    outside.on("/list", said({"no": "list"}))
    failed = await mill.run(flow(step("c", "http", {"url": url, "pagination": endless})))
    assert failed.error_name == "Http.NoItems"


async def test_credentials_of_an_integration_go_along(mill: Mill, outside: Outside) -> None:
    outside.on("/api/orders", said("ok"))
    config = {"base_url": outside.url("/api"), "auth": {"type": "bearer"}}
    await integrate(mill, "http", config, {"token": "s3cret"})
    call = step("call", "http", {"integration": "other", "url": "orders"})
    done = await mill.run(flow(call, transform("r", "${steps.call.output.body}")))
    assert output_of(done) == "ok"
    assert outside.asked[0].headers["authorization"] == "Bearer s3cret"
    assert b"s3cret" not in json.dumps(await mill.events(done.id)).encode()


async def test_a_mail_goes_out_by_an_http_step(mill: Mill, postbox: Postbox) -> None:
    await integrate(mill, "smtp", mail_config(postbox))
    body = {"to": "ann@example.com", "subject": "Report ${payload}", "text": "All well."}
    call = step("mail", "http", {"integration": "other", "url": "-", "body": body})
    done = await mill.run(flow(call), 7)
    assert done.status is Status.COMPLETED, done.error_message
    (letter,) = postbox.letters
    assert letter["Subject"] == "Report 7"


# ---------------------------------------------------------------- wait_for_response


async def test_an_answer_is_asked_for_by_mail_with_a_link(mill: Mill, postbox: Postbox) -> None:
    await integrate(mill, "smtp", mail_config(postbox))
    send = {"integration": "other", "to": ["ann@example.com"], "subject": "Well?", "text": "Say."}
    ask = step("ask", "wait_for_response", {"send": send, "timeout_seconds": 600})
    version = await mill.make(flow(ask, transform("r", "${steps.ask.output}")))
    (id_,) = await mill.start(version)
    await until(lambda: bool(postbox.letters))
    text = postbox.letters[0].get_content()
    token = text.split("https://treadle.example/v1/workflows/answers/")[1].split()[0]
    wait = mill.context.links.wait(token)
    assert wait is not None and wait.execution_id == id_
    async with mill.tx() as tx:
        told = await answer_wait(tx, mill.context, wait, "yes", by={}, now=utc_now())
    assert told is Answer.RESTARTED
    assert output_of(await mill.ended(id_)) == "yes"
    await mill.check_log(id_)


async def test_a_card_gets_a_button_and_a_failed_send_fails_the_step(
    mill: Mill, outside: Outside
) -> None:
    hook = outside.on("/hook", in_turn(answer(200, b"1"), answer(500)))
    await integrate(mill, "teams", {}, {"webhook_url": hook})
    send = {"integration": "other", "subject": "Approve?", "text": "Order ${payload}"}
    version = await mill.make(flow(step("ask", "wait_for_response", {"send": send})))
    (first,) = await mill.start(version, 7)
    await until(lambda: len(outside.asked) == 1)
    card = json.loads(outside.asked[0].body)["attachments"][0]["content"]
    assert card["actions"][0]["url"].startswith("https://treadle.example/v1/workflows/answers/")
    assert (await mill.waiting(first)).status is Status.AWAITING_RESPONSE
    (second,) = await mill.start(version, 8)
    assert (await mill.ended(second)).error_name == "Http.500"


# ---------------------------------------------------------------- function


async def test_a_function_runs_in_the_sandbox(mill: Mill) -> None:
    code = (
        "import os\ndef main(n, factor=2):\n    return {'n': n * factor, 'env': list(os.environ)}"
    )
    call = step("f", "function", {"code": code, "input": {"n": "${payload}"}})
    done = await mill.run(flow(call, transform("r", "${steps.f.output}")), 21)
    assert output_of(done)["n"] == 42
    assert not [name for name in output_of(done)["env"] if "PYTHONPATH" in name]


@pytest.mark.parametrize(
    ("code", "seconds", "name"),
    [
        ("def main():\n    raise ValueError('not so')", None, "Function.ValueError"),
        ("def main(:", None, "Function.SyntaxError"),
        ("def main():\n    while True: pass", 0.5, "Timeout"),
        ("def other(): pass", None, "Function.EntryPointError"),
    ],
    ids=["raises", "no python", "endless", "no handler"],
)
async def test_functions_fail_by_name(
    mill: Mill, code: str, seconds: float | None, name: str
) -> None:
    more = {} if seconds is None else {"timeout_seconds": seconds}
    failed = await mill.run(flow(step("f", "function", {"code": code}, **more)))
    assert (failed.status, failed.error_name) == (Status.FAILED, name)


async def test_a_function_that_nobody_waits_for_is_stopped(mill: Mill) -> None:
    code = "import time\ndef main():\n    time.sleep(600)"
    version = await mill.make(flow(step("f", "function", {"code": code})))
    (id_,) = await mill.start(version)
    folder = mill.workshop.folder / "functions"
    await until(
        lambda: bool([*folder.glob("function-*/work/*"), *folder.glob("function-*/output")])
    )
    async with mill.tx() as tx:
        await executions.terminate(tx, mill.context, mill.workshop.caller, str(id_), now=utc_now())
    await until(lambda: not [*folder.glob("function-*")])


# ---------------------------------------------------------------- job, workflow


async def test_a_job_is_run_and_its_result_is_the_output(
    mill: Mill, tmp_path: Path, package_cache: Path
) -> None:
    package = package_bytes(
        hello="def main(n):\n    if n < 0: raise ValueError(n)\n    return n + 1"
    )
    job = await mill.workshop.make_job(JobDraft(name="hello"), package=package)
    config = {"job_id": str(job.id), "input": {"n": "${payload}"}}
    version = await mill.make(flow(step("j", "job", config), transform("r", "${steps.j.output}")))
    good, bad = await mill.start(version, 1, -1)
    async with working(mill.workshop, tmp_path, package_cache):
        assert output_of(await mill.ended(good)) == 2
        failed = await mill.ended(bad)
    assert (failed.error_name, failed.error_step) == ("Job.Failed", "j")
    events = await mill.check_log(good)
    runs = await _rows(mill, f"SELECT id FROM runs WHERE origin = 'execution:{good}:1:j'")
    assert (await _links(mill, good)).begun == (Begun("run", str(runs[0][0]), "j", 1),)
    assert condensed_logs(events)["j"]["output"] == 2


async def test_a_job_that_nobody_waits_for_is_stopped(mill: Mill) -> None:
    job = await mill.workshop.make_job()
    version = await mill.make(flow(step("j", "job", {"job_id": str(job.id)})))
    (id_,) = await mill.start(version)
    async with asyncio.timeout(60):
        while not (rows := await _rows(mill, "SELECT state FROM runs")):
            await asyncio.sleep(0.02)
    assert rows == [("QUEUED",)]
    (run,) = await _rows(mill, "SELECT id FROM runs")
    assert (await _links(mill, id_)).begun == (Begun("run", str(run[0]), "j", 1),)
    async with mill.tx() as tx:
        await executions.terminate(tx, mill.context, mill.workshop.caller, str(id_), now=utc_now())
    async with asyncio.timeout(60):
        while await _rows(mill, "SELECT state FROM runs") != [("CANCELLED",)]:
            await asyncio.sleep(0.02)


async def test_a_job_that_cannot_be_run_fails_the_step(mill: Mill) -> None:
    job = await mill.workshop.make_job()
    version = await mill.make(flow(step("j", "job", {"job_id": str(job.id)})))
    async with mill.tx() as tx:
        await tx.execute("UPDATE jobs SET active = false")
    (id_,) = await mill.start(version)
    assert (await mill.ended(id_)).error_name == "Job.Refused"


async def _rows(mill: Mill, query: str) -> list[tuple[Any, ...]]:
    async with mill.tx() as tx:
        return [tuple(record) for record in await tx.fetch(query)]


async def test_another_workflow_is_waited_for(mill: Mill) -> None:
    inner = await mill.make(flow(transform("x", {"twice": "${payload.n * 2}"})))
    config = {"workflow_id": str(inner.workflow_id), "payload": {"n": "${payload.n}"}}
    done = await mill.run(
        flow(step("w", "workflow", config), transform("r", "${steps.w.output.twice}")), {"n": 4}
    )
    assert output_of(done) == 8
    await mill.check_log(done.id)


async def test_a_map_of_executions_keeps_their_order(mill: Mill) -> None:
    inner = await mill.make(flow(transform("x", "${payload + 1}")))
    each = {"items": "payload", "workflow_id": str(inner.workflow_id), "max_concurrency": 5}
    done = await mill.run(flow(step("each", "map", each)), list(range(30)))
    assert done.status is Status.COMPLETED
    events = await mill.check_log(done.id)
    assert condensed_logs(events)["each"]["output"] == [n + 1 for n in range(30)]


async def test_a_failed_child_fails_the_step_by_name_and_ends_with_its_parent(mill: Mill) -> None:
    inner = await mill.make(flow(transform("x", "${1 / 0}")))
    config = {"workflow_id": str(inner.workflow_id)}
    failed = await mill.run(flow(step("w", "workflow", config)))
    assert failed.error_name == "Workflow.Failed"
    asking = await mill.make(flow(step("ask", "wait_for_response", {})))
    outer = flow(step("w", "workflow", {"workflow_id": str(asking.workflow_id)}))
    (id_,) = await mill.start(await mill.make(outer))
    async with asyncio.timeout(60):
        while not (children := await _children(mill, id_)):
            await asyncio.sleep(0.02)
    await mill.waiting(children[0])
    assert await _links(mill, id_) == Links(None, (Begun("execution", str(children[0]), "w", 1),))
    parent = (await _links(mill, children[0])).parent
    assert parent is not None
    assert (parent.execution_id, parent.step, parent.workflow_name) == (id_, "w", "orders")
    async with mill.tx() as tx:
        await executions.terminate(tx, mill.context, mill.workshop.caller, str(id_), now=utc_now())
    assert (await mill.ended(children[0])).status is Status.TERMINATED


async def _links(mill: Mill, id_: UUID) -> Links:
    events = await mill.events(id_)
    async with mill.tx() as tx:
        return await links_of(tx, id_, events)


async def _children(mill: Mill, id_: UUID) -> list[UUID]:
    async with mill.tx() as tx:
        records = await tx.fetch("SELECT id FROM executions WHERE parent_execution_id = $1", id_)
    return [record["id"] for record in records]


def mail_config(server: Postbox) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": server.port,
        "tls": "none",
        "from_address": "treadle@example.com",
    }


# ---------------------------------------------------------------- claims


async def test_only_the_last_claims_outcome_is_taken_and_only_once(
    workshop: Workshop, calls: IntegrationsContext
) -> None:
    """As when a process was suspended in its call, and another one took it over."""
    context = make_context(workshop, calls)
    # Without functions: nobody but the test carries the step out.
    async with milling(workshop, context, functions=False) as mill:
        version = await mill.make(flow(step("f", "function", {"code": "def main(): ..."})))
        (id_,) = await mill.start(version)
        await mill.reached(id_, lambda seen: seen.current == "f")
        key, tenant_id = EffectKey(id_, "f", 1), workshop.caller.tenant_id

        async def claim() -> int:
            async with mill.tx() as tx:
                effect = await effect_store.claim_effect(tx, key)
                assert effect is not None
                return effect.claim

        async def tell(output: Json, claimed: int) -> bool:
            async with mill.tx() as tx:
                outcome = StepSucceeded("f", 1, output)
                return await tell_outcome(tx, tenant_id, key, outcome, claim=claimed, bound=100)

        first, second = await claim(), await claim()
        assert not await tell("too late", first)
        assert await tell("mine", second)
        assert not await tell("twice", second)
        done = await mill.ended(id_)
        events = await mill.check_log(id_)
    assert done.status is Status.COMPLETED
    assert [one["output"] for one in events if one["type"] == "step_succeeded"][-1] == "mine"
