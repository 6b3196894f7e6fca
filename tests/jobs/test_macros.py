"""Macros: whose value wins, and that secure ones are never readable again."""

from __future__ import annotations

import asyncpg
import pytest

from factories import NOW
from fixtures.jobs import Workshop
from treadle.core.errors import BadInput, Conflict, NotFound
from treadle.core.sealing import CannotUnseal
from treadle.db.transaction import Transaction
from treadle.jobs import macros
from treadle.jobs.definitions import JobDraft
from treadle.jobs.macros import MacroDraft
from treadle.jobs.model import Place
from treadle.jobs.runs import RunRequest


async def put(workshop: Workshop, place: Place, name: str, value: str, *, secure: bool) -> None:
    async with workshop.database.tenant(workshop.caller.tenant_id) as tx:
        await macros.put_macro(
            tx,
            workshop.context.sealer,
            workshop.caller,
            place,
            MacroDraft(name, value, secure),
            now=NOW,
        )


async def test_later_places_win(workshop: Workshop) -> None:
    user = Place("user", workshop.caller.id)
    async with workshop.database.tenant(workshop.caller.tenant_id) as tx:
        for name in ("of-job", "of-run"):
            await macros.put_set(tx, workshop.caller, name, description="", now=NOW)
    job = await workshop.make_job(JobDraft("macros", macro_sets=("of-job",)))
    places = [
        Place("tenant"),
        user,
        Place("set", "of-job"),
        Place("job", str(job.id)),
        Place("set", "of-run"),
    ]
    for number, place in enumerate(places):
        for name in [f"M{later}" for later in range(number, len(places) + 1)]:
            await put(workshop, place, name, str(number), secure=number % 2 == 1)
    run = await workshop.submit(
        job, RunRequest(macros=(MacroDraft("M5", "5", secure=True),), macro_sets=("of-run",))
    )
    claim = await workshop.claim(run)
    assert claim is not None
    assert claim.variables.values == {f"M{number}": str(number) for number in range(6)}
    assert claim.variables.secrets == {"1", "3", "5"}
    assert "'5'" not in repr(claim)


async def test_a_plain_value_over_a_secure_one_is_no_secret(workshop: Workshop) -> None:
    await put(workshop, Place("tenant"), "NAME", "secret value", secure=True)
    job = await workshop.make_job()
    await put(workshop, Place("job", str(job.id)), "NAME", "plain value", secure=False)
    claim = await workshop.claim(await workshop.submit(job))
    assert claim is not None
    assert claim.variables.secrets == set()


async def test_secure_values_are_sealed_where_they_stand(
    workshop: Workshop, owner: asyncpg.Connection
) -> None:
    job = await workshop.make_job()
    await put(workshop, Place("job", str(job.id)), "TOKEN", "hunter2hunter2", secure=True)
    row = await owner.fetchrow("SELECT value, secret FROM treadle.macros WHERE name = 'TOKEN'")
    assert row is not None
    assert row["value"] is None
    assert b"hunter2" not in row["secret"]
    # Copied to another name, the sealed value does not open there.
    await owner.execute("UPDATE treadle.macros SET name = 'OTHER' WHERE name = 'TOKEN'")
    with pytest.raises(CannotUnseal):
        await workshop.claim(await workshop.submit(job))


async def test_a_secure_macro_without_a_value_keeps_the_one_it_has(workshop: Workshop) -> None:
    job = await workshop.make_job()
    place = Place("job", str(job.id))
    await put(workshop, place, "TOKEN", "kept value", secure=True)

    async def replace(drafts: list[MacroDraft]) -> None:
        async with workshop.database.tenant(workshop.caller.tenant_id) as tx:
            await macros.replace_macros(
                tx, workshop.context.sealer, workshop.caller, place, drafts, now=NOW
            )

    await replace([MacroDraft("TOKEN", None, secure=True), MacroDraft("NEW", "1")])
    claim = await workshop.claim(await workshop.submit(job))
    assert claim is not None
    assert claim.variables.values == {"TOKEN": "kept value", "NEW": "1"}
    with pytest.raises(BadInput, match="OTHER needs a value"):
        await replace([MacroDraft("OTHER", None, secure=True)])
    with pytest.raises(BadInput, match="twice"):
        await replace([MacroDraft("A", "1"), MacroDraft("A", "2")])


@pytest.mark.parametrize(
    "name", ["", "1A", "A-B", "A B", "Ä", "LD_PRELOAD", "PYTHONPATH", "TREADLE_RUN_ID", "PATH"]
)
async def test_bad_and_reserved_names_are_refused(workshop: Workshop, name: str) -> None:
    with pytest.raises(BadInput, match="macros"):
        await put(workshop, Place("tenant"), name, "x", secure=False)


async def test_a_set_in_use_is_not_deleted(workshop: Workshop) -> None:
    async with workshop.database.tenant(workshop.caller.tenant_id) as tx:
        await macros.put_set(tx, workshop.caller, "used", description="", now=NOW)
    await workshop.make_job(JobDraft("user of it", macro_sets=("used",)))

    async def delete(tx: Transaction, name: str) -> None:
        await macros.delete_set(tx, workshop.caller, name, now=NOW)

    async with workshop.database.tenant(workshop.caller.tenant_id) as tx:
        with pytest.raises(Conflict, match="still takes"):
            await delete(tx, "used")
        with pytest.raises(NotFound):
            await delete(tx, "absent")


async def test_a_copied_job_has_the_secret_too(workshop: Workshop) -> None:
    source, target = Place("job", "1"), Place("job", "2")
    await put(workshop, source, "TOKEN", "copied value", secure=True)
    async with workshop.database.tenant(workshop.caller.tenant_id) as tx:
        await macros.copy_macros(
            tx, workshop.context.sealer, workshop.caller, source, target, now=NOW
        )
        resolved = await macros.resolve(
            tx,
            workshop.context.sealer,
            user_id=None,
            job_id=2,
            job_sets=(),
            run_sets=(),
            run_macros=None,
            run_id=workshop.worker_id,
        )
    assert resolved.values == {"TOKEN": "copied value"}
