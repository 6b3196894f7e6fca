"""Tools for who did what, and for who one is."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from treadle.assistants.kinds import READS, Limit, Tool, first
from treadle.client import AsyncTreadle


class AccessTools:
    """What an assistant may know of access."""

    def __init__(self, treadle: AsyncTreadle) -> None:
        self._treadle = treadle
        self.tools = (Tool(self.who_am_i, READS), Tool(self.search_audit, READS))

    async def who_am_i(self) -> dict[str, Any]:
        """Say with whose credential these tools work, and what it may do."""
        return dict((await self._treadle.me()).raw)

    async def search_audit(
        self,
        *,
        actor: Annotated[str | None, Field(description="Such as user:1.")] = None,
        action: Annotated[str | None, Field(description="Such as role.give.")] = None,
        outcome: Literal["allowed", "refused"] | None = None,
        since: Annotated[
            AwareDatetime | None, Field(description="Such as 2026-11-22T09:00:00Z.")
        ] = None,
        until: AwareDatetime | None = None,
        limit: Limit = 20,
    ) -> dict[str, Any]:
        """Search the audit log: who did what when, and what was refused; the newest first."""
        found = self._treadle.audit.list(
            actor=actor, action=action, outcome=outcome, since=since, until=until, page_size=limit
        )
        return await first(found, limit)
