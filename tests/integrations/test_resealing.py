"""The secrets of integrations move to another master key with everything else."""

from __future__ import annotations

from factories import administrator_of, make_tenant
from fixtures.integrations import NOW
from treadle.core.sealing import Sealer
from treadle.db.database import Database
from treadle.db.resealing import reseal_all
from treadle.integrations.integrations import (
    IntegrationDraft,
    create_integration,
    open_integration,
)
from treadle.integrations.model import IntegrationType
from treadle.integrations.resealing import SEALED

OLD, NEW = b"the old master key, which is long", b"the new master key, which is long"


async def test_integrations_are_sealed_anew(database: Database) -> None:
    administrator = administrator_of(await make_tenant(database))
    project_id = None
    async with database.tenant(administrator.tenant_id) as tx:
        for number in range(3):
            draft = IntegrationDraft(
                f"chat {number}",
                IntegrationType.SLACK,
                {},
                {"webhook_url": f"https://hooks.example/{number}"},
            )
            made = await create_integration(tx, Sealer([OLD]), administrator, draft, now=NOW)
            project_id = made.project_id
        draft = IntegrationDraft("open", IntegrationType.HTTP, {"base_url": "https://x/"}, {})
        await create_integration(tx, Sealer([OLD]), administrator, draft, now=NOW)

    both = Sealer([NEW, OLD])
    done = await reseal_all(database, both, [SEALED], batch=2)
    assert (done.counts, done.unreadable) == ({"integrations": 3}, 0)
    assert (await reseal_all(database, both, [SEALED])).counts == {"integrations": 0}

    assert project_id is not None
    async with database.tenant(administrator.tenant_id) as tx:
        opened = await open_integration(tx, Sealer([NEW]), project_id, "chat 1")
    assert opened.secrets.by_name() == {"webhook_url": "https://hooks.example/1"}
