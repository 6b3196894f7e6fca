"""What may be asked of another HTTP server, and what a redirect makes of it: pure rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import httpx

from treadle.integrations.addresses import is_host
from treadle.integrations.errors import OutboundRefused

MAX_URL_LENGTH: Final = 8_192
MAX_HEADERS: Final = 100
MAX_HEADER_BYTES: Final = 65_536
"""Names and values of all headers of a request together."""

_METHOD: Final = re.compile(r"[A-Z]{1,20}")
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,200}")
_HEADER_VALUE: Final = re.compile(r"(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?")
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_OUR_HEADERS: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that steer the connection itself: who sets them could smuggle a second request or reach
another virtual host than the one that was checked."""
_HEADERS_FOR_ANYBODY: Final = frozenset({"accept", "accept-language", "content-type", "user-agent"})
"""What follows a redirect to another origin. Any other header may be a credential: an API key's
header has whatever name its product gave it."""


@dataclass(frozen=True, slots=True)
class HttpCall:
    """A request that passed the rules. `repr` shows no path, header or body: they hold secrets."""

    method: str
    url: httpx.URL
    headers: tuple[tuple[str, str], ...]
    content: bytes | None

    def __repr__(self) -> str:
        return f"HttpCall({self.method} {self.place})"

    @property
    def place(self) -> str:
        """Whom it goes to, for messages: the host, and the port where it is an unusual one."""
        return place_of(self.url)

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port."""
        return self.url.scheme, self.url.host, port_of(self.url)


def http_call(
    *, method: str, url: str, headers: Mapping[str, str], content: bytes | None
) -> HttpCall:
    """The request, after all that is known before a name is resolved has been looked at.

    Raises OutboundRefused.
    """
    if not _METHOD.fullmatch(method) or method in ("CONNECT", "TRACE"):
        raise OutboundRefused(
            "method: must be an HTTP method in capital letters, neither CONNECT nor TRACE"
        )
    check_headers(headers)
    return HttpCall(method, parse_url(url), tuple(headers.items()), content)


def parse_url(text: str) -> httpx.URL:
    """The URL, without a fragment. Raises OutboundRefused for one that no call may go to."""
    if len(text) > MAX_URL_LENGTH:
        raise OutboundRefused(f"url: longer than {MAX_URL_LENGTH} characters")
    try:
        url = httpx.URL(text)
        host = url.raw_host.decode("ascii")
    except (httpx.InvalidURL, ValueError):
        raise OutboundRefused("url: cannot be read as a URL") from None
    if url.scheme not in ("http", "https"):
        raise OutboundRefused("url: must begin with http:// or https://")
    if url.userinfo:
        raise OutboundRefused(
            "url: must not hold a user name or password; they belong into an integration"
        )
    if not is_host(host) or not 1 <= port_of(url) <= 65_535:
        raise OutboundRefused("url: names no host that can be, or no port that exists")
    return url.copy_with(fragment=None)


def redirected(call: HttpCall, *, status: int, location: str | None) -> HttpCall | None:
    """The request that this answer asks for, or None if it is no redirect.

    To another origin go no credentials. From https to http goes nothing at all.

    Raises OutboundRefused.
    """
    if status not in _REDIRECTS or location is None:
        return None
    try:
        target = call.url.join(location)
    except (httpx.InvalidURL, ValueError):
        raise OutboundRefused(f"{call.place} redirects to something that is not a URL") from None
    try:
        target = parse_url(str(target))
    except OutboundRefused as error:
        raise OutboundRefused(f"{call.place} redirects to where no call goes: {error}") from None
    if call.url.scheme == "https" and target.scheme == "http":
        raise OutboundRefused(f"{call.place} redirects from https to http, which is not followed")
    moved = replace(call, url=target)
    if moved.origin != call.origin:
        moved = _keeping(moved, lambda name: name in _HEADERS_FOR_ANYBODY)
    if status == 303 or (status in (301, 302) and call.method == "POST"):
        method = "HEAD" if call.method == "HEAD" else "GET"
        moved = _keeping(moved, lambda name: not name.startswith("content-"))
        moved = replace(moved, method=method, content=None)
    return moved


def port_of(url: httpx.URL) -> int:
    """The port, said or implied."""
    if url.port is not None:
        return url.port
    return 443 if url.scheme == "https" else 80


def place_of(url: httpx.URL) -> str:
    """Host, and port where it is an unusual one."""
    return url.netloc.decode("ascii")


def _keeping(call: HttpCall, keeps: Callable[[str], bool]) -> HttpCall:
    headers = tuple((name, value) for name, value in call.headers if keeps(name.lower()))
    return replace(call, headers=headers)


def check_headers(headers: Mapping[str, str]) -> None:
    """Raises OutboundRefused for headers that no call may have."""
    if len(headers) > MAX_HEADERS:
        raise OutboundRefused(f"headers: at most {MAX_HEADERS}")
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise OutboundRefused("headers: a name holds a character that header names cannot have")
        if name.lower() in _OUR_HEADERS:
            raise OutboundRefused(f"headers: {name} is set by the call itself")
        if not _HEADER_VALUE.fullmatch(value):
            raise OutboundRefused(
                f"headers: the value of {name} holds a line break, a character outside ASCII, or"
                " blanks at an end"
            )
    if sum(len(name) + len(value) for name, value in headers.items()) > MAX_HEADER_BYTES:
        raise OutboundRefused(f"headers: over {MAX_HEADER_BYTES} bytes together")
    if len({name.lower() for name in headers}) != len(headers):
        raise OutboundRefused("headers: a name stands there twice")
