"""The client: one server, one credential."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from treadle.client.aio.access import AsyncAudit, AsyncKeys, AsyncProjects
from treadle.client.aio.entities import AsyncEntities
from treadle.client.aio.executions import AsyncExecutions
from treadle.client.aio.jobs import AsyncJobs
from treadle.client.aio.runs import AsyncRuns
from treadle.client.aio.schedules import AsyncSchedules
from treadle.client.aio.transport import AsyncTransport
from treadle.client.aio.workflows import AsyncWorkflows
from treadle.client.credentials import from_environment, headers_of
from treadle.client.models import Caller
from treadle.client.retries import Retries


class AsyncTreadle:
    """Everything that can be asked of a server. Close it, or use it as a context."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        token: str | None = None,
        timeout: float = 60.0,
        retries: Retries | None = None,
    ) -> None:
        """Nothing is asked of the server yet. `timeout`: seconds that one answer may take."""
        self._transport = AsyncTransport(
            url,
            headers=headers_of(api_key=api_key, token=token),
            timeout=timeout,
            retries=retries or Retries(),
        )
        self.jobs = AsyncJobs(self._transport)
        self.runs = AsyncRuns(self._transport)
        self.schedules = AsyncSchedules(self._transport)
        self.workflows = AsyncWorkflows(self._transport)
        self.executions = AsyncExecutions(self._transport)
        self.entities = AsyncEntities(self._transport)
        self.keys = AsyncKeys(self._transport)
        self.projects = AsyncProjects(self._transport)
        self.audit = AsyncAudit(self._transport)

    @classmethod
    def from_environment(cls) -> AsyncTreadle:
        """By TREADLE_URL and TREADLE_API_KEY. Raises TreadleError where one is not set."""
        url, api_key = from_environment()
        return cls(url, api_key=api_key)

    @classmethod
    async def log_in(cls, url: str, username: str, password: str) -> AsyncTreadle:
        """With a session of a person, which ends by itself. Raises Unauthenticated."""
        async with cls(url) as anonymous:
            body = {"username": username, "password": password}
            tokens = await anonymous.request("POST", "/api/login", json=body)
        return cls(url, token=tokens["access_token"])

    async def me(self) -> Caller:
        """Who one is, and what one may do."""
        return await self._transport.one(Caller, "GET", "/v1/me")

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: dict[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Any:
        """Any request of the API, and the JSON of its answer. Raises as all others do."""
        return await self._transport.json(
            method,
            path,
            json=json,
            params=params,
            once=idempotency_key is not None,
            idempotency_key=idempotency_key,
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._transport.close()

    async def __aenter__(self) -> AsyncTreadle:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
