"""A new master key: the secrets of schedules are sealed anew, in every version of them."""

from __future__ import annotations

import base64
from uuid import UUID

from fixtures.jobs import MASTER
from fixtures.schedules import Clockwork
from treadle.core.sealing import Sealer
from treadle.db.resealing import Resealed, reseal_all
from treadle.schedules.drafts import secret_context
from treadle.schedules.model import ActionType, Schedule
from treadle.schedules.resealing import SEALED

NEW = b"the new master key, which is long enough"


def secret(letter: str) -> str:
    return "whsec_" + base64.b64encode(letter.encode() * 32).decode()


async def opened(clockwork: Clockwork, sealer: Sealer, schedule: Schedule) -> list[str]:
    """The secret of the schedule, and of each version from the first."""
    context = secret_context(schedule.tenant_id, schedule.id)
    async with clockwork.workshop.database.tenant(schedule.tenant_id) as tx:
        records = await tx.fetch(
            "SELECT action_secret FROM schedules WHERE id = $1 UNION ALL (SELECT action_secret"
            " FROM schedule_versions WHERE schedule_id = $1 ORDER BY version)",
            schedule.id,
        )
    return [sealer.unseal(record[0], context=context).decode() for record in records]


async def test_afterwards_the_old_key_can_go(clockwork: Clockwork) -> None:
    made: dict[UUID, Schedule] = {}
    for letter in "abc":
        config = {"url": "https://example.com", "secret": secret(letter)}
        schedule = await clockwork.make(action_type=ActionType.SEND_WEBHOOK, action_config=config)
        made[schedule.id] = schedule
        await clockwork.change(schedule, now=-1, max_retries=1)
        config = {"url": "https://example.com", "secret": secret(letter.upper())}
        await clockwork.change(schedule, now=-1, action_config=config)
    await clockwork.make()
    database, both = clockwork.workshop.database, Sealer([NEW, MASTER])
    done = await reseal_all(database, both, SEALED, batch=2)
    assert done == Resealed({"schedules": 3, "schedules' versions": 9}, unreadable=0)
    for letter, schedule in zip("abc", made.values(), strict=True):
        found = await opened(clockwork, Sealer([NEW]), schedule)
        old, new = secret(letter), secret(letter.upper())
        assert found == [new, old, old, new]
    again = await reseal_all(database, both, SEALED)
    assert set(again.counts.values()) == {0}
