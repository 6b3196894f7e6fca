"""Definitions in the database: drafts, versions, and what is refused of them."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from factories import NOW, make_principal, make_project, make_user, principal_of
from treadle.core.errors import BadInput, Conflict, Faulty, Forbidden, NotFound
from treadle.core.sealing import Sealer
from treadle.db.database import Database
from treadle.integrations.integrations import IntegrationDraft, create_integration
from treadle.integrations.model import IntegrationType
from treadle.workflows import definitions
from treadle.workflows.compiled import CompiledVersions
from treadle.workflows.faults import Fault
from treadle.workflows.loading import load_versions
from treadle.workflows.versions import TriggerType, VersionKey, VersionStatus
from workflows.making import step, transform
from workflows.stored import Bench, any_schedule, draft, make_bench


@pytest.fixture
async def bench(database: Database) -> Bench:
    return await make_bench(database)


async def make_integration(bench: Bench, name: str, *, project: str | None = None) -> UUID:
    made = IntegrationDraft(
        name=name,
        type=IntegrationType.HTTP,
        config={"base_url": "https://warehouse.example"},
        secrets={},
        project_id=project,
    )
    async with bench.tx() as tx:
        sealer = Sealer([b"the master key of these tests, long"])
        return (await create_integration(tx, sealer, bench.caller, made, now=NOW)).id


def faults_of(error: pytest.ExceptionInfo[Faulty]) -> list[str]:
    return [".".join(map(str, fault.place)) for fault in error.value.faults]


async def test_a_new_workflow_is_draft_1_and_keeps_what_was_written(bench: Bench) -> None:
    said = draft(transform("a", {"z": 1, "b": "${payload.x}"}), name="  orders ")
    made = await bench.create(said)
    assert (made.number, made.status, made.is_latest) == (1, VersionStatus.DRAFT, True)
    assert made.name == "orders"
    assert made.trigger_type is TriggerType.REQUEST
    assert (made.steps, made.connections) == (said.steps, said.connections)
    assert list(made.steps[1]["config"]["value"]) == ["z", "b"]
    assert (made.created_at, made.created_by) == (NOW, bench.caller.ref)


async def test_all_faults_of_a_definition_are_told_with_their_paths(bench: Bench) -> None:
    said = draft(
        step("h", "http", {"url": "https://x.example", "integration": "nobody"}),
        step("j", "job", {"job_id": "77"}),
        step("w", "workflow", {"workflow_id": str(uuid4())}),
        step("r", "wait_for_response", {"sources": ["TEAMS", "nobody either"]}),
        integrations={"missing": {}},
        schema={"type": "nothing"},
    )
    with pytest.raises(Faulty) as error:
        await bench.create(said)
    assert faults_of(error) == [
        "workflow_steps.1.config.integration",
        "workflow_steps.2.config.job_id",
        "workflow_steps.3.config.workflow_id",
        "workflow_steps.4.config.sources.1",
        "workflow_integrations.missing",
        "workflow_schema",
    ]


async def test_integrations_are_those_that_steps_and_the_caller_name(bench: Bench) -> None:
    ids = {name: await make_integration(bench, name) for name in ("warehouse", "teams", "spare")}
    said = draft(
        step("h", "http", {"url": "/orders", "integration": "warehouse"}),
        step("r", "wait_for_response", {"sources": ["teams"]}),
        integrations={"spare": {}},
    )
    made = await bench.create(said)
    assert made.integrations == {name: str(id_) for name, id_ in ids.items()}


async def test_an_integration_of_another_project_is_missing(bench: Bench) -> None:
    other = await make_project(bench.database, bench.tenant)
    await make_integration(bench, "warehouse", project=str(other.id))
    said = draft(step("h", "http", {"url": "/orders", "integration": "warehouse"}))
    with pytest.raises(Faulty) as error:
        await bench.create(said)
    assert faults_of(error) == ["workflow_steps.1.config.integration"]


async def test_a_step_may_start_a_workflow_of_its_project_only(bench: Bench) -> None:
    child = await bench.create()
    said = draft(step("w", "workflow", {"workflow_id": str(child.workflow_id)}))
    assert (await bench.create(said)).number == 1
    other = await make_project(bench.database, bench.tenant)
    elsewhere = draft(*said.steps[1:], project=str(other.id))  # pyright: ignore
    with pytest.raises(Faulty) as error:
        await bench.create(elsewhere)
    assert faults_of(error) == ["workflow_steps.1.config.workflow_id"]


async def test_the_schedule_of_a_trigger_is_judged_by_who_knows(bench: Bench) -> None:
    trigger = step("t", "schedule", {"schedule_expression": "never"})
    async with bench.tx() as tx:
        faults = await definitions.examine_draft(
            tx,
            bench.caller,
            draft(trigger=trigger),
            check_schedule=lambda config: [
                Fault("schedule_expression", f"{config.schedule_expression} is no time")
            ],
        )
    assert [str(fault) for fault in faults] == [
        "workflow_steps[0].config.schedule_expression: never is no time"
    ]


async def test_a_name_and_a_workspace_are_checked(bench: Bench) -> None:
    with pytest.raises(BadInput, match="workflow_name"):
        await bench.create(draft(name=" "))
    with pytest.raises(BadInput, match="workspace_id"):
        await bench.create(draft(project=str(uuid4())))


async def test_saving_a_draft_changes_it(bench: Bench) -> None:
    made = await bench.create()
    saved = await bench.save(made, draft(transform("b", 2), name="renamed"))
    assert (saved.id, saved.number, saved.name) == (made.id, 1, "renamed")
    assert saved.steps[1]["id"] == "b"


async def test_saving_what_is_in_force_makes_the_next_draft(bench: Bench) -> None:
    made = await bench.activate(await bench.create())
    assert made.status is VersionStatus.ACTIVE
    saved = await bench.save(made, draft(transform("b", 2)))
    assert (saved.number, saved.status, saved.is_latest) == (2, VersionStatus.DRAFT, True)
    async with bench.tx() as tx:
        before = await definitions.get_version(tx, bench.caller, made.workflow_id, 1)
        to_start = await definitions.version_to_start(tx, made.workflow_id, None)
    assert (before.is_latest, before.steps) == (False, made.steps)
    assert to_start.number == 1


async def test_no_number_is_given_twice(bench: Bench) -> None:
    made = await bench.activate(await bench.create())
    second = await bench.save(made, draft())
    async with bench.tx() as tx:
        await definitions.delete_draft(tx, bench.caller, made.workflow_id, second.number)
    assert (await bench.save(made, draft())).number == 3


async def test_only_a_draft_is_deleted_and_the_last_one_with_its_workflow(bench: Bench) -> None:
    made = await bench.create()
    async with bench.tx() as tx:
        await definitions.delete_draft(tx, bench.caller, made.workflow_id, 1)
        with pytest.raises(NotFound):
            await definitions.get_version(tx, bench.caller, made.workflow_id, 1)
        left = await tx.fetchval("SELECT count(*) FROM workflows")
    assert left == 0
    made = await bench.activate(await bench.create())
    async with bench.tx() as tx:
        with pytest.raises(Conflict):
            await definitions.delete_draft(tx, bench.caller, made.workflow_id, 1)


async def test_what_starts_is_the_latest_active_version_or_the_one_named(bench: Bench) -> None:
    first = await bench.activate(await bench.create())
    second = await bench.activate(await bench.save(first, draft()))
    await bench.save(second, draft())
    async with bench.tx() as tx:
        latest = await definitions.version_to_start(tx, first.workflow_id, None)
        named = await definitions.version_to_start(tx, first.workflow_id, 1)
        assert (latest.number, named.number) == (2, 1)
        with pytest.raises(Conflict, match="DRAFT"):
            await definitions.version_to_start(tx, first.workflow_id, 3)
        with pytest.raises(NotFound):
            await definitions.version_to_start(tx, first.workflow_id, 4)
        for number in (1, 2):
            await definitions.archive_version(tx, bench.caller, first.workflow_id, number, now=NOW)
        with pytest.raises(Conflict, match="no ACTIVE version"):
            await definitions.version_to_start(tx, first.workflow_id, None)


async def test_activating_looks_again_at_what_may_have_gone(bench: Bench) -> None:
    await make_integration(bench, "warehouse")
    made = await bench.create(
        draft(step("h", "http", {"url": "/orders", "integration": "warehouse"}))
    )
    async with bench.tx() as tx:
        await tx.execute("DELETE FROM integrations")
    with pytest.raises(Faulty) as error:
        await bench.activate(made)
    assert "workflow_steps.1.config.integration" in faults_of(error)


async def test_a_schema_is_detected_from_a_payload_and_kept_with_it(bench: Bench) -> None:
    made = await bench.create()
    payload = {"order": 1, "lines": [{"sku": "a"}]}
    async with bench.tx() as tx:
        changed = await definitions.set_schema(
            tx, bench.caller, made.workflow_id, 1, payload, now=NOW
        )
    assert changed.mock_payload == payload
    assert changed.schema is not None
    assert sorted(changed.schema["required"]) == ["lines", "order"]
    await bench.activate(changed)
    async with bench.tx() as tx:
        with pytest.raises(Conflict):
            await definitions.set_schema(tx, bench.caller, made.workflow_id, 1, {}, now=NOW)


async def test_a_mock_payload_matches_its_schema(bench: Bench) -> None:
    with pytest.raises(Faulty) as error:
        await bench.create(
            draft(
                schema={"type": "object", "properties": {"n": {"type": "integer"}}},
                mock_payload={"n": "x"},
            )
        )
    assert faults_of(error) == ["workflow_mock_payload.n"]


async def test_pausing_is_for_versions_with_a_schedule(bench: Bench) -> None:
    scheduled = await bench.activate(
        await bench.create(draft(trigger=step("t", "schedule", {"schedule_expression": "@daily"})))
    )
    requested = await bench.activate(await bench.create())
    async with bench.tx() as tx:
        paused = await definitions.pause_version(
            tx, bench.caller, scheduled.workflow_id, 1, paused=True, now=NOW
        )
        assert paused.status is VersionStatus.PAUSED
        with pytest.raises(Conflict):
            await definitions.version_to_start(tx, scheduled.workflow_id, None)
        active = await definitions.pause_version(
            tx, bench.caller, scheduled.workflow_id, None, paused=False, now=NOW
        )
        assert active.status is VersionStatus.ACTIVE
        with pytest.raises(Conflict):
            await definitions.pause_version(
                tx, bench.caller, requested.workflow_id, 1, paused=True, now=NOW
            )


async def test_lists_go_down_from_the_newest_and_can_be_entered_anywhere(bench: Bench) -> None:
    first = await bench.activate(await bench.create())
    second = await bench.create()
    await bench.save(first, draft())
    expected = [(second.workflow_id, 1), (first.workflow_id, 2), (first.workflow_id, 1)]

    async def listed(limit: int, before: VersionKey | None = None) -> list[tuple[UUID, int]]:
        async with bench.tx() as tx:
            found = await definitions.list_versions(tx, bench.caller, before=before, limit=limit)
        return [(one.workflow_id, one.number) for one in found]

    assert await listed(10) == expected
    for place, (workflow_id, number) in enumerate(expected):
        assert await listed(10, VersionKey(workflow_id, number)) == expected[place + 1 :]
    async with bench.tx() as tx:
        active = await definitions.list_versions(
            tx, bench.caller, status=VersionStatus.ACTIVE, limit=10
        )
        latest = await definitions.list_versions(tx, bench.caller, latest=True, limit=10)
    assert [one.number for one in active] == [1]
    assert [(one.workflow_id, one.number) for one in latest] == expected[:2]


async def test_others_see_nothing_and_members_change_nothing(bench: Bench) -> None:
    made = await bench.create()
    stranger = make_principal(bench.tenant.tenant.id, application_role="Consumer")
    user = await make_user(bench.database, bench.tenant, project_roles={made.project_id: "Member"})
    member = principal_of(user, bench.tenant, {made.project_id: "Member"})
    async with bench.tx() as tx:
        found = await definitions.get_version(tx, member, made.workflow_id, 1)
        assert found.id == made.id
        with pytest.raises(Forbidden):
            await definitions.activate_version(
                tx, member, made.workflow_id, 1, check_schedule=any_schedule, now=NOW
            )
        with pytest.raises(NotFound):
            await definitions.get_version(tx, stranger, made.workflow_id, 1)


async def test_a_version_in_force_is_compiled_once_and_a_draft_each_time(bench: Bench) -> None:
    active = await bench.activate(await bench.create())
    drafted = await bench.create()
    compiled = CompiledVersions()
    async with bench.database.system() as tx:
        first = await load_versions(tx, compiled, [active.id, drafted.id, uuid4()])
        again = await load_versions(tx, compiled, [active.id, drafted.id])
    assert set(first) == {active.id, drafted.id}
    assert again[active.id] is first[active.id]
    assert again[drafted.id] is not first[drafted.id]
    assert first[active.id].graph.first == "t"
