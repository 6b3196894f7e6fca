"""What every request can reach: made once at start, the same for all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

from fastapi import FastAPI
from starlette.requests import Request

from treadle.api.readiness import Readiness
from treadle.core.clock import Clock, utc_now
from treadle.core.sealing import Sealer
from treadle.db.database import Database
from treadle.engine.live import LiveHub
from treadle.identity.key_usage import KeyUsage
from treadle.identity.lockout import LockOut
from treadle.identity.lookups import Lookups
from treadle.identity.passwords import Passwords
from treadle.identity.rate_limit import RateLimits
from treadle.identity.refusals import Refusals
from treadle.integrations.context import IntegrationsContext
from treadle.jobs.context import JobsContext
from treadle.mail.outbox import Mail
from treadle.metrics import Metrics
from treadle.schedules.context import SchedulesContext
from treadle.settings import Settings
from treadle.storage.storage import Storage
from treadle.workflows.context import WorkflowsContext
from treadle.workflows.triggers import Triggers


async def _nothing_to_refresh() -> None:
    """For a process whose metrics are all counted as things happen."""


@dataclass(frozen=True, slots=True)
class AppContext:
    """The parts that routes and their dependencies use. `stopping` is set when the process begins
    to end: answers that go on for long (server-sent events) end then. `refresh_metrics` reads what
    is measured only when somebody looks; it is quick and never raises. `mail` is None where the
    operator has not set it up.
    """

    settings: Settings
    database: Database
    storage: Storage
    sealer: Sealer
    passwords: Passwords
    lockout: LockOut
    jobs: JobsContext
    integrations: IntegrationsContext
    workflows: WorkflowsContext
    schedules: SchedulesContext
    live: LiveHub
    mail: Mail | None = None
    lookups: Lookups = field(init=False)
    limits: RateLimits = field(init=False)
    triggers: Triggers = field(init=False)
    key_usage: KeyUsage = field(default_factory=KeyUsage)
    refusals: Refusals = field(default_factory=Refusals)
    clock: Clock = utc_now
    metrics: Metrics = field(default_factory=Metrics)
    readiness: Readiness = field(default_factory=Readiness)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    refresh_metrics: Callable[[], Awaitable[None]] = _nothing_to_refresh

    def __post_init__(self) -> None:
        """The look-ups and the triggers follow from the database, the limits from the settings: no
        process can be without.
        """
        object.__setattr__(self, "lookups", Lookups(self.database))
        limits = RateLimits(
            principals_per_minute=self.settings.rate_limit_per_minute,
            addresses_per_minute=self.settings.anonymous_rate_limit_per_minute,
        )
        object.__setattr__(self, "limits", limits)
        triggers = Triggers(self.database, self.workflows, clock=self.clock)
        object.__setattr__(self, "triggers", triggers)


def put_context(app: FastAPI, context: AppContext) -> None:
    """Makes the context reachable from the requests of `app`."""
    app.state.context = context


def context_of(request: Request) -> AppContext:
    """The context of the application that this request came to."""
    return cast("AppContext", request.scope["app"].state.context)
