"""The outbox against a real database and a real SMTP server: nothing is lost, come what may."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from factories import NOW, make_tenant
from fixtures.mail import Postbox
from treadle.core.sealing import Sealer
from treadle.db.database import Database
from treadle.db.resealing import reseal_all
from treadle.identity.installation import NewTenant
from treadle.mail import outbox, smtp
from treadle.mail.outbox import Delivered, Mail, delay_after, deliver, put_letter, states_of
from treadle.mail.smtp import Letter, SmtpServer

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def tenant(database: Database) -> NewTenant:
    return await make_tenant(database)


async def write(database: Database, tenant: NewTenant, mail: Mail, text: str = "hello") -> UUID:
    async with database.tenant(tenant.tenant.id) as tx:
        return await put_letter(
            tx,
            mail,
            tenant_id=tenant.tenant.id,
            to="ada@example.org",
            subject="subject",
            text=text,
            now=NOW,
        )


async def state(database: Database, tenant: NewTenant, letter_id: UUID) -> str:
    async with database.tenant(tenant.tenant.id) as tx:
        return (await states_of(tx, [letter_id]))[letter_id]


async def test_a_letter_is_sent_once_and_leaves_nothing(
    database: Database, tenant: NewTenant, postbox: Postbox, owner: asyncpg.Connection
) -> None:
    letter_id = await write(database, tenant, postbox.mail, "tell nobody")
    stored = await owner.fetchrow("SELECT * FROM treadle.letters")
    assert "tell nobody" not in str(stored)
    assert stored is not None
    assert b"tell nobody" not in stored["sealed"]
    assert await state(database, tenant, letter_id) == "waiting"
    assert await deliver(database, postbox.mail, now=NOW) == Delivered(sent=1)
    assert await deliver(database, postbox.mail, now=NOW + 9 * MINUTE) == Delivered()
    assert [letter.get_content().strip() for letter in postbox.letters] == ["tell nobody"]
    assert await state(database, tenant, letter_id) == "sent"
    assert await owner.fetchval("SELECT count(*) FROM treadle.letters") == 0


async def test_what_is_rolled_back_is_not_sent(
    database: Database, tenant: NewTenant, postbox: Postbox
) -> None:
    with pytest.raises(RuntimeError):
        async with database.tenant(tenant.tenant.id) as tx:
            await put_letter(
                tx,
                postbox.mail,
                tenant_id=tenant.tenant.id,
                to="a@b",
                subject="s",
                text="t",
                now=NOW,
            )
            raise RuntimeError
    assert await deliver(database, postbox.mail, now=NOW) == Delivered()


async def test_many_processes_send_each_letter_once(
    database: Database, tenant: NewTenant, postbox: Postbox
) -> None:
    for number in range(12):
        await write(database, tenant, postbox.mail, f"letter {number}")
    done = await asyncio.gather(*(deliver(database, postbox.mail, now=NOW) for _ in range(4)))
    assert sum(one.sent for one in done) == 12
    texts = {letter.get_content().strip() for letter in postbox.letters}
    assert len(postbox.letters) == len(texts) == 12


async def test_a_refused_letter_is_tried_later_and_later_and_then_given_up(
    database: Database, tenant: NewTenant, postbox: Postbox, owner: asyncpg.Connection
) -> None:
    letter_id = await write(database, tenant, postbox.mail)
    now = NOW
    for attempt in range(1, outbox.MAX_ATTEMPTS):
        postbox.answers.append("451 not now")
        assert await deliver(database, postbox.mail, now=now) == Delivered(put_off=1), attempt
        early = now + delay_after(attempt) - timedelta(seconds=1)
        assert await deliver(database, postbox.mail, now=early) == Delivered()
        now += delay_after(attempt)
    assert await state(database, tenant, letter_id) == "waiting"
    postbox.answers.append("451 not now")
    assert await deliver(database, postbox.mail, now=now) == Delivered(failed=1)
    assert await state(database, tenant, letter_id) == "failed"
    assert "not now" in str(await owner.fetchval("SELECT fault FROM treadle.letters"))
    assert await deliver(database, postbox.mail, now=now + timedelta(days=9)) == Delivered()
    assert now - NOW > timedelta(days=2)


async def test_one_refused_letter_holds_no_other_up(
    database: Database, tenant: NewTenant, postbox: Postbox
) -> None:
    await write(database, tenant, postbox.mail, "first")
    await write(database, tenant, postbox.mail, "second")
    postbox.answers.append("554 never")
    assert await deliver(database, postbox.mail, now=NOW) == Delivered(sent=1, put_off=1)
    assert await deliver(database, postbox.mail, now=NOW + MINUTE) == Delivered(sent=1)


async def test_a_process_that_dies_while_it_sends_leaves_the_letter_to_another(
    database: Database, tenant: NewTenant, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the server has it: it comes once. After that: it comes twice, with one id."""
    await write(database, tenant, postbox.mail)
    handing_over = asyncio.Event()

    async def never_ends(server: SmtpServer, letter: Letter) -> None:
        handing_over.set()
        await asyncio.Event().wait()

    async def ends_too_late(server: SmtpServer, letter: Letter) -> None:
        await smtp.send(server, letter)
        await never_ends(server, letter)

    for way in (never_ends, ends_too_late):
        handing_over.clear()
        with monkeypatch.context() as patch:
            patch.setattr(outbox, "send", way)
            now = NOW if way is never_ends else NOW + MINUTE
            dying = asyncio.ensure_future(deliver(database, postbox.mail, now=now))
            await asyncio.wait_for(handing_over.wait(), 60)
            assert await deliver(database, postbox.mail, now=now) == Delivered()
            dying.cancel()
            with pytest.raises(asyncio.CancelledError):
                await dying
    assert await deliver(database, postbox.mail, now=NOW + 9 * MINUTE) == Delivered(sent=1)
    assert await deliver(database, postbox.mail, now=NOW + 99 * MINUTE) == Delivered()
    first, again = postbox.letters
    assert first["Message-ID"] == again["Message-ID"]


async def test_an_answer_that_is_lost_means_the_letter_comes_again(
    database: Database, tenant: NewTenant, postbox: Postbox
) -> None:
    await write(database, tenant, postbox.mail)
    postbox.taken_but.append("451 or maybe not")
    assert await deliver(database, postbox.mail, now=NOW) == Delivered(put_off=1)
    assert await deliver(database, postbox.mail, now=NOW + MINUTE) == Delivered(sent=1)
    assert len({letter["Message-ID"] for letter in postbox.letters}) == 1


async def test_a_new_master_key_seals_letters_anew(
    database: Database, tenant: NewTenant, postbox: Postbox
) -> None:
    old, new = b"o" * 32, b"n" * 32
    await write(database, tenant, replace(postbox.mail, sealer=Sealer([old])), "sealed")
    only_new = replace(postbox.mail, sealer=Sealer([new]))
    assert await deliver(database, only_new, now=NOW) == Delivered(put_off=1)
    done = await reseal_all(database, Sealer([new, old]), [outbox.SEALED])
    assert (done.counts, done.unreadable) == ({"letters": 1}, 0)
    assert await deliver(database, only_new, now=NOW + MINUTE) == Delivered(sent=1)
    assert postbox.letters[0].get_content().strip() == "sealed"


async def test_due_letters_are_found_by_their_index(owner: asyncpg.Connection) -> None:
    await owner.execute("SET enable_seqscan = off")
    plan = await owner.fetch(
        "EXPLAIN SELECT id FROM treadle.letters WHERE failed_at IS NULL AND due_at <= now()"
        " ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED"
    )
    assert "letters_due" in str(plan)
    assert "Sort" not in str(plan)
