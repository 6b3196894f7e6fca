"""SAP integrations against an OData-like service that demands CSRF tokens."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from fixtures.integrations import NOW, opened
from fixtures.outside import Asked, Outside, answer
from treadle.integrations.calls import notify, try_out
from treadle.integrations.context import IntegrationsContext
from treadle.integrations.errors import OutboundRefused, Rejected
from treadle.integrations.model import OpenIntegration
from treadle.integrations.outbound import Response
from treadle.integrations.types.sap import call

PASSWORD = "s3cret-of-sap"
BASIC = "Basic " + base64.b64encode(f"TREADLE:{PASSWORD}".encode()).decode()


class Service:
    """An OData service: tokens are for a session, and the session is a cookie."""

    def __init__(self, outside: Outside) -> None:
        self.outside = outside
        self.numbers = count(1)
        self.sessions: dict[str, str] = {}
        outside.on("/odata", self.root)
        outside.on("/odata/Orders", self.orders)

    def opened(self, **changes: Any) -> OpenIntegration[Any, Any]:
        config = {"base_url": self.outside.url("/odata"), "username": "TREADLE", **changes}
        return opened("sap", config, {"password": PASSWORD})

    def expire(self) -> None:
        """All sessions have run out."""
        self.sessions.clear()

    async def root(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.headers.get("authorization") != BASIC:
            await answer(401)(asked, writer)
            return
        headers: dict[str, str] = {}
        if asked.headers.get("x-csrf-token") == "Fetch":
            number = next(self.numbers)
            self.sessions[f"sid={number}"] = f"csrf-{number}"
            headers = {
                "X-CSRF-Token": f"csrf-{number}",
                "Set-Cookie": f"sid={number}; Path=/; HttpOnly\r\nSet-Cookie: usr=x; Secure",
            }
        await answer(200, b"{}", headers=headers)(asked, writer)

    async def orders(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        cookies = asked.headers.get("cookie", "").split("; ")
        session = next((cookie for cookie in cookies if cookie.startswith("sid=")), "")
        token = self.sessions.get(session)
        if asked.headers.get("authorization") != BASIC:
            await answer(401)(asked, writer)
        elif asked.method == "GET":
            await answer(200, b'{"d": []}')(asked, writer)
        elif token is None or asked.headers.get("x-csrf-token") != token:
            headers: Mapping[str, str] = {"X-CSRF-Token": "Required"}
            await answer(403, b"CSRF token validation failed", headers=headers)(asked, writer)
        else:
            await answer(201, asked.body)(asked, writer)


async def send(
    calls: IntegrationsContext, conn: OpenIntegration[Any, Any], method: str, **more: Any
) -> Response:
    options: dict[str, Any] = {
        "path": "Orders",
        "timeout_seconds": 20,
        "max_response_bytes": 10_000,
        "now": NOW,
    }
    return await call(calls, conn, method=method, **(options | more))


@pytest.fixture
def service(outside: Outside) -> Service:
    return Service(outside)


def fetched(service: Service) -> int:
    """How many tokens were asked for."""
    return sum(asked.headers.get("x-csrf-token") == "Fetch" for asked in service.outside.asked)


async def test_reading_needs_no_token(calls: IntegrationsContext, service: Service) -> None:
    got = await send(calls, service.opened(client="100"), "GET", query={"$top": "5"})

    assert (got.status, fetched(service)) == (200, 0)
    assert service.outside.asked[0].target in (
        "/odata/Orders?%24top=5&sap-client=100",
        "/odata/Orders?$top=5&sap-client=100",
    )
    assert service.outside.asked[0].headers["accept"] == "application/json"


async def test_changes_share_one_token_for_ten_minutes(
    calls: IntegrationsContext, service: Service
) -> None:
    conn = service.opened()

    several = await asyncio.gather(*(send(calls, conn, "POST", content=b"1") for _ in range(5)))
    assert [got.status for got in several] == [201] * 5
    await send(calls, conn, "DELETE", now=NOW + timedelta(minutes=9))
    assert fetched(service) == 1

    await send(calls, conn, "PATCH", now=NOW + timedelta(minutes=11))
    assert fetched(service) == 2


async def test_a_token_that_has_run_out_is_fetched_anew_once(
    calls: IntegrationsContext, service: Service
) -> None:
    conn = service.opened()
    await send(calls, conn, "POST")

    service.expire()
    assert (await send(calls, conn, "POST", content=b"again")).body == b"again"
    assert fetched(service) == 2

    refusal = answer(403, headers={"X-CSRF-Token": "Required"})
    service.outside.on("/odata/Orders", refusal)
    assert (await send(calls, conn, "POST")).status == 403
    assert fetched(service) == 3  # and no more


async def test_another_403_is_an_answer(calls: IntegrationsContext, service: Service) -> None:
    service.outside.on("/odata/Orders", answer(403, b"no authorization"))

    assert (await send(calls, service.opened(), "POST")).status == 403
    assert fetched(service) == 1


async def test_a_wrong_password_is_said_without_it(
    calls: IntegrationsContext, service: Service
) -> None:
    conn = service.opened(username="OTHER")

    with pytest.raises(Rejected, match="401: check the credentials") as refused:
        await send(calls, conn, "POST")

    assert refused.value.name == "Http.401"
    assert PASSWORD not in str(refused.value)


async def test_what_gives_no_token_is_no_odata_service(
    calls: IntegrationsContext, service: Service
) -> None:
    service.outside.on("/odata", answer(200, b"welcome"))

    tried = await try_out(calls, service.opened(), now=NOW)

    assert (tried.ok, tried.error) == (False, "Sap.Csrf")


async def test_a_login_page_is_not_followed(calls: IntegrationsContext, service: Service) -> None:
    service.outside.on("/odata", answer(302, headers={"Location": "/login"}))

    tried = await try_out(calls, service.opened(), now=NOW)

    assert (tried.ok, tried.error) == (False, "Http.302")


async def test_trying_it_out_asks_for_a_token(calls: IntegrationsContext, service: Service) -> None:
    assert (await try_out(calls, service.opened(), now=NOW)).ok
    assert fetched(service) == 1


async def test_it_cannot_notify(calls: IntegrationsContext, service: Service) -> None:
    with pytest.raises(OutboundRefused, match="type sap cannot notify"):
        await notify(calls, service.opened(), to=[], subject="", message="x", now=NOW)
