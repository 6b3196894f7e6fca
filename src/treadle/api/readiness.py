"""Whether this process can do its work now, as named checks of bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

log = structlog.get_logger()

Check = Callable[[], Awaitable[str | None]]
"""None when all is well, else what is wrong, in words that show nothing of the inside."""

CHECK_SECONDS: Final = 2.0
"""A check that takes longer has failed: whoever asks wants an answer now."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """The checks of one process, by name. `is_stopping` makes it unready whatever they say."""

    checks: Mapping[str, Check] = field(default_factory=dict[str, Check])
    is_stopping: Callable[[], bool] = lambda: False

    async def failures(self, *, seconds: float = CHECK_SECONDS) -> dict[str, str]:
        """The failed checks with their reasons; all are asked at the same time."""
        if self.is_stopping():
            return {"process": "stopping"}
        names = list(self.checks)
        found = await asyncio.gather(*(_ask(name, self.checks[name], seconds) for name in names))
        return {name: reason for name, reason in zip(names, found, strict=True) if reason}


async def _ask(name: str, check: Check, seconds: float) -> str | None:
    try:
        async with asyncio.timeout(seconds):
            return await check()
    except TimeoutError:
        return f"no answer within {seconds:g} s"
    except Exception as error:
        # Whatever the reason: a check that raises is a process that is not ready.
        log.warning("readiness_check_failed", check=name, error=f"{type(error).__name__}: {error}")
        return "failed; see the log"
