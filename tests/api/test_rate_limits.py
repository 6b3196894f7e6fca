"""429 over HTTP, for who is known and who is not."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from factories import NOW, make_tenant, make_user
from fixtures.server import Server, make_context, serving
from treadle.db.database import Database
from treadle.settings import Settings


@pytest.fixture
async def strict(database: Database, tmp_path: Path) -> AsyncGenerator[Server]:
    """Five requests a minute, whoever calls."""
    settings = Settings(
        data_dir=tmp_path, rate_limit_per_minute=5, anonymous_rate_limit_per_minute=5
    )
    async with serving(make_context(database, tmp_path, settings=settings)) as server:
        tenant = await make_tenant(database, admin_username="boss")
        await make_user(database, tenant, username="ada")
        yield server


async def test_a_user_is_told_when_to_come_again_and_others_are_let_in(strict: Server) -> None:
    boss, ada = await strict.log_in("boss"), await strict.log_in("ada")
    answers = [await boss.get("/api/user") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert 1 <= int(answers[5].headers["retry-after"]) <= 12
    assert set(answers[5].json()) == {"status", "error", "message"}
    assert (await ada.get("/api/user")).status_code == 200
    # The session is another one, the caller is the same.
    again = await strict.log_in("boss")
    assert (await again.get("/api/user")).status_code == 429


async def test_bad_credentials_are_counted_by_address_and_good_ones_still_pass(
    strict: Server,
) -> None:
    boss = await strict.log_in("boss")
    statuses = [(await strict.anonymous.get("/api/user")).status_code for _ in range(6)]
    assert statuses == [401] * 4 + [429] * 2  # the login was the first of the five
    assert (await boss.get("/api/user")).status_code == 200


async def test_logins_and_token_requests_are_counted_together_in_their_shapes(
    strict: Server,
) -> None:
    body = {"username": "boss", "password": "wrong"}
    for _ in range(5):
        assert (await strict.anonymous.post("/api/login", json=body)).status_code == 401
    refused = await strict.anonymous.post("/api/login", json=body)
    assert (refused.status_code, refused.json()["error"]) == (429, "Too Many Requests")
    token = await strict.anonymous.post("/connect/token", data={"grant_type": "x"})
    assert token.status_code == 429
    assert set(token.json()) == {"error", "error_description"}
    assert int(token.headers["retry-after"]) >= 1
    assert (await strict.anonymous.get("/health/live")).status_code == 200


async def test_refusals_for_too_many_are_in_the_audit_log(strict: Server) -> None:
    boss = await strict.log_in("boss")
    for _ in range(8):
        await boss.get("/api/user")
    await strict.context.refusals.write(strict.context.database, now=NOW)
    async with strict.context.database.system() as tx:
        row = await tx.fetchrow(
            "SELECT times, (after->>'status')::int AS status FROM audit_log"
            " WHERE actor LIKE 'user:%' AND outcome = 'refused'"
        )
    assert row == (3, 429)
