"""`/v1/api-keys/reservations`: an id and a secret that are noted before their key is made."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from api.remote_access.conftest import People
from factories import NOW, administrator_of, make_key, make_tenant
from fixtures.server import MASTER
from treadle.core.errors import BadInput, Forbidden
from treadle.core.sealing import Sealer
from treadle.db.database import Database
from treadle.identity.key_reservations import LIFETIME, read_reservation, reserve_key
from treadle.identity.principals import principal_of_key

NEW: dict[str, Any] = {"description": "Nightly import", "expires_at": "2036-06-30T18:00:00Z"}
SEALER = Sealer([MASTER])


async def reserve(people: People) -> dict[str, Any]:
    answer = await people.alice.post("/v1/api-keys/reservations")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_key_is_made_of_a_reservation(people: People) -> None:
    reserved = await reserve(people)
    answer = await people.alice.post(
        "/v1/api-keys", json={**NEW, "reservation": reserved["reservation"]}
    )
    assert answer.status_code == 201, answer.text
    made = answer.json()
    for name in ("client_id", "client_secret", "api_key"):
        assert made[name] == reserved[name]
    body = {"member_type": "api_key", "member_id": made["id"], "role": "Consumer"}
    await people.alice.post("/v1/members", json=body)
    anonymous = people.server.anonymous
    used = await anonymous.get("/v1/roles", headers={"X-Api-Key": reserved["api_key"]})
    assert used.status_code == 200


async def test_nothing_exists_until_the_key_is_made(people: People) -> None:
    reserved = await reserve(people)
    assert (await people.alice.get("/v1/api-keys")).json()["total"] == 0
    anonymous = people.server.anonymous
    used = await anonymous.get("/v1/roles", headers={"X-Api-Key": reserved["api_key"]})
    assert used.status_code == 401


async def test_a_reservation_makes_one_key_even_when_that_is_gone(people: People) -> None:
    reserved = await reserve(people)
    body = {**NEW, "reservation": reserved["reservation"]}
    made = await people.alice.post("/v1/api-keys", json=body)
    assert made.status_code == 201
    assert (await people.alice.post("/v1/api-keys", json=body)).status_code == 409
    path = f"/v1/api-keys/{made.json()['id']}"
    assert (await people.alice.delete(path)).status_code == 204
    assert (await people.alice.post("/v1/api-keys", json=body)).status_code == 409
    assert (await people.alice.get("/v1/api-keys")).json()["total"] == 0


async def test_a_reservation_is_its_makers_own(people: People) -> None:
    reserved = await reserve(people)
    body = {**NEW, "reservation": reserved["reservation"]}
    assert (await people.mallory.post("/v1/api-keys", json=body)).status_code == 400
    altered = {**NEW, "reservation": reserved["reservation"][:-6] + "AAAAAA"}
    assert (await people.alice.post("/v1/api-keys", json=altered)).status_code == 400
    for nonsense in ("", "x", "ü", "AAAA"):
        answer = await people.alice.post("/v1/api-keys", json={**NEW, "reservation": nonsense})
        assert answer.status_code == 400
        assert answer.json()["message"].startswith("reservation:")


async def test_a_reservation_holds_for_an_hour(database: Database) -> None:
    root = administrator_of(await make_tenant(database))
    reserved = reserve_key(SEALER, root, now=NOW)
    last = NOW + LIFETIME - timedelta(milliseconds=1)
    assert read_reservation(SEALER, root, reserved.text, now=last).client_id == reserved.client_id
    with pytest.raises(BadInput, match="more than an hour old"):
        read_reservation(SEALER, root, reserved.text, now=NOW + LIFETIME)


async def test_who_may_not_make_keys_reserves_none(database: Database) -> None:
    issued = await make_key(database, await make_tenant(database), role="Consumer")
    with pytest.raises(Forbidden):
        reserve_key(SEALER, principal_of_key(issued.key), now=NOW)
