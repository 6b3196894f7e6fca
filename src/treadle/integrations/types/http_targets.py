"""Where a call through an HTTP integration goes. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import httpx

from treadle.integrations.errors import OutboundRefused, Rejected
from treadle.integrations.http_requests import parse_url, place_of, port_of
from treadle.integrations.outbound import Response


def origin_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port. Raises OutboundRefused."""
    parsed = parse_url(url)
    return parsed.scheme, parsed.host, port_of(parsed)


def target_url(base_url: str, path: str, query: Mapping[str, str] | None = None) -> str:
    """The URL below the base; a whole URL is taken if it lies at the base's origin: credentials go
    nowhere else. Raises OutboundRefused.
    """
    if path.startswith(("http://", "https://")):
        if origin_of(path) != origin_of(base_url):
            raise OutboundRefused("url: is not at the host of the integration")
        text = path
    elif not path or path.startswith("?"):
        text = base_url + path
    else:
        text = f"{base_url.rstrip('/')}/{path.lstrip('/')}"
    url = parse_url(text)
    if query:
        try:
            url = url.copy_merge_params(dict(query))
        except (httpx.InvalidURL, ValueError):
            raise OutboundRefused("query: cannot be part of a URL") from None
    return str(url)


def merged_headers(*layers: Mapping[str, str]) -> dict[str, str]:
    """Headers of several layers, in whose names letter case does not count; later ones win."""
    merged: dict[str, tuple[str, str]] = {}
    for layer in layers:
        for name, value in layer.items():
            merged[name.lower()] = (name, value)
    return dict(merged.values())


def basic_header(username: str, password: str) -> dict[str, str]:
    """The header of RFC 7617."""
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def place_in_words(url: str) -> str:
    """Host, and port where it is an unusual one."""
    return place_of(parse_url(url))


def refuse_failure(response: Response, *, place: str) -> None:
    """Raises Rejected for an answer that is not of the 200s."""
    if not 200 <= response.status <= 299:
        raise Rejected(
            f"{place} answered {response.status}{_hint(response.status)}",
            name=f"Http.{response.status}",
        )


def _hint(status: int) -> str:
    hints = {
        401: ": check the credentials",
        403: ": the credentials do not allow this",
        404: ": check the path",
        429: ": slow down",
    }
    if 300 <= status <= 399:
        return ": a redirect, which is not followed here; use the address that it leads to"
    return hints.get(status, "")
