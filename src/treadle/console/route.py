"""The console's one route: its files, and its page for every address that is nobody else's.

It stands after all routes of the API and takes only GET and HEAD. A path that begins like one of
the API's is never its own: what is missing there stays the API's 404. Of the others, the files and
the entrances are sent to everybody, and the page to whoever asks for HTML, so that an address of
the console can be opened, sent on and kept.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from typing import Any, Final

from starlette.datastructures import Headers, URLPath
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

from treadle.console.built import ENCODINGS, Built, BuiltFile

NOT_BUILT: Final = (
    "<!doctype html><html lang=en><title>Treadle</title><h1>The console is not built</h1>"
    "<p>Run <code>make install</code> in Treadle's folder, then start the server again."
    "<p>The API answers meanwhile; <code>/openapi.json</code> describes it.</html>"
)
_NONCE: Final = "__CSP_NONCE__"
"""Stands in the built pages where the nonce of an answer goes."""
_DOCS: Final = "docs"
_ENTRANCES: Final = frozenset({"/", f"/{_DOCS}"})
"""Who looks there with curl, or watches whether the site is up, does not ask for HTML."""
_ASSETS: Final = "assets"
"""Where the hashed files are: one that is missing there is missing, whoever asks."""
_COMMON: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data: blob:;"
    " font-src 'self' data:; manifest-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
# The component library writes a few style sheets at run time; they carry the nonce.
_CONSOLE_POLICY: Final = f"{_COMMON}; style-src 'self' 'nonce-{_NONCE}'"
# The API reference is a program of others that styles by attributes. It holds no credential of the
# console: what it sends is what its reader types in.
_DOCS_POLICY: Final = f"{_COMMON}; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:"


class ConsoleRoute(BaseRoute):
    """The built console; without one (None), a page that says how to build it."""

    path: Final = "/{console}"
    """What log and metrics call all of it."""

    def __init__(self, built: Built | None, *, api_paths: Iterable[str]) -> None:
        self._built = built
        self._api = frozenset(first_segment(path) for path in api_paths)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Full for what it answers; never partial: a POST to a page is nobody's."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            return Match.NONE, {}
        segment = first_segment(scope["path"])
        if segment in self._api:
            return Match.NONE, {}
        is_page = segment != _ASSETS and accepts_html(Headers(scope=scope))
        if is_page or scope["path"] in _ENTRANCES or self._file(scope) is not None:
            return Match.FULL, {"route": self}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the file, or the page."""
        file = self._file(scope)
        response: Response
        if file is not None:
            response = _file_response(file, Headers(scope=scope))
        elif self._built is None:
            response = HTMLResponse(NOT_BUILT, status_code=503)
        elif scope["path"].strip("/").partition("/")[0] == _DOCS:
            response = _page(self._built.docs, _DOCS_POLICY)
        else:
            response = _page(self._built.index, _CONSOLE_POLICY)
        await response(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """Never: nothing links here by a route's name."""
        raise NoMatchFound(name, path_params)

    def _file(self, scope: Scope) -> BuiltFile | None:
        return None if self._built is None else self._built.files.get(scope["path"].lstrip("/"))


def first_segment(path: str) -> str:
    """What tells the API's paths from the console's: `/api/jobs` → `api`."""
    return path.strip("/").partition("/")[0]


def accepts_html(headers: Headers) -> bool:
    """Whether a person's browser is asking: it names text/html, programs say `*/*`."""
    return "text/html" in headers.get("accept", "").lower()


def best_encoding(accepted: str, there: Collection[str]) -> str | None:
    """The encoding to answer with: of those there are the best that is accepted at all."""
    wanted: set[str] = set()
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        if weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            wanted.add(name.strip())
    return next((name for name, _ in ENCODINGS if name in there and name in wanted), None)


def _page(html: str, policy: str) -> Response:
    nonce = secrets.token_urlsafe(18)
    return HTMLResponse(
        html.replace(_NONCE, nonce),
        headers={
            "Cache-Control": "no-store",
            "Content-Security-Policy": policy.replace(_NONCE, nonce),
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        },
    )


def _file_response(file: BuiltFile, headers: Headers) -> Response:
    encoding = best_encoding(headers.get("accept-encoding", ""), file.encoded)
    kept = "public, max-age=31536000, immutable" if file.is_immutable else "no-cache"
    answered = {"Cache-Control": kept, "Vary": "Accept-Encoding"}
    if encoding is not None:
        answered["Content-Encoding"] = encoding
    path = file.path if encoding is None else file.encoded[encoding]
    return FileResponse(path, media_type=file.media_type, headers=answered)
