"""Requests and answers: retries, errors, pages, streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, TypeVar
from uuid import uuid4

import httpx

from treadle.client.decoding import decode
from treadle.client.errors import ApiError, ConnectionFailed, UnexpectedAnswer, error_of
from treadle.client.models import Answer
from treadle.client.retries import Retries, is_passing, may_repeat, seconds_asked

A = TypeVar("A", bound=Answer)


class AsyncTransport:
    """One server and one credential."""

    def __init__(
        self, url: str, *, headers: Mapping[str, str], timeout: float, retries: Retries
    ) -> None:
        self._client = httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout)
        self._retries = retries

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        content: bytes | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
        headers: Mapping[str, str] | None = None,
        once: bool = False,
        idempotency_key: str | None = None,
    ) -> httpx.Response:
        """The answer, if it is a success. `once`: the request starts something, and is sent under
        an `Idempotency-Key`, so that it may be sent again. Raises ApiError, ConnectionFailed.
        """
        sent = dict(headers or {})
        if once:
            sent["Idempotency-Key"] = idempotency_key or str(uuid4())
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = await self._client.request(
                    method,
                    path,
                    params=_given(params),
                    json=json,
                    content=content,
                    files=files,
                    headers=sent,
                )
            except httpx.TransportError as error:
                asked, failure = None, _failure(error)
                passing = may_repeat(method, sent) or isinstance(error, httpx.ConnectError)
            else:
                if answer.is_success or answer.status_code == HTTPStatus.NOT_MODIFIED:
                    return answer
                failure = _refusal(answer)
                asked = failure.retry_after
                passing = is_passing(answer.status_code, repeatable=may_repeat(method, sent))
            pause = self._retries.pause(attempt, asked=asked) if passing else None
            if pause is None:
                raise failure
            await asyncio.sleep(pause)

    async def json(self, method: str, path: str, **more: Any) -> Any:
        """The answer's JSON; None where there is none. Raises as `request`."""
        answer = await self.request(method, path, **more)
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError:
            raise UnexpectedAnswer(f"{method} {path} answered no JSON") from None

    async def one(self, kind: type[A], method: str, path: str, **more: Any) -> A:
        """The answer as an object. Raises as `request`."""
        return decode(kind, await self.json(method, path, **more))

    async def numbered_pages(
        self, kind: type[A], path: str, params: Mapping[str, Any], *, size: int
    ) -> AsyncIterator[A]:
        """All items of a list whose `offset` is the number of a page."""
        number = 0
        while True:
            page = await self.json("GET", path, params={**params, "offset": number, "size": size})
            for item in page["items"]:
                yield decode(kind, item)
            number += 1
            if not page["links"].get("next"):
                return

    async def offset_pages(
        self, kind: type[A], path: str, params: Mapping[str, Any], *, size: int
    ) -> AsyncIterator[A]:
        """All items of a list whose `offset` counts items."""
        offset = 0
        while True:
            page = await self.json("GET", path, params={**params, "offset": offset, "limit": size})
            for item in page["items"]:
                yield decode(kind, item)
            offset += len(page["items"])
            if not page["items"] or offset >= page["total"]:
                return

    async def cursor_pages(
        self, kind: type[A], path: str, params: Mapping[str, Any], *, size: int
    ) -> AsyncIterator[A]:
        """All items of a list that names where it goes on."""
        cursor = None
        while True:
            page = await self.json("GET", path, params={**params, "cursor": cursor, "limit": size})
            for item in page["items"]:
                yield decode(kind, item)
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    async def keyed_pages(
        self, kind: type[A], path: str, params: Mapping[str, Any], *, size: int
    ) -> AsyncIterator[A]:
        """All items of a list whose `lastKey` is what the next page is asked for with."""
        key: dict[str, Any] | None = {}
        while key is not None:
            page = await self.json("GET", path, params={**params, **key, "limit": size})
            for item in page["items"]:
                yield decode(kind, item)
            key = page.get("lastKey")

    @asynccontextmanager
    async def lines(
        self, path: str, *, params: Mapping[str, Any], headers: Mapping[str, str]
    ) -> AsyncGenerator[AsyncIterator[str]]:
        """The lines of an answer that goes on. Raises ApiError, and ConnectionFailed where it
        breaks.
        """
        try:
            async with self._client.stream("GET", path, params=params, headers=headers) as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise _refusal(answer)
                yield answer.aiter_lines()
        except httpx.TransportError as error:
            raise _failure(error) from error

    async def pause(self, attempt: int) -> None:
        """Waits as before a next try. Raises ConnectionFailed when there is none."""
        seconds = self._retries.pause(attempt, asked=None)
        if seconds is None:
            raise ConnectionFailed("the connection breaks again and again")
        await asyncio.sleep(seconds)


def _given(params: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if params is None:
        return None
    return {name: value for name, value in params.items() if value is not None}


def _failure(error: httpx.TransportError) -> ConnectionFailed:
    return ConnectionFailed(f"{type(error).__name__}: {error}")


def _refusal(answer: httpx.Response) -> ApiError:
    try:
        body = answer.json()
    except ValueError:
        body = answer.text
    return error_of(
        answer.status_code,
        body,
        request_id=answer.headers.get("x-request-id"),
        retry_after=seconds_asked(answer.headers.get("retry-after"), now=datetime.now(UTC)),
    )
