"""HTTP to the outside: what comes back, and how each bad case ends. Real sockets throughout."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncGenerator, Sequence
from ipaddress import IPv4Address
from typing import Any

import pytest

from fixtures.outside import Asked, Outside, answer, raw
from treadle.integrations.addresses import Allowed
from treadle.integrations.errors import (
    BrokenAnswer,
    ConnectFailed,
    OutboundError,
    OutboundRefused,
    Timeout,
    TlsFailed,
    TooLarge,
    TooManyRedirects,
)
from treadle.integrations.outbound import Outbound, Response

LOOPBACK = IPv4Address("127.0.0.1")


@pytest.fixture
async def outbound() -> AsyncGenerator[Outbound]:
    """Calls that may go to this machine."""
    running = Outbound(Allowed.parse(["127.0.0.1"]), max_calls_per_host=4)
    yield running
    await running.close()


async def call(outbound: Outbound, url: str, **changes: Any) -> Response:
    request: dict[str, Any] = {
        "method": "GET",
        "headers": {},
        "content": None,
        "timeout_seconds": 20,
        "max_response_bytes": 100_000,
    }
    return await outbound.request(url=url, **(request | changes))


async def test_an_answer_comes_back_whole(outbound: Outbound, outside: Outside) -> None:
    url = outside.on("/a", answer(201, b'{"x": 1}', headers={"X-Thing": "7", "Set-Cookie": "a=b"}))

    got = await call(
        outbound, f"{url}?q=ä b#part", method="PUT", headers={"X-Mine": "1"}, content=b"hello"
    )

    assert (got.status, got.body, got.headers["x-thing"]) == (201, b'{"x": 1}', "7")
    (asked,) = outside.asked
    assert (asked.method, asked.target, asked.body) == ("PUT", "/a?q=%C3%A4%20b", b"hello")
    assert asked.headers["x-mine"] == "1"
    assert asked.headers["host"] == f"127.0.0.1:{outside.port}"
    assert asked.headers["user-agent"] == "Treadle"


async def test_any_status_is_an_answer(outbound: Outbound, outside: Outside) -> None:
    assert (await call(outbound, outside.on("/a", answer(503, b"no")))).status == 503
    assert (await call(outbound, outside.url("/none"))).status == 404


async def test_cookies_and_connections_of_one_call_do_not_colour_the_next(
    outbound: Outbound, outside: Outside
) -> None:
    url = outside.on("/a", answer(headers={"Set-Cookie": "session=1"}))

    await call(outbound, url)
    await call(outbound, url)

    assert "cookie" not in outside.asked[1].headers
    assert outside.connections == 1  # one pool: the connection is used again


async def test_a_post_without_a_body_says_so(outbound: Outbound, outside: Outside) -> None:
    await call(outbound, outside.on("/a", answer()), method="POST")

    assert outside.asked[0].headers["content-length"] == "0"


# ---------------------------------------------------------------- what is refused before sending

BAD_CALLS: dict[str, dict[str, Any]] = {
    "file": {"url": "file:///etc/passwd"},
    "gopher": {"url": "gopher://127.0.0.1:6379/_x"},
    "unix": {"url": "http+unix://socket/"},
    "no scheme": {"url": "127.0.0.1/x"},
    "no host": {"url": "http:///x"},
    "user name": {"url": "http://user:password@127.0.0.1/"},
    "hidden host": {"url": "http://good.example@127.0.0.1/"},
    "port 0": {"url": "http://127.0.0.1:0/"},
    "port too high": {"url": "http://127.0.0.1:65536/"},
    "odd host": {"url": "http://a%5bb/"},
    "octal": {"url": "http://0177.0.0.1/"},
    "line break": {"url": "http://127.0.0.1/\r\nX-Evil: 1"},
    "NUL": {"url": "http://127.0.0.1/\0"},
    "long": {"url": "http://127.0.0.1/" + "x" * 9000},
    "method": {"method": "GET / HTTP/1.1\r\nX: 1\r\n\r\nGET"},
    "small letters": {"method": "get"},
    "connect": {"method": "CONNECT"},
    "trace": {"method": "TRACE"},
    "header value": {"headers": {"X-A": "1\r\nX-Evil: 2"}},
    "header value line feed": {"headers": {"X-A": "1\nX-Evil: 2"}},
    "header value NUL": {"headers": {"X-A": "1\0"}},
    "header value beyond ASCII": {"headers": {"X-A": "ä"}},
    "header name": {"headers": {"X-A: 1\r\nX-Evil": "2"}},
    "empty header name": {"headers": {"": "2"}},
    "host header": {"headers": {"HOST": "internal"}},
    "length": {"headers": {"Content-Length": "3"}},
    "chunks": {"headers": {"Transfer-Encoding": "chunked"}},
    "upgrade": {"headers": {"Upgrade": "websocket"}},
    "twice": {"headers": {"X-A": "1", "x-a": "2"}},
    "many headers": {"headers": {f"X-{number}": "1" for number in range(101)}},
    "big headers": {"headers": {"X-A": "x" * 70_000}},
}


@pytest.mark.parametrize("case", BAD_CALLS)
async def test_what_no_call_may_be_is_refused_before_anything_is_sent(
    outbound: Outbound, outside: Outside, case: str
) -> None:
    with pytest.raises(OutboundRefused) as refused:
        await call(outbound, **({"url": outside.url("/")} | BAD_CALLS[case]))

    assert "password" not in refused.value.message.replace("user name or password", "")
    assert outside.connections == 0


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "LOCALHOST", "127.1", "2130706433", "0x7f000001"],
)
async def test_this_machine_is_refused_in_every_spelling(outside: Outside, host: str) -> None:
    outbound = Outbound(Allowed())
    try:
        with pytest.raises((OutboundRefused, ConnectFailed)) as refused:
            await call(outbound, outside.url("/", host=host))
    finally:
        await outbound.close()

    assert outside.connections == 0
    if isinstance(refused.value, OutboundRefused):
        assert "TREADLE_OUTBOUND_ALLOWED" in refused.value.message


@pytest.mark.parametrize("host", ["[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0"])
async def test_this_machine_is_refused_by_its_other_addresses(outside: Outside, host: str) -> None:
    outbound = Outbound(Allowed())
    try:
        with pytest.raises(OutboundRefused):
            await call(outbound, outside.url("/", host=host))
    finally:
        await outbound.close()

    assert outside.connections == 0


# ---------------------------------------------------------------- bounds of time and size


async def never(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Says nothing, until the server ends."""
    await asyncio.Event().wait()


async def slow_headers(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """A header now and then, for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: 1\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def slow_body(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """A byte now and then: never silent for long, never done."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def early_hints(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """The answer is always about to come."""
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("reply", [never, slow_headers, slow_body, early_hints])
async def test_one_deadline_bounds_every_kind_of_slowness(
    outbound: Outbound, outside: Outside, reply: Any
) -> None:
    url = outside.on("/slow", reply)

    with pytest.raises(Timeout, match=r"within 0\.3 s"):
        await call(outbound, url, timeout_seconds=0.3)

    url = outside.on("/quick", answer(200, b"still works"))
    assert (await call(outbound, url)).body == b"still works"


async def test_the_deadline_covers_redirects_together(outbound: Outbound, outside: Outside) -> None:
    async def on_and_on(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.02)
        await answer(302, headers={"Location": "/again"})(asked, writer)

    with pytest.raises(Timeout):
        await call(
            outbound, outside.on("/again", on_and_on), timeout_seconds=0.3, max_redirects=1_000
        )


async def chunks_for_ever(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """As fast as they are taken."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
        await writer.drain()


async def empty_members_for_ever(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Compressed nothing, again and again."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
    while True:
        writer.write(gzip.compress(b"") * 100)
        await writer.drain()


BOMB = gzip.compress(b"\0" * 50_000_000)


@pytest.mark.parametrize(
    "reply",
    [
        answer(200, b"x" * 100_001),
        chunks_for_ever,
        empty_members_for_ever,
        answer(200, BOMB, headers={"Content-Encoding": "gzip"}),
        answer(200, gzip.compress(BOMB), headers={"Content-Encoding": "gzip, gzip"}),
    ],
    ids=["long", "chunks for ever", "empty members", "bomb", "bomb in a bomb"],
)
async def test_a_huge_answer_is_cut_off(outbound: Outbound, outside: Outside, reply: Any) -> None:
    with pytest.raises((TooLarge, BrokenAnswer)) as error:
        await call(outbound, outside.on("/huge", reply))

    assert isinstance(error.value, TooLarge) or "encoding" in error.value.message


async def test_an_answer_of_exactly_the_bound_is_taken(
    outbound: Outbound, outside: Outside
) -> None:
    url = outside.on("/a", answer(200, b"x" * 100_000))
    assert len((await call(outbound, url)).body) == 100_000

    packed = gzip.compress(b"y" * 60_000) + gzip.compress(b"z" * 40_000)
    url = outside.on("/b", answer(200, packed, headers={"Content-Encoding": "gzip"}))
    assert (await call(outbound, url)).body == b"y" * 60_000 + b"z" * 40_000


BROKEN = {
    "silent": b"",
    "not HTTP": b"220 mail.example ESMTP\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
    "half a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf",
    "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "bad length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "head without end": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
    "not gzip": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Encoding: gzip\r\n\r\nabcd",
    "half gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"x")[:-4],
    "unasked encoding": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Encoding: br\r\n\r\nx",
}


@pytest.mark.parametrize("case", BROKEN)
async def test_broken_answers_have_a_name(outbound: Outbound, outside: Outside, case: str) -> None:
    with pytest.raises(BrokenAnswer):
        await call(outbound, outside.on("/broken", raw(BROKEN[case])))


async def test_nobody_there(outbound: Outbound) -> None:
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()

    with pytest.raises(ConnectFailed, match=f"127.0.0.1:{port} takes no connection"):
        await call(outbound, f"http://127.0.0.1:{port}/")


async def test_a_server_without_tls_is_said_to_have_none(outbound: Outbound) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(TlsFailed, match="speak TLS"):
            await call(outbound, f"https://127.0.0.1:{port}/")


async def test_a_tls_handshake_that_never_ends_is_ended(
    outbound: Outbound, outside: Outside
) -> None:
    with pytest.raises(Timeout):
        await call(outbound, outside.url("/").replace("http:", "https:"), timeout_seconds=0.3)

    await outside.until(lambda: outside.open_connections == 0)


# ---------------------------------------------------------------- redirects


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "PUT", "GET"),
        (307, "POST", "POST"),
        (308, "PUT", "PUT"),
        (302, "GET", "GET"),
        (303, "HEAD", "HEAD"),
    ],
)
async def test_redirects_keep_or_drop_the_body_as_the_status_says(
    outbound: Outbound, outside: Outside, status: int, method: str, then: str
) -> None:
    outside.on("/old", answer(status, headers={"Location": "new?x=1"}))
    outside.on("/new", answer(200, b"here"))

    got = await call(
        outbound,
        outside.url("/old"),
        method=method,
        content=None if method in ("GET", "HEAD") else b"body",
        headers={"Content-Type": "text/plain", "Authorization": "Bearer 1"},
    )

    assert (got.status, got.final_url) == (200, outside.url("/new?x=1"))
    second = outside.asked[1]
    assert second.method == then
    assert second.body == (b"body" if then in ("POST", "PUT") else b"")
    assert ("content-type" in second.headers) == (status in (307, 308, 302) and then == method)
    assert second.headers["authorization"] == "Bearer 1"  # the same origin


async def test_redirects_end(outbound: Outbound, outside: Outside) -> None:
    url = outside.on("/loop", answer(302, headers={"Location": "/loop"}))

    with pytest.raises(TooManyRedirects):
        await call(outbound, url, max_redirects=3)

    assert len(outside.asked) == 4


async def test_redirects_that_nobody_wants_are_answers(
    outbound: Outbound, outside: Outside
) -> None:
    url = outside.on("/old", answer(302, b"moved", headers={"Location": "http://10.0.0.1/"}))

    got = await call(outbound, url, allow_redirects=False)

    assert (got.status, got.body, got.headers["location"]) == (302, b"moved", "http://10.0.0.1/")


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "//10.0.0.1/",
        "http://[::ffff:169.254.169.254]/",
        "file:///etc/passwd",
        "http://user:password@127.0.0.1/",
        "http://[::1]/",
        "http://[oops",
        "http://0177.0.0.1/",
    ],
)
async def test_a_redirect_leads_nowhere_that_a_call_could_not_go(
    outbound: Outbound, outside: Outside, location: str
) -> None:
    url = outside.on("/old", answer(307, headers={"Location": location}))

    with pytest.raises(OutboundRefused) as refused:
        await call(outbound, url)

    assert "meta-data" not in refused.value.message


# ---------------------------------------------------------------- many at once


async def test_one_slow_host_does_not_take_all_connections(outside: Outside) -> None:
    at_once, most = 0, 0
    go_on = asyncio.Event()
    full = asyncio.Event()

    async def held(asked: Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        if at_once == 2:
            full.set()
        await go_on.wait()
        at_once -= 1
        await answer(200)(asked, writer)

    async def other(host: str, port: int) -> Sequence[IPv4Address]:
        return [LOOPBACK]

    outbound = Outbound(
        Allowed.parse(["127.0.0.1"]), resolve=other, max_connections=3, max_calls_per_host=2
    )
    try:
        url = outside.on("/held", held)
        calls = [asyncio.create_task(call(outbound, url)) for _ in range(6)]
        await asyncio.wait_for(full.wait(), 60)

        outside.on("/quick", answer(200, b"other host"))
        got = await call(outbound, outside.url("/quick", host="other.example"))
        assert got.body == b"other host"

        go_on.set()
        assert [done.status for done in await asyncio.gather(*calls)] == [200] * 6
    finally:
        await outbound.close()
    assert most == 2


async def test_errors_name_the_host_and_never_the_path(
    outbound: Outbound, outside: Outside
) -> None:
    url = outside.on("/secret-in-the-path", raw(b""))

    with pytest.raises(OutboundError) as error:
        await call(outbound, f"{url}?token=secret-in-the-query")

    text = f"{error.value!r} {error.value.__cause__!r} {json.dumps(error.value.message)}"
    assert "secret" not in text
