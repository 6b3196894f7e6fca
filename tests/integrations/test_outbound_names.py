"""Names, addresses and certificates: where a call really goes. Real sockets, the test's own names.

127.0.0.1 and 127.0.0.2 are two machines here, of which the installation allows one or both.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from ipaddress import IPv4Address, ip_address
from pathlib import Path

import pytest

from fixtures.certificates import make_certificate
from fixtures.outside import Outside, answer, outside_server
from treadle.integrations.addresses import Address, Allowed
from treadle.integrations.errors import ConnectFailed, OutboundRefused, TlsFailed
from treadle.integrations.guard import SystemResolver
from treadle.integrations.outbound import Outbound, Response

FIRST, SECOND = IPv4Address("127.0.0.1"), IPv4Address("127.0.0.2")
NAME = "shop.example"
GONE = {"Connection": "close"}


class Names:
    """A name server whose answers the test writes: the last one is repeated."""

    def __init__(self, *answers: Sequence[Address]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@asynccontextmanager
async def calling(
    allowed: Sequence[str], names: Names, *, trust: ssl.SSLContext | None = None
) -> AsyncGenerator[Outbound]:
    outbound = Outbound(Allowed.parse(allowed), resolve=names, ssl_context=trust)
    try:
        yield outbound
    finally:
        await outbound.close()


async def get(outbound: Outbound, url: str, headers: dict[str, str] | None = None) -> Response:
    return await outbound.request(
        method="GET",
        url=url,
        headers=headers or {},
        content=None,
        timeout_seconds=20,
        max_response_bytes=1000,
    )


@pytest.fixture
async def twins() -> AsyncGenerator[tuple[Outside, Outside]]:
    """Two machines that listen at the same port."""
    async with (
        outside_server(host=str(FIRST)) as first,
        outside_server(host=str(SECOND), port=first.port) as second,
    ):
        for machine in (first, second):
            machine.on("/", answer(200, machine.host.encode(), headers=GONE))
        yield first, second


async def test_a_name_is_asked_once_and_the_checked_address_is_used(
    twins: tuple[Outside, Outside],
) -> None:
    first, second = twins
    names = Names([SECOND], [FIRST])

    async with calling(["127.0.0.2"], names) as outbound:
        got = await get(outbound, first.url(host=NAME))
        assert got.body == b"127.0.0.2"
        assert names.asked == [NAME]
        assert second.asked[0].headers["host"] == f"{NAME}:{first.port}"

        with pytest.raises(OutboundRefused):  # the name has been bound anew
            await get(outbound, first.url(host=NAME))

    assert first.connections == 0


async def test_a_redirect_is_resolved_and_checked_again(twins: tuple[Outside, Outside]) -> None:
    first, second = twins
    second.on("/", answer(302, headers={"Location": f"http://other.example:{first.port}/", **GONE}))

    async with calling(["127.0.0.2"], Names([SECOND], [FIRST])) as outbound:
        with pytest.raises(OutboundRefused, match=r"other\.example leads to an address"):
            await get(outbound, first.url(host=NAME))

    assert first.connections == 0


async def test_only_the_checked_ones_of_several_addresses_are_used(
    twins: tuple[Outside, Outside],
) -> None:
    first, _ = twins
    found = [ip_address("10.0.0.1"), FIRST, ip_address("::1"), SECOND]

    async with calling(["127.0.0.2"], Names(found)) as outbound:
        assert (await get(outbound, first.url(host=NAME))).body == b"127.0.0.2"

    assert first.connections == 0


async def test_the_next_address_is_tried_where_the_first_takes_no_connection(
    twins: tuple[Outside, Outside],
) -> None:
    first, _ = twins
    found = [IPv4Address("127.0.0.3"), SECOND]

    async with calling(["127.0.0.0/8"], Names(found)) as outbound:
        assert (await get(outbound, first.url(host=NAME))).body == b"127.0.0.2"


async def test_an_allowed_name_may_lead_inside_and_others_not(
    twins: tuple[Outside, Outside],
) -> None:
    first, _ = twins

    async with calling(["sap.intern"], Names([FIRST])) as outbound:
        assert (await get(outbound, first.url(host="SAP.intern"))).status == 200
        with pytest.raises(OutboundRefused):
            await get(outbound, first.url(host="other.intern"))


async def test_a_refusal_does_not_tell_the_address(twins: tuple[Outside, Outside]) -> None:
    async with calling([], Names([ip_address("10.11.12.13")])) as outbound:
        with pytest.raises(OutboundRefused) as refused:
            await get(outbound, f"http://{NAME}/")

    assert "10.11" not in refused.value.message


async def test_a_name_without_an_address_is_said() -> None:
    async with calling([], Names([])) as outbound:
        with pytest.raises(ConnectFailed, match=f"{NAME} has no address"):
            await get(outbound, f"http://{NAME}/")


async def test_the_system_resolver_answers_for_this_machine() -> None:
    resolver = SystemResolver()
    try:
        assert FIRST in await resolver("localhost", 80)
        with pytest.raises((OSError, UnicodeError)):
            await resolver("x" * 64 + ".example", 80)
    finally:
        resolver.close()


CREDENTIALS = {
    "Authorization": "Bearer secret",
    "Cookie": "session=secret",
    "X-Api-Key": "secret",
    "Whatever": "secret",
    "Accept": "text/plain",
    "User-Agent": "mine",
}


@pytest.mark.parametrize("other", ["other.example", "sub." + NAME])
async def test_credentials_stay_with_their_origin(outside: Outside, other: str) -> None:
    outside.on("/", answer(307, headers={"Location": outside.url("/b", host=other)}))
    outside.on("/b", answer(307, headers={"Location": outside.url("/c", host=NAME)}))
    outside.on("/c", answer(200))

    async with calling(["127.0.0.1"], Names([FIRST])) as outbound:
        await get(outbound, outside.url(host=NAME), CREDENTIALS)

    at_home, abroad, back = outside.asked
    assert at_home.headers["x-api-key"] == at_home.headers["whatever"] == "secret"
    for asked in (abroad, back):  # what was dropped does not come back
        assert "secret" not in str(asked.headers)
        assert (asked.headers["accept"], asked.headers["user-agent"]) == ("text/plain", "mine")


async def test_another_port_is_another_origin(twins: tuple[Outside, Outside]) -> None:
    first, _ = twins
    async with outside_server() as third:
        first.on("/", answer(307, headers={"Location": third.url("/")}))
        third.on("/", answer(200))
        async with calling(["127.0.0.1"], Names([FIRST])) as outbound:
            await get(outbound, first.url("/"), CREDENTIALS)

        assert "secret" not in str(third.asked[0].headers)


# ---------------------------------------------------------------- TLS


async def test_tls_checks_the_name_and_not_the_address(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, NAME)
    server, client = certificate.server, certificate.client
    asked: list[str | None] = []
    server.sni_callback = lambda sock, name, context: asked.append(name)
    async with (
        outside_server(tls=server) as outside,
        calling(["127.0.0.1"], Names([FIRST]), trust=client) as outbound,
    ):
        url = outside.on("/", answer(200, b"safe")).replace(outside.host, NAME)

        assert (await get(outbound, url)).body == b"safe"
        assert asked == [NAME]

        with pytest.raises(TlsFailed, match=r"certificate of other\.example"):
            await get(outbound, url.replace(NAME, "other.example"))


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    server = make_certificate(tmp_path, NAME).server
    async with (
        outside_server(tls=server) as outside,
        calling(["127.0.0.1"], Names([FIRST])) as outbound,
    ):
        with pytest.raises(TlsFailed, match="is not to be trusted"):
            await get(outbound, outside.url(host=NAME))
        assert outside.asked == []


async def test_https_is_not_led_down_to_http(tmp_path: Path, outside: Outside) -> None:
    certificate = make_certificate(tmp_path, NAME)
    server, client = certificate.server, certificate.client
    async with (
        outside_server(tls=server) as safe,
        calling(["127.0.0.1"], Names([FIRST]), trust=client) as outbound,
    ):
        safe.on("/", answer(302, headers={"Location": outside.url("/")}))

        with pytest.raises(OutboundRefused, match="from https to http"):
            await get(outbound, safe.url(host=NAME))

    assert outside.connections == 0


async def test_calls_that_are_cancelled_leave_no_connection_behind(outside: Outside) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()
    open_now = 0

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now
        open_now += 1
        begun.set()
        with suppress(ConnectionError):
            await reader.read()  # until the caller hangs up
        writer.close()
        open_now -= 1
        if open_now == 0:
            ended.set()

    outside.on("/", answer(200, b"free"))
    async with (
        await asyncio.start_server(silent, "127.0.0.1", 0) as server,
        calling(["127.0.0.1"], Names([FIRST])) as outbound,
    ):
        url = f"http://{NAME}:{server.sockets[0].getsockname()[1]}/"
        calls = [asyncio.create_task(get(outbound, url)) for _ in range(200)]
        await asyncio.wait_for(begun.wait(), 60)
        for one in calls:
            one.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

        await asyncio.wait_for(ended.wait(), 60)

        assert (await get(outbound, outside.url(host=NAME))).body == b"free"
