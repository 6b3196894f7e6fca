"""Leases: what a process holds, it keeps alive, and it knows in time when it lost it.

A holder that cannot renew (the database is away, the machine was asleep) must take a lease for
lost *before* anybody else may take it; the difference is the safety margin. The holder counts on
its own monotonic clock from the moment *before* the claim or renewal was sent: whatever the
database wrote as the expiry lies later than that.

A process that was held up (the machine slept or was moved, nothing ran for seconds) wakes among
expired leases that perhaps nobody has taken: holders ask the database once before they give up, and
rescuers (`Patience`) let them go first.

The rules are pure; `LeaseKeeper` applies them to many subjects with one batched call. How a lease
is written is the domain's business: it hands in `renew`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

import structlog

from treadle.engine.loops import Loop

log = structlog.get_logger()

Flags = frozenset[str]
Renew = Callable[[list[tuple[UUID, int]], float], Awaitable[Mapping[UUID, Flags]]]
"""`renew(held, duration_seconds)`: extends the leases of all `(id, attempt)` by the duration from
now and answers for those that are still held, with flags for each (for example a requested stop).
"""


def boot_clock() -> float:
    """Seconds that always pass: also while the process is stopped or the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class LeaseRules:
    """How long a lease lasts, in seconds, and what follows from it."""

    duration: float
    margin: float

    def __post_init__(self) -> None:
        if not 0 < self.margin < self.duration / 3:
            raise ValueError("the margin must be positive and less than a third of the duration")

    @property
    def renew_every(self) -> float:
        """A third: one renewal may fail, and the next still comes in time."""
        return self.duration / 3

    @property
    def held_up_after(self) -> float:
        """Half: who has not come round for so long was held up. Less cannot cost a lease, as the
        last renewal is a third of the duration old at most.
        """
        return self.duration / 2

    def lost_at(self, since: float) -> float:
        """When a lease that was claimed or renewed at `since` must be taken for lost."""
        return since + self.duration - self.margin


def lease_rules(duration_seconds: float) -> LeaseRules:
    """Rules with a margin of an eighth of the duration: 1 s of 8 s."""
    return LeaseRules(duration=duration_seconds, margin=duration_seconds / 8)


class Patience:
    """When a rescuer may look for expired leases. After it was held up it waits for as long as that
    takes to notice, once: the holders were held up too, perhaps, and are still there.
    """

    def __init__(self, rules: LeaseRules, *, clock: Callable[[], float] = boot_clock) -> None:
        self._rules = rules
        self._clock = clock
        self._asked_at: float | None = None
        self._wait_until: float | None = None

    def may_look(self) -> bool:
        """Asked before every look. However often it is held up, every second look happens."""
        now = self._clock()
        before, self._asked_at = self._asked_at, now
        if self._wait_until is None:
            if before is None or now - before < self._rules.held_up_after:
                return True
            log.warning("rescuer_held_up", seconds=round(now - before, 1))
            self._wait_until = now + self._rules.held_up_after
        if now < self._wait_until:
            return False
        self._wait_until = None
        return True


@dataclass(frozen=True, slots=True)
class _Held:
    attempt: int
    lost_at: float
    flags: Flags = frozenset()


class LeaseKeeper:
    """Renews the leases of everything this process holds, in one call for all.

    `on_lost(id)` is called once when a lease is gone (somebody else has it, or it could not be
    renewed in time); `on_signal(id, flags)` whenever `renew` reports other flags than before.
    Both are called from the event loop and must not block. Database outages are survived: the
    keeper goes on trying, and what runs out meanwhile is lost.
    """

    def __init__(
        self,
        *,
        rules: LeaseRules,
        renew: Renew,
        on_lost: Callable[[UUID], None],
        on_signal: Callable[[UUID, Flags], None],
        clock: Callable[[], float] = boot_clock,
    ) -> None:
        self._rules = rules
        self._renew = renew
        self._on_lost = on_lost
        self._on_signal = on_signal
        self._clock = clock
        self._held: dict[UUID, _Held] = {}
        self._came_round_at = clock()
        # One at a time: an older answer that comes later would take back what a newer one said.
        self._renewing = asyncio.Lock()
        self._renewals = Loop("lease-renewal", self.renew_all, interval_seconds=rules.renew_every)
        # Of its own, because a renewal may hang with the database.
        self._expiry = Loop("lease-expiry", self.come_round, interval_seconds=rules.margin / 2)

    def start(self) -> None:
        """Begins to renew."""
        self._renewals.start()
        self._expiry.start()

    async def stop(self) -> None:
        """Renews nothing any more: what is still held runs out and goes to others."""
        await asyncio.gather(self._renewals.stop(grace_seconds=1.0), self._expiry.stop())

    def hold(self, subject: UUID, attempt: int, *, since: float) -> None:
        """Keeps a lease alive; `since` is the `clock` from *before* the claim was sent."""
        self._held[subject] = _Held(attempt, self._rules.lost_at(since))

    def release(self, subject: UUID) -> None:
        """Forgets a subject that is finished or handed back. Unknown ones are fine."""
        self._held.pop(subject, None)

    def holds(self, subject: UUID) -> bool:
        """Whether the lease is still ours by our own clock."""
        held = self._held.get(subject)
        return held is not None and self._clock() < held.lost_at

    async def renew_all(self) -> None:
        """One batched renewal; anybody may ask for one out of turn.

        Raises what `renew` raises, or TimeoutError when it takes so long that the next is due.
        """
        async with self._renewing:
            asked = dict(self._held)
            if not asked:
                return
            since = self._clock()
            async with asyncio.timeout(self._rules.renew_every):
                kept = await self._renew(
                    [(subject, held.attempt) for subject, held in asked.items()],
                    self._rules.duration,
                )
            for subject, before in asked.items():
                self._judge(subject, before, kept.get(subject), since=since)

    def expire(self) -> int:
        """Takes for lost what was not renewed in time; how many."""
        now = self._clock()
        late = [subject for subject, held in self._held.items() if held.lost_at <= now]
        for subject in late:
            self._lose(subject, "not renewed in time")
        return len(late)

    def _judge(self, subject: UUID, before: _Held, flags: Flags | None, *, since: float) -> None:
        # Released, lost, or claimed anew while the call was under way: the answer is not about it.
        if self._held.get(subject) is not before:
            return
        if flags is None:
            self._lose(subject, "taken")
            return
        self._held[subject] = replace(before, lost_at=self._rules.lost_at(since), flags=flags)
        if flags != before.flags:
            self._tell_signal(subject, flags)

    async def come_round(self) -> None:
        """Expires, often. Was this process held up, the database is asked first, for as long as the
        margin: if nobody has taken the leases meanwhile, they are ours and go on.
        """
        now = self._clock()
        before, self._came_round_at = self._came_round_at, now
        if self._held and now - before >= self._rules.held_up_after:
            log.warning("lease_holder_held_up", seconds=round(now - before, 1))
            try:
                async with asyncio.timeout(self._rules.margin):
                    await self.renew_all()
            except Exception as error:
                log.warning("lease_renewal_failed", error=f"{type(error).__name__}: {error}")
        self.expire()

    def _lose(self, subject: UUID, reason: str) -> None:
        held = self._held.pop(subject)
        log.warning("lease_lost", subject=str(subject), attempt=held.attempt, reason=reason)
        try:
            self._on_lost(subject)
        except Exception:
            # One faulty callback must not keep the others from hearing of their loss.
            log.exception("lease_callback_failed", subject=str(subject))

    def _tell_signal(self, subject: UUID, flags: Flags) -> None:
        try:
            self._on_signal(subject, flags)
        except Exception:
            log.exception("lease_callback_failed", subject=str(subject))
