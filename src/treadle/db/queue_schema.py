"""PgQueuer's tables, in a schema of their own and in PgQueuer's own hands."""

from __future__ import annotations

import asyncpg
import structlog
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.domain.types import Channel
from pgqueuer.ports.driver import Driver

from treadle.db.roles import SYSTEM_GROUP, TENANT_GROUP

log = structlog.get_logger()

# Every name is given, so that no PGQUEUER_… variable (nor a bare CHANNEL or FUNCTION, which
# PgQueuer reads too) can make two processes look at different queues.
QUEUE_SETTINGS = DBSettings(
    prefix="",
    db_schema="queue",
    channel=Channel("ch_pgqueuer"),
    function="fn_pgqueuer_changed",
    statistics_table="pgqueuer_statistics",
    queue_status_type="pgqueuer_status",
    queue_table="pgqueuer",
    queue_table_log="pgqueuer_log",
    trigger="tg_pgqueuer_changed",
    schedules_table="pgqueuer_schedules",
    # The queue survives a crash; what PgQueuer merely notes about it need not.
    durability=Durability.balanced,
    widen_id=True,
)
"""Where the queue is; everybody who uses PgQueuer gives it these."""


def queue_queries(driver: Driver) -> Queries:
    """PgQueuer's statements over `driver`, for our queue."""
    return Queries(
        driver,
        qbe=QueryBuilderEnvironment(QUEUE_SETTINGS),
        qbq=QueryQueueBuilder(QUEUE_SETTINGS),
        qbs=QuerySchedulerBuilder(QUEUE_SETTINGS),
    )


async def install_queue(connection: asyncpg.Connection) -> None:
    """Installs PgQueuer's tables, or brings them up to this PgQueuer. `connection` is the owner's.

    An interrupted one is finished by the next.
    """
    queries = queue_queries(AsyncpgDriver(connection))
    plan = await queries.apply_upgrade()
    if plan.statements:
        log.info("queue_schema_upgraded", statements=len(plan.statements))
    tuned = await connection.fetchval(
        "SELECT reloptions IS NOT NULL FROM pg_class WHERE oid = $1::regclass",
        QUEUE_SETTINGS.qualified.queue_table,
    )
    if plan.statements or not tuned:
        await queries.optimize_autovacuum()
    await connection.execute(
        f"""
        GRANT USAGE ON SCHEMA queue TO {TENANT_GROUP}, {SYSTEM_GROUP};
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA queue
            TO {TENANT_GROUP}, {SYSTEM_GROUP};
        GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA queue TO {TENANT_GROUP}, {SYSTEM_GROUP};
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA queue TO {TENANT_GROUP}, {SYSTEM_GROUP};
        """
    )
