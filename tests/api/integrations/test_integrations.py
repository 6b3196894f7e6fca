"""Integrations over HTTP: what is answered, what is refused, and that no secret ever comes back."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from factories import make_project, make_tenant
from fixtures.outside import Outside, answer
from fixtures.server import Server, make_context, serving
from treadle.core.errors import NotFound
from treadle.db.database import Database
from treadle.identity.installation import NewTenant
from treadle.integrations.integrations import find_in_project, open_integration
from treadle.settings import Settings

SECRET = "s3cret-that-nobody-sees"
NOBODY = "0198f0a0-4444-7cc3-9d3f-3b1f0c5e2a11"

GOOD: dict[str, dict[str, Any]] = {
    "http": {
        "config": {
            "base_url": "https://api.example/v1",
            "auth": {"type": "api_key", "in": "query", "name": "key"},
        },
        "secrets": {"api_key": SECRET},
    },
    "sap": {
        "config": {"base_url": "https://sap.example/odata", "username": "U", "client": "100"},
        "secrets": {"password": SECRET},
    },
    "teams": {"config": {}, "secrets": {"webhook_url": f"https://teams.example/{SECRET}"}},
    "slack": {"config": {}, "secrets": {"webhook_url": f"https://hooks.example/{SECRET}"}},
    "smtp": {
        "config": {
            "host": "mail.example",
            "username": "robot",
            "from_address": "Robot <robot@example.com>",
        },
        "secrets": {"password": SECRET},
    },
    "sql": {
        "config": {"host": "db.example", "database": "shop", "username": "reader"},
        "secrets": {"password": SECRET},
    },
}


@dataclass(frozen=True, slots=True)
class Shop:
    """A server whose calls may go to this machine, and who administers which tenant."""

    server: Server
    tenant: NewTenant
    alice: httpx.AsyncClient
    mallory: httpx.AsyncClient

    async def make(self, kind: str = "http", **changes: Any) -> dict[str, Any]:
        """An integration that Alice makes."""
        body = {"name": f"my {kind}", "type": kind, **GOOD[kind], **changes}
        made = await self.alice.post("/v1/integrations", json=body)
        assert made.status_code == 201, made.text
        return made.json()


@pytest.fixture
async def shop(database: Database, tmp_path: Path) -> AsyncGenerator[Shop]:
    settings = Settings(data_dir=tmp_path, outbound_allowed=("127.0.0.1",))
    async with serving(make_context(database, tmp_path, settings=settings)) as server:
        tenant = await make_tenant(database, admin_username="alice")
        await make_tenant(database, admin_username="mallory")
        yield Shop(server, tenant, await server.log_in("alice"), await server.log_in("mallory"))


def places(refused: httpx.Response) -> list[list[str | int]]:
    """Where the faults are."""
    assert refused.status_code == 422, refused.text
    found = refused.json()["detail"]
    assert all(set(fault) == {"loc", "msg", "type"} for fault in found)
    return [fault["loc"] for fault in found]


# ---------------------------------------------------------------- made, read, changed, deleted


@pytest.mark.parametrize("kind", sorted(GOOD))
async def test_each_type_is_made_and_read_without_its_secret(shop: Shop, kind: str) -> None:
    body = {"name": "mine", "type": kind, **GOOD[kind]}
    made = await shop.alice.post("/v1/integrations", json=body)

    assert made.status_code == 201, made.text
    found = made.json()
    assert made.headers["Location"] == f"{shop.server.url}/v1/integrations/{found['id']}"
    assert found["secrets_set"] == list(GOOD[kind]["secrets"])
    assert found["config"].items() >= GOOD[kind]["config"].items()
    assert (found["name"], found["type"], found["created_by"]) == ("mine", kind, "user:1")

    read = await shop.alice.get(f"/v1/integrations/{found['id']}")
    listed = await shop.alice.get("/v1/integrations")
    assert read.json() == found
    assert listed.json() == {"items": [found], "total": 1, "limit": 50, "offset": 0}
    for text in (made.text, read.text, listed.text):
        assert SECRET not in text


async def test_what_is_read_can_be_sent_back(shop: Shop) -> None:
    made = await shop.make("sap")
    again = {name: made[name] for name in ("name", "type", "config", "project_id")}

    changed = await shop.alice.put(f"/v1/integrations/{made['id']}", json=again)

    assert changed.status_code == 200, changed.text
    same = {**changed.json(), "updated_at": made["updated_at"]}
    assert same == made


async def test_lists_are_narrowed_and_paged(shop: Shop) -> None:
    for number in range(3):
        await shop.make("slack", name=f"s{number}")
    await shop.make("smtp", name="mail")

    async def names(**params: Any) -> list[str]:
        found = await shop.alice.get("/v1/integrations", params=params)
        assert found.status_code == 200, found.text
        return [each["name"] for each in found.json()["items"]]

    assert await names(type="slack") == ["s0", "s1", "s2"]
    assert await names(type="slack", limit=1, offset=1) == ["s1"]
    assert await names(name="mail") == ["mail"]
    assert await names(project_id=NOBODY) == []
    assert await names(project_id="x") == []
    refused = await shop.alice.get("/v1/integrations", params={"type": "ftp", "limit": 0})
    assert sorted(place[1] for place in places(refused)) == ["limit", "type"]


async def test_a_name_is_unique_in_its_project(shop: Shop, database: Database) -> None:
    await shop.make("slack", name="chat")
    other = await shop.make("slack", name="other")
    project = await make_project(database, shop.tenant, name="second")

    body = {"name": "chat", "type": "slack", **GOOD["slack"]}
    again = await shop.alice.post("/v1/integrations", json=body)
    assert (again.status_code, again.json()) == (
        409,
        {"detail": "There is an integration of this name in the project."},
    )
    renamed = await shop.alice.put(f"/v1/integrations/{other['id']}", json=body)
    assert renamed.status_code == 409
    elsewhere = await shop.make("slack", name="chat", project_id=str(project.id))
    assert elsewhere["project_id"] == str(project.id)


async def test_a_deleted_one_is_gone(shop: Shop) -> None:
    path = f"/v1/integrations/{(await shop.make())['id']}"

    assert (await shop.alice.delete(path)).status_code == 204
    for method in ("GET", "DELETE"):
        assert (await shop.alice.request(method, path)).status_code == 404
    assert (await shop.alice.get("/v1/integrations/nonsense")).status_code == 404


# ---------------------------------------------------------------- secrets


async def secrets_of(shop: Shop, made: dict[str, Any]) -> dict[str, str]:
    """What a call would use."""
    context = shop.server.context
    async with context.database.tenant(shop.tenant.tenant.id) as tx:
        opened = await open_integration(tx, context.sealer, shop.tenant.project.id, made["id"])
    return opened.secrets.by_name()


async def test_a_secret_that_is_left_out_is_kept(shop: Shop) -> None:
    made = await shop.make("sap")
    path = f"/v1/integrations/{made['id']}"
    body = {"name": "renamed", "type": "sap", "config": {**made["config"], "client": "200"}}

    for secrets in ({}, {"password": None}):
        changed = await shop.alice.put(path, json={**body, "secrets": secrets})
        assert changed.status_code == 200, changed.text
        assert changed.json()["secrets_set"] == ["password"]
        assert await secrets_of(shop, made) == {"password": SECRET}

    await shop.alice.put(path, json={**body, "secrets": {"password": "another"}})
    assert await secrets_of(shop, made) == {"password": "another"}


async def test_a_kept_secret_does_not_go_to_another_host(shop: Shop) -> None:
    made = await shop.make("sap")
    path = f"/v1/integrations/{made['id']}"
    stolen = {**made["config"], "base_url": "https://evil.example/odata"}
    body = {"name": "mine", "type": "sap", "config": stolen}

    refused = await shop.alice.put(path, json=body)
    assert places(refused) == [["body", "secrets", "password"]]
    assert "given again" in refused.json()["detail"][0]["msg"]
    assert (await shop.alice.get(path)).json() == made

    moved = await shop.alice.put(path, json={**body, "secrets": {"password": "new"}})
    assert moved.status_code == 200, moved.text

    path_only = {**stolen, "base_url": "https://evil.example/other"}
    assert (await shop.alice.put(path, json={**body, "config": path_only})).status_code == 200


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("smtp", {"host": "evil.example"}),
        ("smtp", {"port": 26}),
        ("smtp", {"tls": "implicit"}),
        ("sql", {"host": "evil.example"}),
        ("sql", {"tls": "none"}),
        ("http", {"base_url": "http://api.example/v1"}),
    ],
)
async def test_nor_less_protected(shop: Shop, kind: str, change: dict[str, Any]) -> None:
    made = await shop.make(kind)
    body = {"name": "mine", "type": kind, "config": {**made["config"], **change}}

    refused = await shop.alice.put(f"/v1/integrations/{made['id']}", json=body)

    (secret,) = GOOD[kind]["secrets"]
    assert places(refused) == [["body", "secrets", secret]]


async def test_another_kind_of_credentials_forgets_the_old_ones(shop: Shop) -> None:
    made = await shop.make("http")
    path = f"/v1/integrations/{made['id']}"
    config: dict[str, Any] = {"base_url": "https://api.example/"}
    body: dict[str, Any] = {"name": "x", "type": "http", "config": config}

    changed = await shop.alice.put(path, json=body)
    assert changed.json()["secrets_set"] == []
    assert await secrets_of(shop, made) == {}

    body["config"]["auth"] = {"type": "bearer"}
    refused = await shop.alice.put(path, json=body)
    assert places(refused) == [["body", "secrets", "token"]]
    refused = await shop.alice.put(path, json={**body, "secrets": {"token": "t", "password": "p"}})
    assert places(refused) == [["body", "secrets", "password"]]


async def test_secrets_are_sealed_where_they_stand(shop: Shop, database: Database) -> None:
    first, second = await shop.make("sap", name="a"), await shop.make("sap", name="b")
    async with database.tenant(shop.tenant.tenant.id) as tx:
        stored = await tx.fetchval("SELECT secrets FROM integrations WHERE id = $1", first["id"])
        assert SECRET.encode() not in stored
        await tx.execute("UPDATE integrations SET secrets = $1 WHERE id = $2", stored, second["id"])

    assert await secrets_of(shop, first) == {"password": SECRET}
    with pytest.raises(Exception, match="sealed for another place"):
        await secrets_of(shop, second)


async def test_the_audit_log_says_what_changed_and_no_secret(
    shop: Shop, capfd: pytest.CaptureFixture[str]
) -> None:
    made = await shop.make("smtp")
    config = {**made["config"], "from_address": "other@example.com"}
    path = f"/v1/integrations/{made['id']}"
    body = {"name": "mail", "type": "smtp", "config": config}
    await shop.alice.put(path, json={**body, "secrets": {"password": SECRET + "2"}})
    await shop.alice.post(f"{path}/test")
    await shop.alice.delete(path)

    found = await shop.alice.get("/v1/audit", params={"target": f"integration:{made['id']}"})
    entries = found.json()["items"]
    assert [entry["action"] for entry in entries] == [
        "integration.delete",
        "integration.change",
        "integration.create",
    ]
    assert entries[1]["after"]["config"]["from_address"] == "other@example.com"
    captured = capfd.readouterr()
    assert SECRET not in found.text + captured.out + captured.err


# ---------------------------------------------------------------- tried out


async def test_trying_out_says_what_happened(shop: Shop, outside: Outside) -> None:
    url = outside.on("/ok", answer(200)).removesuffix("/ok")
    config = {"base_url": url, "test_path": "/ok", "auth": {"type": "bearer"}}
    made = await shop.make("http", config=config, secrets={"token": SECRET})
    path = f"/v1/integrations/{made['id']}/test"

    tried = await shop.alice.post(path)
    assert tried.status_code == 200
    assert tried.json() == {
        "ok": True,
        "message": f"127.0.0.1:{outside.port} answered 200",
        "error": None,
    }
    assert outside.asked[0].headers["authorization"] == f"Bearer {SECRET}"

    outside.on("/ok", answer(401, f"{SECRET} is wrong".encode()))
    tried = await shop.alice.post(path)
    assert (tried.json()["ok"], tried.json()["error"]) == (False, "Http.401")
    assert SECRET not in tried.text


async def test_nobody_is_called_where_the_installation_forbids_it(
    server: Server, outside: Outside
) -> None:
    await make_tenant(server.context.database, admin_username="alice")
    alice = await server.log_in("alice")
    body = {"name": "x", "type": "http", "config": {"base_url": outside.url()}}
    made = (await alice.post("/v1/integrations", json=body)).json()

    tried = (await alice.post(f"/v1/integrations/{made['id']}/test")).json()

    assert (tried["ok"], tried["error"]) == (False, "OutboundRefused")
    assert outside.connections == 0


# ---------------------------------------------------------------- walls


async def test_another_tenant_sees_nothing(shop: Shop) -> None:
    path = f"/v1/integrations/{(await shop.make())['id']}"
    missing = f"/v1/integrations/{NOBODY}"
    body = {"name": "x", "type": "http", **GOOD["http"]}

    for method, suffix, sent in (
        ("GET", "", None),
        ("PUT", "", body),
        ("DELETE", "", None),
        ("POST", "/test", None),
    ):
        theirs = await shop.mallory.request(method, path + suffix, json=sent)
        nobodys = await shop.mallory.request(method, missing + suffix, json=sent)
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.content == nobodys.content
    assert (await shop.mallory.get("/v1/integrations")).json()["total"] == 0


async def test_only_its_own_project_opens_a_connection(shop: Shop, database: Database) -> None:
    made = await shop.make("slack", name="chat")
    other = await make_project(database, shop.tenant, name="second")
    context = shop.server.context
    async with database.tenant(shop.tenant.tenant.id) as tx:
        for key in (made["id"], "chat"):
            opened = await open_integration(tx, context.sealer, shop.tenant.project.id, key)
            assert str(opened.id) == made["id"]
            with pytest.raises(NotFound):
                await open_integration(tx, context.sealer, other.id, key)
        assert await find_in_project(tx, shop.tenant.project.id, "ch\0at") is None


async def test_a_project_with_integrations_is_not_deleted(shop: Shop, database: Database) -> None:
    project = await make_project(database, shop.tenant, name="second")
    made = await shop.make("slack", project_id=str(project.id))

    assert (await shop.alice.delete(f"/v1/projects/{project.id}")).status_code == 409
    await shop.alice.delete(f"/v1/integrations/{made['id']}")
    assert (await shop.alice.delete(f"/v1/projects/{project.id}")).status_code == 204


# ---------------------------------------------------------------- hostile and wrong


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, ["body", "name"]),
        ({"name": ""}, ["body", "name"]),
        ({"name": "x" * 101}, ["body", "name"]),
        ({"name": "a\nb"}, ["body", "name"]),
        ({"type": "ftp"}, ["body", "type"]),
        ({"type": None}, ["body", "type"]),
        ({"extra": 1}, ["body", "extra"]),
        ({"config": []}, ["body", "config"]),
        ({"config": {"base_url": 5}}, ["body", "config", "base_url"]),
        ({"config": {"base_url": "https://a b/"}}, ["body", "config", "base_url"]),
        ({"config": {"base_url": "https://x/", "y": 1}}, ["body", "config", "y"]),
        ({"config": {"base_url": "https://x/" + "y" * 70_000}}, ["body", "config"]),
        ({"secrets": {"api_key": 5}}, ["body", "secrets", "api_key"]),
        ({"secrets": {"api_key": "a\r\nX: 1"}}, ["body", "secrets", "api_key"]),
        ({"secrets": {"api_key": ""}}, ["body", "secrets", "api_key"]),
        ({"secrets": {"other": SECRET}}, ["body", "secrets", "other"]),
        ({"secrets": {f"s{number}": "x" for number in range(21)}}, ["body", "secrets"]),
        ({"secrets": {}}, ["body", "secrets", "api_key"]),
        ({"project_id": NOBODY}, ["body", "project_id"]),
        ({"project_id": "x\u0001"}, ["body", "project_id"]),
    ],
)
async def test_what_is_wrong_is_named_and_not_shown(
    shop: Shop, body: dict[str, Any], place: list[str]
) -> None:
    good = {"name": "x", "type": "http", **GOOD["http"]}
    refused = await shop.alice.post("/v1/integrations", json={**good, **body} if body else {})

    assert place in places(refused)
    assert SECRET not in refused.text
    assert (await shop.alice.get("/v1/integrations")).json()["total"] == 0


async def test_type_and_project_stay(shop: Shop, database: Database) -> None:
    made = await shop.make("slack")
    other = await make_project(database, shop.tenant, name="second")
    path = f"/v1/integrations/{made['id']}"

    teams = {"name": "x", "type": "teams", **GOOD["teams"]}
    assert places(await shop.alice.put(path, json=teams)) == [["body", "type"]]
    moved = {"name": "x", "type": "slack", "project_id": str(other.id)}
    assert places(await shop.alice.put(path, json=moved)) == [["body", "project_id"]]


async def test_a_broken_body_is_refused_in_the_contracts_words(shop: Shop) -> None:
    refused = await shop.alice.post("/v1/integrations", content=b'{"name": ')
    assert places(refused) == [["body"]]
