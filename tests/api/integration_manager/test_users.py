"""People: `/api/user`, `/api/users`, passwords. Alice administers, Bob has no role of note, Mallory
administers another tenant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from factories import PASSWORD, make_tenant, make_user
from fixtures.server import Server
from treadle.identity.installation import NewTenant

MISSING = {
    "status": 404,
    "error": "Not Found",
    "message": "There is no such thing, or it is not visible to you.",
}
NEW = {
    "username": "Ada",
    "password": "a long enough one",
    "email": "ada@example.com",
    "firstName": "Ada",
    "lastName": "Byron",
}


@dataclass(frozen=True)
class People:
    """Who is there, each with a session."""

    server: Server
    tenant: NewTenant
    alice: httpx.AsyncClient
    bob: httpx.AsyncClient
    mallory: httpx.AsyncClient
    bob_id: str
    mallory_id: str

    @property
    def alice_id(self) -> str:
        """The administrator's id."""
        return str(self.tenant.administrator_id)


@pytest.fixture
async def people(server: Server) -> People:
    database = server.context.database
    tenant = await make_tenant(database, admin_username="alice")
    bob = await make_user(database, tenant, username="bob")
    other = await make_tenant(database, admin_username="mallory")
    return People(
        server=server,
        tenant=tenant,
        alice=await server.log_in("alice"),
        bob=await server.log_in("bob"),
        mallory=await server.log_in("mallory"),
        bob_id=str(bob.id),
        mallory_id=str(other.administrator_id),
    )


async def create(people: People, **more: Any) -> httpx.Response:
    return await people.alice.post("/api/users", json={**NEW, **more})


# ---------------------------------------------------------------- reading


async def test_everybody_sees_the_own_account(people: People) -> None:
    answer = await people.bob.get("/api/user")
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {
        "id", "username", "name", "email", "firstName", "lastName", "active", "admin", "href",
        "created", "lastModified",
    }  # fmt: skip
    assert (body["id"], body["username"], body["name"]) == (people.bob_id, "bob", "bob")
    assert (body["active"], body["admin"]) == (True, False)
    assert body["href"] == f"{people.server.url}/api/users/{people.bob_id}"
    assert body["created"].endswith("Z")
    assert (await people.bob.get(f"/api/users/{people.bob_id}")).json() == body
    assert (await people.bob.get(body["href"])).json() == body


async def test_an_administrator_sees_all_of_the_tenant(people: People) -> None:
    page = (await people.alice.get("/api/users?sortby=username")).json()
    assert [user["username"] for user in page["items"]] == ["alice", "bob"]
    assert [user["admin"] for user in page["items"]] == [True, False]
    assert page["totalRecords"] == 2
    found = (await people.alice.get("/api/users?filter=BO")).json()
    assert [user["username"] for user in found["items"]] == ["bob"]
    down = (await people.alice.get("/api/users?sortby=username&direction=desc&size=1")).json()
    assert [user["username"] for user in down["items"]] == ["bob"]
    assert down["links"]["next"].endswith("sortby=username&direction=desc&offset=1&size=1")
    inactive = (await people.alice.get("/api/users?active=false")).json()
    assert inactive["items"] == []


async def test_other_people_are_for_administrators(people: People) -> None:
    for path in ("/api/users", f"/api/users/{people.alice_id}"):
        answer = await people.bob.get(path)
        assert (answer.status_code, answer.json()["error"]) == (403, "Forbidden")


@pytest.mark.parametrize("user_id", ["0", "999999", "x", "1e3", "01", "-1", "9" * 30, "%20", "١"])
async def test_who_does_not_exist_is_404(people: People, user_id: str) -> None:
    answer = await people.alice.get(f"/api/users/{user_id}")
    assert (answer.status_code, answer.json()) == (404, MISSING)


async def test_people_of_another_tenant_look_like_nobody(people: People) -> None:
    for method, path, body in (
        ("GET", "", None),
        ("PUT", "", {"active": False, "admin": False}),
        ("PATCH", "", {"active": False}),
        ("POST", "/password", {"newPassword": "x" * 9, "confirmNewPassword": "x" * 9}),
    ):
        answer = await people.alice.request(
            method, f"/api/users/{people.mallory_id}{path}", json=body
        )
        assert (answer.status_code, answer.json()) == (404, MISSING)
    assert (await people.mallory.get("/api/user")).json()["active"] is True


async def test_strangers_are_401_everywhere(people: People) -> None:
    anonymous = people.server.anonymous
    for method, path in (
        ("GET", "/api/user"),
        ("GET", "/api/users"),
        ("POST", "/api/users"),
        ("GET", f"/api/users/{people.bob_id}"),
        ("PUT", f"/api/users/{people.bob_id}"),
        ("PATCH", f"/api/users/{people.bob_id}"),
        ("POST", f"/api/users/{people.bob_id}/password"),
    ):
        assert (await anonymous.request(method, path, json={})).status_code == 401
    assert (await anonymous.delete(f"/api/users/{people.bob_id}")).status_code == 405


# ---------------------------------------------------------------- creating


async def test_an_administrator_lets_people_in(people: People) -> None:
    answer = await create(people)
    assert answer.status_code == 201
    body = answer.json()
    assert answer.headers["location"] == body["href"]
    assert "password" not in body
    assert (body["username"], body["email"]) == ("Ada", "ada@example.com")
    assert (body["firstName"], body["lastName"]) == ("Ada", "Byron")
    assert (body["active"], body["admin"]) == (True, False)
    ada = await people.server.log_in("ada", NEW["password"])
    assert (await ada.get("/api/user")).json() == body
    assert (await ada.get("/api/users")).status_code == 403


async def test_an_administrator_makes_others(people: People) -> None:
    body = (await create(people, admin=True)).json()
    assert body["admin"] is True
    ada = await people.server.log_in("ada", NEW["password"])
    assert (await ada.get("/api/users")).status_code == 200


async def test_an_inactive_person_cannot_log_in(people: People) -> None:
    assert (await create(people, active=False)).json()["active"] is False
    answer = await people.server.anonymous.post(
        "/api/login", json={"username": "Ada", "password": NEW["password"]}
    )
    assert answer.status_code == 401


async def test_a_name_is_taken_in_the_whole_installation(people: People) -> None:
    for username in ("BOB", "mallory"):
        answer = await create(people, username=username)
        assert (answer.status_code, answer.json()["error"]) == (409, "Conflict")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"username": ""}, "username"),
        ({"username": "a b\nc"}, "username"),
        ({"username": 7}, "username"),
        ({"password": "short"}, "password"),
        ({"password": "x" * 2000}, "password"),
        ({"email": "not an address"}, "email"),
        ({"firstName": "x" * 101}, "firstName"),
        ({"lastName": "a\tb"}, "lastName"),
        ({"active": "perhaps"}, "active"),
        ({"admin": None}, "admin"),
    ],
)
async def test_a_malformed_person_is_400(people: People, body: dict[str, Any], field: str) -> None:
    answer = await create(people, **body)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(field)
    assert (await people.alice.get("/api/users")).json()["totalRecords"] == 2


async def test_only_administrators_let_people_in(people: People) -> None:
    assert (await people.bob.post("/api/users", json=NEW)).status_code == 403


# ---------------------------------------------------------------- changing


async def test_a_patch_changes_what_it_says(people: People) -> None:
    ada = (await create(people)).json()
    answer = await people.alice.patch(ada["href"], json={"email": "new@example.com"})
    changed = answer.json()
    assert answer.status_code == 200
    assert changed == {**ada, "email": "new@example.com", "lastModified": changed["lastModified"]}
    assert (await people.alice.patch(ada["href"], json={})).json()["email"] == "new@example.com"


async def test_a_put_says_everything(people: People) -> None:
    ada = (await create(people, admin=True)).json()
    answer = await people.alice.put(
        ada["href"], json={"firstName": "Augusta", "active": True, "admin": False}
    )
    body = answer.json()
    assert answer.status_code == 200
    assert (body["firstName"], body["lastName"], body["email"]) == ("Augusta", "", "")
    assert body["admin"] is False
    missing = await people.alice.put(ada["href"], json={"firstName": "Ada"})
    assert missing.status_code == 400
    assert missing.json()["message"] == "active: is required; admin: is required"


async def test_what_was_given_can_be_sent_back(people: People) -> None:
    ada = (await create(people)).json()
    answer = await people.alice.put(ada["href"], json=ada)
    assert answer.json() == {**ada, "lastModified": answer.json()["lastModified"]}


async def test_a_patch_to_the_own_role_leaves_other_roles_alone(people: People) -> None:
    creator = await make_user(
        people.server.context.database, people.tenant, username="paul", role="Project Creator"
    )
    await people.alice.patch(f"/api/users/{creator.id}", json={"admin": False})
    async with people.server.context.database.system() as tx:
        role = await tx.fetchval("SELECT role FROM members WHERE member_id = $1", str(creator.id))
    assert role == "Project Creator"


async def test_a_username_and_a_password_are_not_changed_on_the_way(people: People) -> None:
    path = f"/api/users/{people.bob_id}"
    name = await people.alice.patch(path, json={"username": "robert"})
    assert (name.status_code, name.json()["message"]) == (400, "username: cannot be changed")
    word = await people.alice.patch(path, json={"password": "another long one"})
    assert word.status_code == 400
    assert "/password" in word.json()["message"]
    assert "another" not in word.text


async def test_deactivating_ends_every_session_at_once(people: People) -> None:
    path = f"/api/users/{people.bob_id}"
    assert (await people.alice.patch(path, json={"active": False})).json()["active"] is False
    assert (await people.bob.get("/api/user")).status_code == 401


async def test_nobody_is_locked_out_of_the_tenant(people: People) -> None:
    path = f"/api/users/{people.alice_id}"
    for change in ({"active": False}, {"admin": False}):
        assert (await people.alice.patch(path, json=change)).status_code == 409
    assert (await people.alice.get("/api/users")).status_code == 200


async def test_only_administrators_change_people(people: People) -> None:
    path = f"/api/users/{people.bob_id}"
    everything = {"active": True, "admin": True}
    assert (await people.bob.patch(path, json={"admin": True})).status_code == 403
    assert (await people.bob.put(path, json=everything)).status_code == 403
    assert (await people.bob.get("/api/user")).json()["admin"] is False


@pytest.mark.parametrize("body", [{"email": None}, {"active": None}, {"admin": 3}, [], "x"])
async def test_a_malformed_change_is_400(people: People, body: Any) -> None:
    answer = await people.alice.patch(f"/api/users/{people.bob_id}", json=body)
    assert answer.status_code == 400


# ---------------------------------------------------------------- passwords

FRESH = "a longer and better one"


def change(new: str = FRESH, *, confirm: str = FRESH, old: str | None = PASSWORD) -> dict[str, Any]:
    return {"newPassword": new, "confirmNewPassword": confirm} | (
        {} if old is None else {"oldPassword": old}
    )


async def test_everybody_changes_the_own_password(people: People) -> None:
    path = f"/api/users/{people.bob_id}/password"
    answer = await people.bob.post(path, json=change())
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await people.bob.get("/api/user")).status_code == 401
    bob = await people.server.log_in("bob", FRESH)
    assert (await bob.get("/api/user")).status_code == 200


async def test_an_administrator_sets_a_password_without_the_old_one(people: People) -> None:
    path = f"/api/users/{people.bob_id}/password"
    assert (await people.alice.post(path, json=change(old=None))).status_code == 204
    assert (await people.bob.get("/api/user")).status_code == 401
    await people.server.log_in("bob", FRESH)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (change(old=None), "oldPassword"),
        (change(old="wrong password"), "oldPassword"),
        (change(confirm="something else"), "confirmNewPassword"),
        (change("short", confirm="short"), "newPassword"),
        ({"newPassword": FRESH}, "confirmNewPassword"),
        ({}, "newPassword"),
    ],
)
async def test_a_password_change_that_is_wrong_is_400(
    people: People, body: dict[str, Any], field: str
) -> None:
    answer = await people.bob.post(f"/api/users/{people.bob_id}/password", json=body)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(field)
    assert FRESH not in answer.text
    assert (await people.bob.get("/api/user")).status_code == 200


async def test_nobody_else_changes_a_password(people: People) -> None:
    path = f"/api/users/{people.alice_id}/password"
    assert (await people.bob.post(path, json=change())).status_code == 403
    await people.server.log_in("alice")
