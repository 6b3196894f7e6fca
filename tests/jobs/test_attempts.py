"""What workers do to runs, against the real database: claims, fences, order, rescue."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from factories import NOW
from fixtures.jobs import LEASE, Workshop
from treadle.core.errors import Conflict
from treadle.jobs import attempts
from treadle.jobs.definitions import JobDraft
from treadle.jobs.model import Run, RunState
from treadle.jobs.states import AttemptOutcome

S = RunState


async def expire_lease(owner: asyncpg.Connection, run: Run) -> None:
    """As if the worker had been silent for longer than its lease."""
    await owner.execute(
        "UPDATE treadle.runs SET lease_expires_at = now() - interval '1 second' WHERE id = $1",
        run.id,
    )


async def entries_of(owner: asyncpg.Connection, run: Run) -> int:
    """Queue entries and timers that will bring the run to a worker."""
    count = await owner.fetchval(
        "SELECT (SELECT count(*) FROM queue.pgqueuer WHERE position($1 IN payload) > 0)"
        " + (SELECT count(*) FROM treadle.timers WHERE position($1 IN payload) > 0)",
        run.id.bytes,
    )
    return int(count or 0)


async def test_a_run_goes_through_its_states(workshop: Workshop) -> None:
    run = await workshop.submit(await workshop.make_job())
    assert (run.state, run.attempt) == (S.QUEUED, 0)
    claim = await workshop.claim(run)
    assert claim is not None
    assert (claim.run.state, claim.run.attempt) == (S.INITIALIZING, 1)
    assert await attempts.begin(workshop.database, claim.run, now=NOW)
    assert (await workshop.get(run)).state is S.RUNNING
    ended = await workshop.end(claim.run, log_tail="bye\n")
    assert ended is not None
    assert (ended.state, ended.finished_at, ended.worker_id) == (S.FINISHED, NOW, None)
    assert await workshop.log_of(run) == "bye\n"


async def test_submission_queues_exactly_one_entry(
    workshop: Workshop, owner: asyncpg.Connection
) -> None:
    run = await workshop.submit(await workshop.make_job())
    assert await entries_of(owner, run) == 1


async def test_of_many_workers_one_gets_the_run(workshop: Workshop) -> None:
    run = await workshop.submit(await workshop.make_job())
    claims = await asyncio.gather(*(workshop.claim(run) for _ in range(10)))
    assert sum(claim is not None for claim in claims) == 1


async def test_an_ended_run_is_not_claimed_again(workshop: Workshop) -> None:
    run = await workshop.begin(await workshop.submit(await workshop.make_job()))
    await workshop.end(run)
    assert await workshop.claim(run) is None


async def test_the_second_end_of_an_attempt_is_refused(workshop: Workshop) -> None:
    run = await workshop.begin(await workshop.submit(await workshop.make_job()))
    assert await workshop.end(run) is not None
    assert await workshop.end(run, AttemptOutcome.ERROR) is None
    assert (await workshop.get(run)).state is S.FINISHED


async def test_a_failed_attempt_comes_back_after_its_backoff(
    workshop: Workshop, owner: asyncpg.Connection
) -> None:
    job = await workshop.make_job(JobDraft("flaky", max_retries=1, retry_backoff_seconds=30))
    run = await workshop.begin(await workshop.submit(job))
    await owner.execute("DELETE FROM queue.pgqueuer")
    queued = await workshop.end(run, AttemptOutcome.ERROR)
    assert queued is not None
    assert (queued.state, queued.failures) == (S.QUEUED, 1)
    assert queued.not_before == NOW + timedelta(seconds=30)
    assert await entries_of(owner, run) == 1
    second = await workshop.begin(queued)
    assert second.attempt == 2
    ended = await workshop.end(second, AttemptOutcome.ERROR)
    assert ended is not None
    assert (ended.state, ended.failures) == (S.ERROR, 2)


async def test_a_late_worker_finds_its_run_taken(
    workshop: Workshop, owner: asyncpg.Connection
) -> None:
    """The first worker was given up; whatever it writes then has no effect."""
    job = await workshop.make_job(JobDraft("resumable", max_retries=1, retry_backoff_seconds=0))
    first = await workshop.begin(await workshop.submit(job))
    await expire_lease(owner, first)
    assert await attempts.rescue(workshop.database, workshop.context, now=NOW) == 1
    second = await workshop.begin(await workshop.get(first))
    assert second.attempt == 2
    assert not await attempts.append_log(workshop.database, first, "late\n", now=NOW)
    assert await workshop.end(first) is None
    held = await attempts.renew(workshop.database, [(first.id, 1), (first.id, 2)], lease=LEASE)
    assert [one.attempt for one in held] == [2]
    assert (await workshop.get(first)).state is S.RUNNING
    assert "went silent" in await workshop.log_of(first)


async def test_rescue_does_again_what_had_not_begun(
    workshop: Workshop, owner: asyncpg.Connection
) -> None:
    run = await workshop.submit(await workshop.make_job())
    claim = await workshop.claim(run)
    assert claim is not None
    await owner.execute("DELETE FROM queue.pgqueuer")
    await expire_lease(owner, run)
    await attempts.rescue(workshop.database, workshop.context, now=NOW)
    rescued = await workshop.get(run)
    assert (rescued.state, rescued.failures) == (S.QUEUED, 0)
    assert await entries_of(owner, run) == 1


async def test_rescue_fails_what_had_begun_and_may_not_be_repeated(
    workshop: Workshop, owner: asyncpg.Connection
) -> None:
    run = await workshop.begin(await workshop.submit(await workshop.make_job()))
    await expire_lease(owner, run)
    await attempts.rescue(workshop.database, workshop.context, now=NOW)
    lost = await workshop.get(run)
    assert (lost.state, lost.error_type) == (S.FAILED, "WorkerLost")


async def test_rescue_leaves_living_workers_alone(workshop: Workshop) -> None:
    run = await workshop.begin(await workshop.submit(await workshop.make_job()))
    assert await attempts.rescue(workshop.database, workshop.context, now=NOW) == 0
    assert (await workshop.get(run)).state is S.RUNNING


async def test_many_rescuers_rescue_once(workshop: Workshop, owner: asyncpg.Connection) -> None:
    run = await workshop.submit(await workshop.make_job())
    await workshop.claim(run)
    await owner.execute("DELETE FROM queue.pgqueuer")
    await expire_lease(owner, run)
    await asyncio.gather(
        *(attempts.rescue(workshop.database, workshop.context, now=NOW) for _ in range(5))
    )
    assert await entries_of(owner, run) == 1


async def test_runs_of_a_blocking_job_run_one_by_one_in_order(workshop: Workshop) -> None:
    job = await workshop.make_job(JobDraft("one by one", blocking=True))
    submitted = [await workshop.submit(job) for _ in range(3)]
    assert [run.state for run in submitted] == [S.QUEUED, S.WAITING, S.WAITING]
    for number, run in enumerate(submitted):
        states = [(await workshop.get(one)).state for one in submitted[number:]]
        assert states == [S.QUEUED, *[S.WAITING] * (2 - number)]
        await workshop.end(await workshop.begin(run))


async def test_parallel_submissions_and_ends_of_a_blocking_job_leave_none_waiting(
    workshop: Workshop,
) -> None:
    job = await workshop.make_job(JobDraft("one by one", blocking=True))
    open_runs = list(await asyncio.gather(*(workshop.submit(job) for _ in range(8))))
    ended = 0
    while ended < 12:
        states = {run.id: (await workshop.get(run)).state for run in open_runs}
        queued = [run for run in open_runs if states[run.id] is S.QUEUED]
        assert len(queued) == 1
        running = await workshop.begin(queued[0])
        more = [workshop.submit(job)] if ended < 4 else []
        results = await asyncio.gather(workshop.end(running), *more)
        open_runs = [run for run in open_runs if run.id != running.id]
        open_runs += [run for run in results[1:] if run is not None]
        ended += 1
    assert open_runs == []


async def test_stopping_a_queued_run_cancels_it(
    workshop: Workshop, owner: asyncpg.Connection
) -> None:
    run = await workshop.submit(await workshop.make_job())
    assert (await workshop.stop(run)).state is S.CANCELLED
    assert await workshop.claim(run) is None
    with pytest.raises(Conflict, match="already ended"):
        await workshop.stop(run)


async def test_stopping_the_run_in_front_lets_the_next_one_run(workshop: Workshop) -> None:
    job = await workshop.make_job(JobDraft("one by one", blocking=True))
    first, second = await workshop.submit(job), await workshop.submit(job)
    await workshop.stop(first)
    assert (await workshop.get(second)).state is S.QUEUED


async def test_stopping_a_run_between_attempts_fails_it_and_its_timer(
    workshop: Workshop, owner: asyncpg.Connection
) -> None:
    job = await workshop.make_job(JobDraft("flaky", max_retries=3, retry_backoff_seconds=30))
    run = await workshop.begin(await workshop.submit(job))
    await owner.execute("DELETE FROM queue.pgqueuer")
    await workshop.end(run, AttemptOutcome.ERROR)
    assert (await workshop.stop(run)).state is S.FAILED
    assert await entries_of(owner, run) == 0


async def test_a_worker_hears_of_a_requested_stop(workshop: Workshop) -> None:
    run = await workshop.begin(await workshop.submit(await workshop.make_job()))
    assert (await workshop.stop(run)).state is S.RUNNING
    held = await attempts.renew(workshop.database, [(run.id, run.attempt)], lease=LEASE)
    assert [one.stop_requested for one in held] == [True]
    ended = await workshop.end(run, AttemptOutcome.STOPPED)
    assert ended is not None
    assert ended.state is S.FAILED


async def test_code_does_not_begin_after_a_stop(workshop: Workshop) -> None:
    claim = await workshop.claim(await workshop.submit(await workshop.make_job()))
    assert claim is not None
    await workshop.stop(claim.run)
    assert not await attempts.begin(workshop.database, claim.run, now=NOW)


async def test_a_run_that_is_handed_back_is_queued_at_once(
    workshop: Workshop, owner: asyncpg.Connection
) -> None:
    run = await workshop.begin(await workshop.submit(await workshop.make_job()))
    await owner.execute("DELETE FROM queue.pgqueuer")
    handed = await workshop.end(run, AttemptOutcome.HANDED_BACK)
    assert handed is not None
    assert (handed.state, handed.failures, handed.not_before) == (S.QUEUED, 0, None)
    assert await entries_of(owner, run) == 1


async def test_log_positions_follow_each_other(workshop: Workshop) -> None:
    run = await workshop.begin(await workshop.submit(await workshop.make_job()))
    for piece in ("eins ", "zwéi ", "drei"):
        assert await attempts.append_log(workshop.database, run, piece, now=NOW)
    assert await workshop.log_of(run) == "eins zwéi drei"
    assert (await workshop.get(run)).log_bytes == len("eins zwéi drei".encode())


async def test_every_end_is_counted_once_after_its_commit(workshop: Workshop) -> None:
    counted: list[RunState] = []
    counting = replace(workshop, context=replace(workshop.context, count_end=counted.append))
    job = await counting.make_job(JobDraft("flaky", max_retries=1, retry_backoff_seconds=0))
    run = await counting.begin(await counting.submit(job))
    again = await counting.end(run, AttemptOutcome.ERROR)
    assert again is not None
    assert counted == []  # it will be tried again
    await counting.end(await counting.begin(again))
    await counting.stop(await counting.submit(job))
    assert counted == [S.FINISHED, S.CANCELLED]
