"""`http`: one request to another system, or all pages of a list, by its address alone or through an
integration. What an integration of another kind is sent stands in `messages`.

Each request carries the attempt's key as `Idempotency-Key`, and for one key always the same body.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast
from urllib.parse import urljoin

from treadle.core.errors import NotFound
from treadle.core.json import Json
from treadle.db.database import Database
from treadle.integrations.errors import OutboundError, OutboundRefused, TooLarge
from treadle.integrations.integrations import open_integration
from treadle.integrations.model import IntegrationType, OpenIntegration
from treadle.integrations.outbound import Response
from treadle.integrations.types import http as http_integration
from treadle.integrations.types import sap
from treadle.integrations.types.http_targets import merged_headers, origin_of
from treadle.workflows.carrying_out import Asked
from treadle.workflows.context import WorkflowsContext
from treadle.workflows.effect_runners.http_messages import (
    approximate_size,
    body_of,
    found_at,
    is_success,
    next_link,
    output_of,
    pairs_of,
    parsed_body,
    replaced_query,
    shown,
    text_of,
    with_query,
)
from treadle.workflows.effect_runners.messages import send_message
from treadle.workflows.events import Event, StepSucceeded
from treadle.workflows.execution_model import EffectRow
from treadle.workflows.limits import MAX_ANSWER_BYTES

DEFAULT_SECONDS: Final = 60.0
"""For a step that says no timeout."""

Opened: TypeAlias = OpenIntegration[Any, Any]


async def opened_for(
    database: Database, context: WorkflowsContext, effect: EffectRow, name: str
) -> Opened:
    """The integration that a step names, as its version was saved. Raises NotFound."""
    async with database.tenant(effect.tenant_id) as tx:
        known = effect.integrations.get(name, name)
        return await open_integration(tx, context.jobs.sealer, effect.project_id, known)


class HttpRunner:
    """Makes the calls of `http` steps."""

    def __init__(self, database: Database, context: WorkflowsContext) -> None:
        self._database = database
        self._context = context

    async def __call__(self, asked: Asked) -> Event:
        """The outcome; whatever the other side does is one."""
        config = asked.config
        opened: Opened | None = None
        if config.get("integration") is not None:
            try:
                opened = await opened_for(
                    self._database, self._context, asked.effect, config["integration"]
                )
            except NotFound as error:
                return asked.failed("Integration.NotFound", error.message)
        try:
            if opened is not None and opened.type not in _HTTP:
                output = await send_message(
                    self._context.integrations, opened, config.get("body"), now=asked.now
                )
                return StepSucceeded(asked.effect.step, asked.effect.attempt, output)
            return await self._call(asked, opened)
        except OutboundError as error:
            prefix = "Http" if opened is None or opened.type in _HTTP else "Integration"
            return asked.failed(named(error, prefix), error.message)

    async def _call(self, asked: Asked, opened: Opened | None) -> Event:
        config = asked.config
        patterns: list[str] = config.get("success_statuses") or ["2xx"]
        url = with_query(str(config["url"]), pairs_of(config.get("query") or {}))
        pagination: Mapping[str, Any] | None = config.get("pagination")
        request = _Request(self._context, opened, asked)
        if pagination is not None:
            return await _pages(request, url, pagination, patterns)
        response = await request.send(url, page=1)
        if not is_success(response.status, patterns):
            return _rejected(asked, response)
        return StepSucceeded(
            asked.effect.step, asked.effect.attempt, output_of(response, parsed_body(response))
        )


_HTTP: Final = (IntegrationType.HTTP, IntegrationType.SAP)


def named(error: OutboundError, prefix: str) -> str:
    """The failure's name, as connections and retries catch it."""
    if error.name == "Timeout" or error.name.startswith("Http."):
        return error.name
    return f"{prefix}.{error.name}"


def _rejected(asked: Asked, response: Response) -> Event:
    said = shown(response)
    return asked.failed(f"Http.{response.status}", f"answered {response.status} {said}".rstrip())


@dataclass(frozen=True, slots=True)
class _Request:
    """The call of a step, whose address changes from page to page."""

    context: WorkflowsContext
    opened: Opened | None
    asked: Asked

    async def send(self, url: str, *, page: int) -> Response:
        """The answer, of whatever status. Raises OutboundError, BadInput."""
        config = self.asked.config
        content, kind = body_of(config, key=self.asked.key)
        key = self.asked.key if page == 1 else f"{self.asked.key}:{page}"
        given: dict[str, Json] = config.get("headers") or {}
        headers = merged_headers(
            {"Idempotency-Key": key},
            {} if kind is None else {"Content-Type": kind},
            {name: text_of(value) for name, value in given.items()},
        )
        more: dict[str, Any] = {
            "method": config.get("method", "GET"),
            "headers": headers,
            "content": content,
            "timeout_seconds": self.asked.timeout_seconds or DEFAULT_SECONDS,
            "max_response_bytes": MAX_ANSWER_BYTES,
        }
        parts = self.context.integrations
        if self.opened is None:
            return await parts.outbound.request(url=url, **more)
        call: Callable[..., Awaitable[Response]] = (
            sap.call if self.opened.type is IntegrationType.SAP else http_integration.call
        )
        return await call(parts, self.opened, path=url, now=self.asked.now, **more)


async def _pages(
    request: _Request, url: str, pagination: Mapping[str, Any], patterns: list[str]
) -> Event:
    """All items of all pages, in order, as the body. Never a part of them: what is too long or too
    large has failed.
    """
    asked = request.asked
    most: int = pagination.get("max_pages", 100)
    items: list[Json] = []
    size = 0
    following: str | None = _first(url, pagination)
    response: Response | None = None
    for page in range(1, most + 1):
        if following is None:
            break
        response = await request.send(following, page=page)
        if not is_success(response.status, patterns):
            return _rejected(asked, response)
        answer = output_of(response, parsed_body(response))
        found = found_at(answer, pagination.get("items", "body"))
        if not isinstance(found, list):
            place = pagination.get("items", "body")
            return asked.failed("Http.NoItems", f"page {page} has no list at {place}")
        got = cast("list[Json]", found)
        size += approximate_size(got)
        if size > MAX_ANSWER_BYTES:
            raise TooLarge(f"all pages together have more than {MAX_ANSWER_BYTES} bytes")
        items += got
        following = _next(following, pagination, answer, got, response, total=len(items), page=page)
    if following is not None:
        return asked.failed("Http.TooManyPages", f"there are more than {most} pages")
    if response is None:
        raise OutboundRefused("there is no first page")
    output = output_of(response, items)
    return StepSucceeded(asked.effect.step, asked.effect.attempt, output)


def _first(url: str, pagination: Mapping[str, Any]) -> str:
    if pagination["style"] in ("page", "offset"):
        start: int = pagination.get("start", 1 if pagination["style"] == "page" else 0)
        return replaced_query(url, pagination.get("parameter", "page"), str(start))
    return url


def _next(
    url: str,
    pagination: Mapping[str, Any],
    answer: Mapping[str, Json],
    got: list[Json],
    response: Response,
    *,
    total: int,
    page: int,
) -> str | None:
    """Where the next page is; None after the last one."""
    parameter: str = pagination.get("parameter", "page")
    size: int | None = pagination.get("size")
    style: str = pagination["style"]
    if style == "link":
        link = next_link(response)
        return None if link is None else _at_home(url, urljoin(response.final_url, link))
    if style == "cursor":
        cursor = found_at(dict(answer), pagination.get("cursor") or "body.next")
        if cursor is None or cursor in ("", False):
            return None
        return replaced_query(url, parameter, text_of(cursor))
    if not got or (size is not None and len(got) < size):
        return None
    start: int = pagination.get("start", 1 if style == "page" else 0)
    step = start + (page if style == "page" else total)
    return replaced_query(url, parameter, str(step))


def _at_home(url: str, link: str) -> str:
    """The address behind a link, which must not lead the step's headers to somebody else."""
    if url.startswith(("http://", "https://")) and origin_of(link) != origin_of(url):
        raise OutboundRefused("the next page is at another host")
    return link
