"""Notifications of schedules: through a real mail server, and to a real HTTP receiver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pytest

from fixtures.mail import Postbox
from fixtures.outside import Outside, answer
from fixtures.schedules import Clockwork, at
from treadle.core.errors import Unprocessable
from treadle.engine.queue import Entry
from treadle.integrations import integrations
from treadle.integrations.integrations import IntegrationDraft
from treadle.integrations.model import Integration, IntegrationType
from treadle.schedules.action_configs import Notify
from treadle.schedules.calls import Calls, message_of
from treadle.schedules.decisions import FiringStatus
from treadle.schedules.model import ActionType, FiringRow, Schedule
from treadle.schedules.starting import CALLS


@pytest.fixture
def caller(clockwork: Clockwork) -> Calls:
    """What makes the calls; it may call this machine."""
    return Calls(clockwork.workshop.database, clockwork.context.workflows.integrations)


async def connect(
    clockwork: Clockwork,
    kind: IntegrationType,
    config: Mapping[str, Any],
    secrets: Mapping[str, str] | None = None,
) -> Integration:
    """An integration `people` of the default project."""
    workshop = clockwork.workshop
    draft = IntegrationDraft(name="people", type=kind, config=dict(config), secrets=secrets or {})
    async with workshop.database.tenant(workshop.caller.tenant_id) as tx:
        return await integrations.create_integration(
            tx, clockwork.context.jobs.sealer, workshop.caller, draft, now=at(0)
        )


async def connect_mail(clockwork: Clockwork, port: int) -> Integration:
    return await connect(
        clockwork,
        IntegrationType.SMTP,
        {"host": "127.0.0.1", "port": port, "tls": "none", "from_address": "treadle@example.com"},
    )


async def telling(clockwork: Clockwork, **config: object) -> Schedule:
    return await clockwork.make(
        action_type=ActionType.NOTIFY,
        action_config={"message": "The night's run is over.", **config},
        max_retries=1,
        retry_backoff_seconds=60,
    )


async def deliver(clockwork: Clockwork, caller: Calls, schedule: Schedule) -> FiringRow:
    """The schedule's last firing, once its attempt has been made and noted."""
    firing = (await clockwork.firings(schedule))[-1]
    payload = firing.id.bytes + firing.attempt.to_bytes(4)
    await caller.handle(Entry(CALLS, schedule.tenant_id, payload))
    await clockwork.tick(0.5)
    return (await clockwork.firings(schedule))[-1]


@pytest.mark.parametrize("by", ["name", "id"])
async def test_people_are_told_by_mail(
    clockwork: Clockwork, caller: Calls, postbox: Postbox, by: str
) -> None:
    made = await connect_mail(clockwork, postbox.port)
    schedule = await telling(
        clockwork,
        integration=made.name if by == "name" else str(made.id),
        to=["ann@example.com", "Bob <bob@example.com>"],
        subject="Nightly",
    )
    await clockwork.tick(0)
    firing = await deliver(clockwork, caller, schedule)
    assert (firing.status, firing.error) == (FiringStatus.SUCCEEDED, None)
    [letter] = postbox.letters
    assert letter["Subject"] == "Nightly"
    assert letter.get_content().strip() == "The night's run is over."
    assert postbox.recipients == [["ann@example.com", "bob@example.com"]]


async def test_mail_that_is_refused_for_now_is_sent_with_the_next_attempt(
    clockwork: Clockwork, caller: Calls, postbox: Postbox
) -> None:
    await connect_mail(clockwork, postbox.port)
    postbox.answers.append("451 come back later")
    schedule = await telling(clockwork, integration="people", to="ann@example.com")
    await clockwork.tick(0)
    firing = await deliver(clockwork, caller, schedule)
    assert firing.status is FiringStatus.RUNNING
    assert firing.reason.startswith("attempt 1 failed: Smtp.451: ")
    assert postbox.letters == []
    await clockwork.tick(2)
    firing = await deliver(clockwork, caller, schedule)
    assert (firing.status, firing.attempt) == (FiringStatus.SUCCEEDED, 2)
    assert len(postbox.letters) == 1


async def test_people_are_told_through_a_webhook(
    clockwork: Clockwork, caller: Calls, outside: Outside
) -> None:
    outside.on("/tell", answer(503, b"not now"))
    await connect(
        clockwork, IntegrationType.HTTP, {"base_url": outside.url(""), "notify_path": "/tell"}
    )
    schedule = await telling(clockwork, integration="people", to=["ann"], subject="Nightly")
    await clockwork.tick(0)
    firing = await deliver(clockwork, caller, schedule)
    assert firing.reason.startswith("attempt 1 failed: Http.503")
    await clockwork.tick(2)
    outside.on("/tell", answer(204))
    assert (await deliver(clockwork, caller, schedule)).status is FiringStatus.SUCCEEDED
    first, second = outside.asked
    said = {"to": ["ann"], "subject": "Nightly", "message": "The night's run is over."}
    assert orjson.loads(first.body) == orjson.loads(second.body) == said


async def test_an_integration_that_has_gone_fails_the_attempt(
    clockwork: Clockwork, caller: Calls, postbox: Postbox
) -> None:
    made = await connect_mail(clockwork, postbox.port)
    schedule = await telling(clockwork, integration="people", to="ann@example.com")
    workshop = clockwork.workshop
    async with workshop.database.tenant(workshop.caller.tenant_id) as tx:
        await integrations.delete_integration(tx, workshop.caller, made.id, now=at(0))
    await clockwork.tick(0)
    firing = await deliver(clockwork, caller, schedule)
    assert firing.reason.startswith("attempt 1 failed: The integration is not there any more")


def test_the_record_of_a_relative_schedule_stands_below_the_message() -> None:
    said = Notify(integration="people", message="Due today:")
    assert message_of(said, None) == "Due today:"
    record = {"name": "Lease 7", "rooms": 3, "tags": ["a"]}
    assert message_of(said, record) == 'Due today:\n\nname: Lease 7\nrooms: 3\ntags: ["a"]'


PEOPLE = {"integration": "people", "message": "Hello"}


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({}, "action_config.integration"),
        ({"integration": "people"}, "action_config.message"),
        ({**PEOPLE, "message": ""}, "action_config.message"),
        ({**PEOPLE, "integration": "nobody"}, "action_config.integration"),
        ({**PEOPLE, "integration": "nul\0"}, "action_config.integration"),
        ({**PEOPLE, "to": ["ann@example.com"] * 51}, "action_config.to"),
        (PEOPLE, "action_config.to"),
        ({**PEOPLE, "to": ["ann@example.com", "bob"]}, "action_config.to.1"),
        ({**PEOPLE, "to": "ann@example.com", "subject": "a\r\nBcc: b"}, "action_config.subject"),
        ({**PEOPLE, "to": "ann@example.com", "more": 1}, "action_config.more"),
    ],
)
async def test_a_notification_that_cannot_be_is_refused_by_field(
    clockwork: Clockwork, config: Mapping[str, object], field: str
) -> None:
    await connect_mail(clockwork, 25)
    with pytest.raises(Unprocessable) as caught:
        await clockwork.make(action_type=ActionType.NOTIFY, action_config=config)
    assert caught.value.field == field


@pytest.mark.parametrize("to", [(), ("ann@example.com",)])
async def test_an_integration_that_cannot_notify_is_refused(
    clockwork: Clockwork, to: Sequence[str]
) -> None:
    config = {"base_url": "https://sap.example.com", "username": "ann"}
    await connect(clockwork, IntegrationType.SAP, config, {"password": "of the test"})
    with pytest.raises(Unprocessable) as caught:
        await telling(clockwork, integration="people", to=list(to))
    assert caught.value.field == "action_config.integration"
