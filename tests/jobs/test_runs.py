"""What callers do with runs: submit, repeat, list, follow, and what they are refused."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import asyncpg
import pytest

from factories import NOW, make_principal
from fixtures.jobs import Workshop, make_workshop, package_bytes
from treadle.core.errors import BadInput, Conflict, Forbidden, NotFound
from treadle.core.ids import new_id
from treadle.core.pages import PageRequest
from treadle.engine.live import LiveHub
from treadle.jobs import attempts, definitions, runs
from treadle.jobs.definitions import JobDraft
from treadle.jobs.follow import follow_log
from treadle.jobs.model import RunFilter, RunState
from treadle.jobs.runs import RunRequest


async def test_a_run_keeps_the_package_that_it_was_submitted_with(workshop: Workshop) -> None:
    job = await workshop.make_job()
    run = await workshop.submit(job)
    await workshop.upload(job, "package.zip", package_bytes(hello="def main():\n    return 2\n"))
    later = await workshop.submit(job)
    assert (await workshop.get(run)).package["sha256"] != later.package["sha256"]


async def test_a_job_without_a_package_is_refused(workshop: Workshop) -> None:
    async with workshop.database.tenant(workshop.caller.tenant_id) as tx:
        job = await definitions.create_job(tx, workshop.caller, JobDraft("empty"), now=NOW)
    with pytest.raises(BadInput, match="has no package"):
        await workshop.submit(job)


async def test_an_unknown_file_or_entry_point_is_refused_by_name(workshop: Workshop) -> None:
    job = await workshop.make_job()
    with pytest.raises(BadInput, match=r"no file 'other\.zip' was uploaded"):
        await workshop.submit(job, RunRequest(package_name="other.zip"))
    with pytest.raises(BadInput, match=r"has no 'hello\.absent'; it has hello\.main, hello\.other"):
        await workshop.submit(job, RunRequest(entry_point="hello.absent"))


async def test_an_entry_point_with_a_colon_is_the_same(workshop: Workshop) -> None:
    run = await workshop.submit(await workshop.make_job(), RunRequest(entry_point="hello:other"))
    assert run.package["entry_point"] == "hello:other"


async def test_a_plain_file_is_no_package(workshop: Workshop) -> None:
    job = await workshop.make_job()
    await workshop.upload(job, "notes.txt", b"text")
    with pytest.raises(BadInput, match=r"notes\.txt is not a package"):
        await workshop.submit(job, RunRequest(package_name="notes.txt"))


async def test_an_inactive_job_is_refused(workshop: Workshop) -> None:
    job = await workshop.make_job(JobDraft("off", active=False))
    with pytest.raises(Conflict, match="not active"):
        await workshop.submit(job)


async def test_a_refused_submission_leaves_nothing(
    workshop: Workshop, owner: asyncpg.Connection
) -> None:
    job = await workshop.make_job()
    with pytest.raises(BadInput):
        await workshop.submit(job, RunRequest(macro_sets=("no such set",)))
    assert await owner.fetchval("SELECT count(*) FROM treadle.runs") == 0
    assert await owner.fetchval("SELECT count(*) FROM queue.pgqueuer") == 0


async def test_a_run_is_repeated_with_what_it_had(workshop: Workshop) -> None:
    job = await workshop.make_job()
    run = await workshop.submit(job, RunRequest(input={"n": 1}, entry_point="hello.other"))
    async with workshop.database.tenant(run.tenant_id) as tx:
        with pytest.raises(Conflict, match="has not ended"):
            await runs.retry_run(tx, workshop.context, workshop.caller, run.id, now=NOW)
    await workshop.end(await workshop.begin(run))
    async with workshop.database.tenant(run.tenant_id) as tx:
        again = await runs.retry_run(tx, workshop.context, workshop.caller, run.id, now=NOW)
    assert (again.retry_of, again.input, again.package) == (run.id, {"n": 1}, run.package)


async def test_lists_show_the_newest_first_and_filter(workshop: Workshop) -> None:
    job, other = await workshop.make_job(), await workshop.make_job(JobDraft("another"))
    first, second = await workshop.submit(job), await workshop.submit(other)
    await workshop.end(await workshop.begin(first))

    async def listed(wanted: RunFilter) -> list[object]:
        async with workshop.database.tenant(first.tenant_id) as tx:
            page = await runs.list_runs(tx, workshop.caller, PageRequest(), wanted)
        assert page.total == len(page.items)
        return [run.id for run in page.items]

    assert await listed(RunFilter()) == [second.id, first.id]
    assert await listed(RunFilter(states=["FINISHED"])) == [first.id]
    assert await listed(RunFilter(job_id=other.id)) == [second.id]
    assert await listed(RunFilter(text="NOTHE")) == [second.id]
    assert await listed(RunFilter(submitted_by="user:0")) == []
    assert await listed(RunFilter(until=NOW)) == []


async def test_a_stranger_finds_nothing(workshop: Workshop) -> None:
    run = await workshop.submit(await workshop.make_job())
    stranger = await make_workshop(workshop.database, workshop.folder)
    async with workshop.database.tenant(stranger.caller.tenant_id) as tx:
        with pytest.raises(NotFound):
            await runs.get_run(tx, stranger.caller, run.id)
        with pytest.raises(NotFound):
            await runs.stop_run(tx, stranger.context, stranger.caller, run.id, now=NOW)
        with pytest.raises(NotFound):
            await definitions.get_job(tx, stranger.caller, run.job_id)
        with pytest.raises(NotFound):
            await runs.get_run(tx, stranger.caller, new_id())


async def test_roles_decide_what_one_may_do_with_a_run(workshop: Workshop) -> None:
    run = await workshop.submit(await workshop.make_job())
    tenant_id = workshop.caller.tenant_id
    member = make_principal(
        tenant_id, application_role="Consumer", project_roles={run.project_id: "Member"}
    )
    manager = make_principal(
        tenant_id, application_role="Consumer", project_roles={run.project_id: "Manager"}
    )
    elsewhere = make_principal(
        tenant_id, application_role="Consumer", project_roles={new_id(): "Owner"}
    )
    async with workshop.database.tenant(tenant_id) as tx:
        with pytest.raises(Forbidden):
            await runs.get_run(tx, member, run.id)
        assert (await runs.get_run(tx, manager, run.id)).id == run.id
        with pytest.raises(NotFound):
            await runs.get_run(tx, elsewhere, run.id)
        with pytest.raises(Forbidden):
            await definitions.replace_job(tx, manager, run.job_id, JobDraft("mine"), now=NOW)


async def test_following_a_log_shows_all_of_it_and_the_end(workshop: Workshop) -> None:
    run = await workshop.begin(await workshop.submit(await workshop.make_job()))
    hub = LiveHub(workshop.database)
    hub.start()
    seen: list[str] = []
    running = asyncio.Event()

    async def follow() -> None:
        async with aclosing(follow_log(workshop.database, hub, run)) as all_news:
            async for news in all_news:
                seen.append(news.chunk.content if news.chunk else str(news.state))
                running.set()

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(follow())
        await running.wait()
        for line in ("one\n", "two\n"):
            await attempts.append_log(workshop.database, run, line, now=NOW)
        await workshop.end(run, log_tail="three\n")
    await hub.stop()
    assert seen == ["RUNNING", "one\n", "two\n", "three\n", "FINISHED"]


async def test_a_deleted_job_keeps_its_history_and_runs_no_more(workshop: Workshop) -> None:
    job = await workshop.make_job()
    run = await workshop.submit(job)
    async with workshop.database.tenant(run.tenant_id) as tx:
        with pytest.raises(Conflict, match="stop them first"):
            await definitions.delete_job(tx, workshop.caller, job.id, now=NOW)
    await workshop.end(await workshop.begin(run))
    async with workshop.database.tenant(run.tenant_id) as tx:
        await definitions.delete_job(tx, workshop.caller, job.id, now=NOW)
    assert (await workshop.get(run)).state is RunState.FINISHED
    with pytest.raises(NotFound):
        await workshop.submit(job)


async def test_a_copy_has_the_files_of_the_original(workshop: Workshop) -> None:
    job = await workshop.make_job()
    async with workshop.database.tenant(workshop.caller.tenant_id) as tx:
        copy = await definitions.clone_job(
            tx, workshop.context.sealer, workshop.caller, job.id, name=None, now=NOW
        )
    assert copy.name == "Copy of hello"
    run = await workshop.submit(copy)
    assert run.package["key"] == "package.zip"
