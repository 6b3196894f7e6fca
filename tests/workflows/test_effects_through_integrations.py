"""`http` steps through integrations that speak something else than HTTP of the step's own, and
waits that ask by them; each against its real counterpart.
"""

from __future__ import annotations

import json
from urllib.parse import unquote, urlsplit

from fixtures.executions import Mill, flow, output_of
from fixtures.outside import Asked, Outside, answer
from integrations.types.test_sql import HOST, door
from treadle.workflows.execution_model import Status
from workflows.making import step, transform
from workflows.test_effects import in_turn, integrate, said, until

LINK = "https://treadle.example/v1/workflows/answers/"


async def test_sap_steps_bring_a_csrf_token(mill: Mill, outside: Outside) -> None:
    token = {"X-CSRF-Token": "csrf-1", "Set-Cookie": "sid=1; Path=/"}
    outside.on("/odata", said({}, 200, **token))
    outside.on("/odata/Orders", said({"d": {"Id": 7}}, 201))
    config = {"base_url": outside.url("/odata"), "username": "TREADLE"}
    await integrate(mill, "sap", config, {"password": "s3cret"})
    body = {"integration": "other", "method": "POST", "url": "Orders", "body": {"n": 1}}
    done = await mill.run(
        flow(step("sap", "http", body), transform("r", "${steps.sap.output.body.d.Id}"))
    )
    assert output_of(done) == 7
    fetched, posted = outside.asked
    assert fetched.headers["x-csrf-token"] == "Fetch"
    assert (posted.headers["x-csrf-token"], posted.headers["cookie"]) == ("csrf-1", "sid=1")
    assert posted.headers["idempotency-key"] == f"{done.id}:sap:1"


async def test_slack_steps_post_and_fail_by_name(mill: Mill, outside: Outside) -> None:
    hook = outside.on("/hook", in_turn(answer(200, b"ok"), answer(404, b"no_service")))
    await integrate(mill, "slack", {}, {"webhook_url": hook})
    post = step("s", "http", {"integration": "other", "url": "-", "body": "Order ${payload}"})
    version = await mill.make(flow(post))
    (good,) = await mill.start(version, 7)
    assert (await mill.ended(good)).status is Status.COMPLETED
    assert json.loads(outside.asked[0].body) == {"text": "Order 7"}
    (bad,) = await mill.start(version, 8)
    assert (await mill.ended(bad)).error_name == "Http.404"


async def test_sql_steps_give_rows_and_fail_by_name(mill: Mill, database_url: str) -> None:
    async with door(database_url, tls=None, offers_tls=False) as port:
        parts = urlsplit(database_url)
        config = {
            "host": HOST,
            "port": port,
            "database": parts.path.removeprefix("/"),
            "username": unquote(parts.username or ""),
            "tls": "none",
        }
        await integrate(mill, "sql", config, {"password": unquote(parts.password or "")})

        def query(sql: str) -> dict[str, object]:
            body = {"sql": sql, "parameters": ["${payload}"]}
            return {"integration": "other", "url": "-", "body": body}

        asked = step("q", "http", query("SELECT $1::int + 1 AS n"))
        done = await mill.run(flow(asked, transform("r", "${steps.q.output.body[0].n}")), 41)
        assert output_of(done) == 42
        wrong = step("q", "http", query("SELECT $1::int / 0"))
        assert (await mill.run(flow(wrong), 1)).error_name == "Integration.Sql.22012"


async def test_an_http_system_is_asked_with_the_link_in_its_body(
    mill: Mill, outside: Outside
) -> None:
    outside.on("/api/ask", said(None))
    await integrate(mill, "http", {"base_url": outside.url("/api")})
    send = {"integration": "other", "path": "ask", "body": {"order": "${payload}"}}
    version = await mill.make(flow(step("ask", "wait_for_response", {"send": send})))
    (id_,) = await mill.start(version, 7)
    await until(lambda: len(outside.asked) == 1)
    (asked,) = outside.asked
    told = json.loads(asked.body)
    assert told["order"] == 7 and told["answer_link"].startswith(LINK)
    assert asked.headers["idempotency-key"] == f"{id_}:ask:1"
    wait = mill.context.links.wait(told["answer_link"].removeprefix(LINK))
    assert wait is not None and wait.execution_id == id_


async def test_a_link_goes_where_the_text_says(mill: Mill, outside: Outside) -> None:
    hook = outside.on("/hook", answer(200, b"ok"))
    await integrate(mill, "slack", {}, {"webhook_url": hook})
    send = {"integration": "other", "text": "Go to <{answer_link}|this page>"}
    await mill.start(await mill.make(flow(step("ask", "wait_for_response", {"send": send}))))
    await until(lambda: len(outside.asked) == 1)
    asked: Asked = outside.asked[0]
    assert json.loads(asked.body)["text"].startswith(f"Go to <{LINK}")


async def test_what_is_not_there_any_more_fails_the_step(mill: Mill, outside: Outside) -> None:
    await integrate(mill, "http", {"base_url": outside.url("/")})
    call = step("c", "http", {"integration": "other", "url": "x"})
    version = await mill.make(flow(call))
    async with mill.tx() as tx:
        await tx.execute("DELETE FROM integrations")
    (id_,) = await mill.start(version)
    assert (await mill.ended(id_)).error_name == "Integration.NotFound"
