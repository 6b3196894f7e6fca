"""Invitations over HTTP, with letters that a real SMTP server gets."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.remote_access.conftest import People
from factories import PASSWORD, administrator_of, make_key, make_project, make_user
from fixtures.mail import Postbox
from fixtures.server import Server, make_context, serving
from treadle.core.errors import Unauthenticated
from treadle.db.database import Database
from treadle.identity.api_keys import KeyDraft, create_key
from treadle.identity.expiring_keys import announce_expiring_keys
from treadle.identity.invitations import KEPT_FOR, LIFETIME, MAX_OPEN, NO_MAIL, REFUSED, accept
from treadle.identity.key_letters import announce_by_mail
from treadle.identity.model import INSIDE
from treadle.identity.prune import prune
from treadle.mail.outbox import deliver

TOKEN = re.compile(r"https://treadle\.example/invitation#(tdl_iv_[A-Za-z0-9_-]{43})\b")
ACCOUNT = {"username": "ada", "password": "an account of my own"}


@pytest.fixture
async def server(database: Database, tmp_path: Path, postbox: Postbox) -> AsyncGenerator[Server]:
    """The application, with mail."""
    async with serving(make_context(database, tmp_path, mail=postbox.mail)) as running:
        yield running


async def letters(people: People, postbox: Postbox) -> list[str]:
    """The texts of what has arrived, after all that was due has been sent."""
    context = people.server.context
    assert context.mail is not None
    await deliver(context.database, context.mail, now=context.clock())
    return [letter.get_content() for letter in postbox.letters]


async def invited(people: People, postbox: Postbox, **body: str) -> tuple[dict[str, Any], str]:
    """An invitation by the administrator, and the token of its letter."""
    sent = {"email": "ada@example.org", "role": "Consumer", **body}
    answer = await people.alice.post("/v1/invitations", json=sent)
    assert answer.status_code == 201, answer.text
    found = TOKEN.search((await letters(people, postbox))[-1])
    assert found is not None
    return answer.json(), found[1]


async def enter(people: People, token: str, **account: str) -> httpx.Response:
    body = {"token": token, **ACCOUNT, **account}
    return await people.server.anonymous.post("/v1/invitations/accept", json=body)


async def test_a_link_makes_an_account_with_the_role_once(people: People, postbox: Postbox) -> None:
    invitation, token = await invited(people, postbox, role="Project Creator")
    assert (invitation["status"], invitation["mail"]) == ("open", "waiting")
    assert postbox.recipients == [["ada@example.org"]]
    answer = await enter(people, token)
    assert answer.status_code == 201, answer.text
    ada = await people.server.log_in("ada", ACCOUNT["password"])
    me = (await ada.get("/api/user")).json()
    assert (me["id"], me["email"]) == (answer.json()["user_id"], "ada@example.org")
    assert (await ada.post("/v1/projects", json={"name": "hers"})).status_code == 201
    again = await enter(people, token, username="eve")
    assert (again.status_code, again.json()["message"]) == (401, REFUSED)
    (listed,) = (await people.alice.get("/v1/invitations")).json()["items"]
    assert (listed["status"], listed["mail"], listed["user_id"]) == ("accepted", "sent", me["id"])
    gone = await people.alice.delete(f"/v1/invitations/{invitation['id']}")
    assert gone.status_code == 409
    assert token not in str((await people.alice.get("/v1/audit")).json())


async def test_a_project_is_entered_as_its_member_and_a_consumer(
    people: People, postbox: Postbox
) -> None:
    project_id = str(people.tenant.project.id)
    _, token = await invited(people, postbox, role="Manager", project_id=project_id)
    assert (await enter(people, token)).status_code == 201
    ada = await people.server.log_in("ada", ACCOUNT["password"])
    (project,) = (await ada.get("/v1/projects")).json()["items"]
    assert project["id"] == project_id
    members = (await ada.get("/v1/members", params={"project_id": project_id})).json()["items"]
    assert [member["role"] for member in members if member["name"] == "ada"] == ["Manager"]
    assert (await ada.get("/v1/roles")).status_code == 200
    assert (await ada.post("/v1/projects", json={"name": "x"})).status_code == 403


async def test_a_link_says_who_invites_to_what_until_it_is_used(
    people: People, postbox: Postbox
) -> None:
    project = people.tenant.project
    made, token = await invited(people, postbox, role="Manager", project_id=str(project.id))
    read = people.server.anonymous.post
    answer = await read("/v1/invitations/read", json={"token": token})
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "email": "ada@example.org",
            "role": "Manager",
            "tenant": people.tenant.tenant.name,
            "project": project.name,
            "invited_by": "alice",
            "expires_at": made["expires_at"],
        },
    )
    _, into_tenant = await invited(people, postbox, email="eve@example.org")
    answer = await read("/v1/invitations/read", json={"token": into_tenant})
    assert (answer.json()["project"], answer.json()["role"]) == (None, "Consumer")
    assert (await enter(people, token)).status_code == 201
    for dead in (token, "x", "tdl_iv_" + "A" * 43):
        answer = await read("/v1/invitations/read", json={"token": dead})
        assert (answer.status_code, answer.json()["message"]) == (401, REFUSED)


async def test_an_owner_invites_into_the_own_project_only(people: People) -> None:
    database, tenant = people.server.context.database, people.tenant
    other = await make_project(database, tenant)
    await make_user(database, tenant, username="olga", project_roles={tenant.project.id: "Owner"})
    await make_user(database, tenant, username="max", project_roles={tenant.project.id: "Member"})
    olga, member = await people.server.log_in("olga"), await people.server.log_in("max")
    own = {"email": "a@b.example", "role": "Member", "project_id": str(tenant.project.id)}
    made = await olga.post("/v1/invitations", json=own)
    assert made.status_code == 201
    path = f"/v1/invitations/{made.json()['id']}"
    assert (await member.post("/v1/invitations", json=own)).status_code == 403
    assert (await member.delete(path)).status_code == 403
    foreign = {**own, "project_id": str(other.id)}
    assert (await olga.post("/v1/invitations", json=foreign)).status_code == 404
    whole = {"email": "a@b.example", "role": "Consumer"}
    assert (await olga.post("/v1/invitations", json=whole)).status_code == 403
    assert (await olga.get("/v1/invitations")).status_code == 403
    of_tenant = (await people.alice.post("/v1/invitations", json=whole)).json()
    assert (await olga.delete(f"/v1/invitations/{of_tenant['id']}")).status_code == 404
    assert (await people.mallory.delete(path)).status_code == 404
    listed = await olga.get("/v1/invitations", params={"project_id": own["project_id"]})
    assert [one["id"] for one in listed.json()["items"]] == [made.json()["id"]]
    assert (await olga.delete(path)).status_code == 204


async def test_a_revoked_link_is_dead_and_its_letter_is_not_sent(
    people: People, postbox: Postbox
) -> None:
    invitation, token = await invited(people, postbox)
    path = f"/v1/invitations/{invitation['id']}"
    assert (await people.alice.delete(path)).status_code == 204
    assert (await people.alice.delete(path)).status_code == 404
    assert (await enter(people, token)).status_code == 401
    body = {"email": "late@example.org", "role": "Consumer"}
    unsent = (await people.alice.post("/v1/invitations", json=body)).json()
    await people.alice.delete(f"/v1/invitations/{unsent['id']}")
    assert len(await letters(people, postbox)) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"email": "", "role": "Consumer"}, 400),
        ({"email": "nobody", "role": "Consumer"}, 400),
        ({"email": "a@b\r\nBcc: c@d", "role": "Consumer"}, 400),
        ({"email": "a@b", "role": "Owner"}, 400),
        ({"email": "a@b", "role": "Consumer", "project_id": "x"}, 404),
        ({"role": "Consumer"}, 400),
        ({"email": "a@b", "role": "Consumer", "project": "x"}, 400),
    ],
)
async def test_what_cannot_be_sent_is_refused(
    people: People, body: dict[str, str], status: int
) -> None:
    answer = await people.alice.post("/v1/invitations", json=body)
    assert answer.status_code == status, answer.text
    assert (await people.alice.get("/v1/invitations")).json()["total"] == 0


async def test_an_account_that_cannot_be_had_leaves_the_link_usable(
    people: People, postbox: Postbox
) -> None:
    _, token = await invited(people, postbox)
    assert (await enter(people, token, username="alice")).status_code == 409
    assert (await enter(people, token, password="short")).status_code == 400
    assert (await enter(people, token, username="")).status_code == 400
    assert (await enter(people, token)).status_code == 201


async def test_of_many_who_use_a_link_at_once_one_gets_in(people: People, postbox: Postbox) -> None:
    _, token = await invited(people, postbox)
    answers = await asyncio.gather(
        *(enter(people, token, username=f"user{number}") for number in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + 7 * [401]


async def test_wrong_tokens_are_401_and_in_the_audit_log(people: People, postbox: Postbox) -> None:
    _, token = await invited(people, postbox)
    for wrong in ("", "x", token[:-1], f"{token}A", f"{token[:-1]}!", "tdl_iv_" + "A" * 43):
        answer = await enter(people, wrong)
        assert (answer.status_code, answer.json()["message"]) == (401, REFUSED)
    context = people.server.context
    await context.refusals.write(context.database, now=context.clock())
    async with context.database.system() as tx:
        times = await tx.fetchval(
            "SELECT sum(times) FROM audit_log WHERE action = 'POST /v1/invitations/accept'"
        )
    assert times == 6


async def test_a_link_lives_a_week_and_its_invitation_is_pruned_a_month_later(
    people: People, postbox: Postbox
) -> None:
    context = people.server.context
    invitation, token = await invited(people, postbox)
    end = context.clock() + LIFETIME
    with pytest.raises(Unauthenticated, match=re.escape(REFUSED)):
        await accept(
            context.database,
            token=token,
            **ACCOUNT,
            passwords=context.passwords,
            origin=INSIDE,
            now=end + timedelta(seconds=1),
        )
    assert (await people.alice.get("/v1/invitations")).json()["items"][0]["status"] == "open"
    assert (await prune(context.database, now=end)).invitations == 0
    object.__setattr__(context, "clock", lambda: end + timedelta(hours=1))
    # The session has ended in that week as well.
    alice = await people.server.log_in("alice")
    (listed,) = (await alice.get("/v1/invitations")).json()["items"]
    assert (listed["id"], listed["status"]) == (invitation["id"], "expired")
    late = end + KEPT_FOR + timedelta(minutes=1)
    assert (await prune(context.database, now=late)).invitations == 1


async def test_nobody_invites_without_end(people: People) -> None:
    database, tenant = people.server.context.database, people.tenant
    async with database.system() as tx:
        await tx.execute(
            "INSERT INTO invitations (id, tenant_id, email, role, token_hash, letter_id,"
            " invited_by, created_at, expires_at) SELECT gen_random_uuid(), $1, 'a@b', 'Consumer',"
            " sha256(n::text::bytea), gen_random_uuid(), 'user:1', now(), now() + interval '1 day'"
            " FROM generate_series(1, $2) AS n",
            tenant.tenant.id,
            MAX_OPEN,
        )
    answer = await people.alice.post(
        "/v1/invitations", json={"email": "a@b.example", "role": "Consumer"}
    )
    assert answer.status_code == 409


async def test_without_mail_it_says_what_is_missing(people: People) -> None:
    object.__setattr__(people.server.context, "mail", None)
    answer = await people.alice.post(
        "/v1/invitations", json={"email": "a@b.example", "role": "Consumer"}
    )
    assert (answer.status_code, answer.json()["message"]) == (409, NO_MAIL)
    assert (await people.alice.get("/v1/invitations")).status_code == 200


async def test_a_key_that_expires_soon_is_told_by_mail_once(
    people: People, postbox: Postbox
) -> None:
    """To the administrators who have an address, and to whoever made it."""
    context, tenant = people.server.context, people.tenant
    for name, role in (("root", "Administrator"), ("low", "Consumer")):
        body = {"username": name, "password": PASSWORD, "email": f"{name}@example.org"}
        made = await people.alice.post("/api/users", json=body)
        give = {"member_type": "user", "member_id": made.json()["id"], "role": role}
        assert (await people.alice.post("/v1/members", json=give)).status_code == 201
    now = context.clock()
    async with context.database.tenant(tenant.tenant.id) as tx:
        draft = KeyDraft("nightly import", now + timedelta(days=3))
        issued = await create_key(tx, administrator_of(tenant), draft, now=now)
    await make_key(context.database, tenant)
    assert context.mail is not None
    for _ in range(2):
        await announce_expiring_keys(
            context.database, now=now, announce=announce_by_mail(context.mail, now=now)
        )
    (text,) = await letters(people, postbox)
    assert postbox.recipients == [["root@example.org"]]
    assert "nightly import" in text
    assert str(issued.key.client_id) in text
    told = await people.alice.get("/v1/audit", params={"action": "key.expires_soon"})
    assert [entry["target"] for entry in told.json()["items"]] == [issued.key.ref]
