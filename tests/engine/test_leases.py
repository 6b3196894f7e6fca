from __future__ import annotations

import asyncio
from collections.abc import Mapping
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treadle.engine.leases import Flags, LeaseKeeper, LeaseRules, Patience, lease_rules

NONE: Flags = frozenset()


class Domain:
    """Stands for the table of leases; the keeper's clock is a number that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.kept: dict[UUID, Flags] = {}
        self.error: Exception | None = None
        self.asked: list[list[tuple[UUID, int]]] = []
        self.lost: list[UUID] = []
        self.signals: list[tuple[UUID, Flags]] = []
        self.renewal_seconds = 0.0
        self.during: list[tuple[str, UUID]] = []
        self.keeper = LeaseKeeper(
            rules=lease_rules(8),
            renew=self.renew,
            on_lost=self.lost.append,
            on_signal=lambda subject, flags: self.signals.append((subject, flags)),
            clock=lambda: self.now,
        )

    async def renew(
        self, held: list[tuple[UUID, int]], duration_seconds: float
    ) -> Mapping[UUID, Flags]:
        assert duration_seconds == 8
        self.asked.append(held)
        self.now += self.renewal_seconds
        for what, subject in self.during:
            if what == "release":
                self.keeper.release(subject)
            else:
                self.keeper.hold(subject, 2, since=self.now)
        if self.error:
            raise self.error
        return dict(self.kept)

    def claim(self) -> UUID:
        subject = uuid4()
        self.keeper.hold(subject, 1, since=self.now)
        self.kept[subject] = NONE
        return subject


@given(
    duration=st.floats(2, 300),
    since=st.floats(0, 1e6),
    transit=st.floats(0, 1),
)
def test_a_holder_gives_up_before_anybody_may_take(
    duration: float, since: float, transit: float
) -> None:
    rules = lease_rules(duration)
    taken_by_others = since + transit + duration
    assert rules.lost_at(since) < taken_by_others
    # Two renewals fit in before it is lost, so one may fail.
    assert since + 2 * rules.renew_every < rules.lost_at(since)


@pytest.mark.parametrize("margin", [0.0, -1.0, 3.0])
def test_a_margin_that_leaves_no_time_to_renew_is_refused(margin: float) -> None:
    with pytest.raises(ValueError):
        LeaseRules(duration=8, margin=margin)


async def test_one_call_renews_all_and_counts_from_before_it_was_sent() -> None:
    domain = Domain()
    first, second = domain.claim(), domain.claim()
    domain.now += 3
    domain.renewal_seconds = 2
    await domain.keeper.renew_all()
    assert domain.asked == [[(first, 1), (second, 1)]]
    # Renewed at 1003: lost at 1010, although the answer came at 1005.
    domain.now = 1009.9
    assert domain.keeper.expire() == 0
    assert domain.keeper.holds(first)
    domain.now = 1010.0
    assert not domain.keeper.holds(first)
    assert domain.keeper.expire() == 2
    assert domain.lost == [first, second]


async def test_a_lease_that_somebody_else_has_is_lost_at_once_and_told_once() -> None:
    domain = Domain()
    ours, theirs = domain.claim(), domain.claim()
    del domain.kept[theirs]
    await domain.keeper.renew_all()
    await domain.keeper.renew_all()
    domain.now += 100
    domain.keeper.expire()
    assert domain.lost == [theirs, ours]


async def test_an_outage_loses_only_what_ran_out() -> None:
    domain = Domain()
    old = domain.claim()
    domain.now += 4
    young = domain.claim()
    domain.error = ConnectionError("database away")
    with pytest.raises(ConnectionError):
        await domain.keeper.renew_all()
    domain.now += 3
    domain.keeper.expire()
    assert domain.lost == [old]
    domain.error = None
    await domain.keeper.renew_all()
    domain.now += 6
    assert domain.keeper.expire() == 0
    assert domain.keeper.holds(young)


async def test_a_holder_that_was_held_up_asks_before_it_gives_up() -> None:
    domain = Domain()
    ours, theirs = domain.claim(), domain.claim()
    del domain.kept[theirs]  # somebody who was not held up has taken it
    domain.now += 3600
    await domain.keeper.come_round()
    assert domain.lost == [theirs]
    assert domain.keeper.holds(ours)


async def test_a_holder_that_was_held_up_and_gets_no_answer_gives_up() -> None:
    domain = Domain()
    ours = domain.claim()
    domain.error = ConnectionError("database away")
    domain.now += 3600
    await domain.keeper.come_round()
    assert domain.lost == [ours]


async def test_a_holder_that_was_not_held_up_does_not_ask() -> None:
    domain = Domain()
    ours = domain.claim()
    for _ in range(6):
        domain.now += 1
        await domain.keeper.come_round()
    assert domain.lost == []
    domain.now += 1
    await domain.keeper.come_round()
    assert (domain.lost, domain.asked) == ([ours], [])


def rescuer(*, at: float) -> tuple[Patience, list[float]]:
    """Its patience with leases of 8 s; the clock is the list's last number."""
    clock = [at]
    return Patience(lease_rules(8), clock=lambda: clock[-1]), clock


def test_a_rescuer_looks_at_once_and_whenever_it_comes_round() -> None:
    patience, clock = rescuer(at=1000.0)
    for _ in range(10):
        assert patience.may_look()
        clock.append(clock[-1] + 3.9)


def test_a_rescuer_that_was_held_up_lets_the_holders_go_first() -> None:
    patience, clock = rescuer(at=1000.0)
    assert patience.may_look()
    clock.append(1100.0)
    assert not patience.may_look()
    clock.append(1103.9)
    assert not patience.may_look()
    clock.append(1104.0)
    assert patience.may_look()
    clock.append(1105.0)
    assert patience.may_look()


def test_a_rescuer_that_is_held_up_all_the_time_looks_every_second_time() -> None:
    patience, clock = rescuer(at=1000.0)
    looks: list[bool] = []
    for _ in range(6):
        looks.append(patience.may_look())
        clock.append(clock[-1] + 60)
    assert looks == [True, False, True, False, True, False]


async def test_flags_are_told_when_they_change() -> None:
    domain = Domain()
    subject = domain.claim()
    stop = frozenset({"stop"})
    await domain.keeper.renew_all()
    assert domain.signals == []
    domain.kept[subject] = stop
    await domain.keeper.renew_all()
    await domain.keeper.renew_all()
    assert domain.signals == [(subject, stop)]


async def test_what_is_released_or_claimed_anew_during_a_renewal_is_not_judged() -> None:
    domain = Domain()
    finished, again = domain.claim(), domain.claim()
    domain.kept.clear()
    domain.during = [("release", finished), ("hold", again)]
    await domain.keeper.renew_all()
    assert domain.lost == []
    assert domain.keeper.holds(again)
    assert not domain.keeper.holds(finished)


async def test_nothing_held_asks_nothing() -> None:
    domain = Domain()
    domain.keeper.release(uuid4())
    await domain.keeper.renew_all()
    assert domain.asked == []


async def test_a_faulty_callback_does_not_keep_others_from_hearing() -> None:
    told: list[UUID] = []
    now = 0.0

    def on_lost(subject: UUID) -> None:
        told.append(subject)
        raise ValueError("faulty")

    async def renew(held: list[tuple[UUID, int]], duration: float) -> Mapping[UUID, Flags]:
        return {}

    keeper = LeaseKeeper(
        rules=lease_rules(8),
        renew=renew,
        on_lost=on_lost,
        on_signal=lambda subject, flags: None,
        clock=lambda: now,
    )
    subjects = [uuid4(), uuid4()]
    for subject in subjects:
        keeper.hold(subject, 1, since=now)
    now = 8.0
    assert keeper.expire() == 2
    assert told == subjects


async def test_the_running_keeper_declares_loss_while_a_renewal_hangs() -> None:
    """A database that neither answers nor fails must not keep the holder believing."""
    lost = asyncio.Event()
    hanging = asyncio.Event()

    async def renew(held: list[tuple[UUID, int]], duration: float) -> Mapping[UUID, Flags]:
        hanging.set()
        await asyncio.Event().wait()
        return {}

    rules = lease_rules(0.4)
    keeper = LeaseKeeper(
        rules=rules,
        renew=renew,
        on_lost=lambda subject: lost.set(),
        on_signal=lambda subject, flags: None,
        clock=asyncio.get_running_loop().time,
    )
    keeper.hold(uuid4(), 1, since=asyncio.get_running_loop().time())
    keeper.start()
    async with asyncio.timeout(60):
        await hanging.wait()
        await lost.wait()
    await keeper.stop()
