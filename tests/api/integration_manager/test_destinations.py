"""Destinations: the pools of workers that a job can name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from api.integration_manager.house import MISSING, House
from treadle.core.clock import utc_now
from treadle.core.ids import new_id
from treadle.jobs import attempt_store, definition_store


async def add_worker(house: House, destination_id: int, *, age: timedelta, capacity: int) -> None:
    async with house.server.context.database.system() as tx:
        await attempt_store.put_worker(
            tx,
            new_id(),
            destination_id=destination_id,
            host="somewhere",
            process_id=1,
            capacity=capacity,
            now=utc_now() - age,
        )


async def test_destinations_say_how_many_workers_they_have(house: House) -> None:
    async with house.server.context.database.system() as tx:
        second = await definition_store.ensure_destination(tx, "etl", now=utc_now())
    await add_worker(house, second, age=timedelta(seconds=5), capacity=4)
    await add_worker(house, second, age=timedelta(seconds=50), capacity=3)
    await add_worker(house, second, age=timedelta(seconds=70), capacity=100)
    first, etl = (await house.mia.get("/api/destinations")).json()
    assert (first["name"], first["workers"], first["capacity"]) == ("default", 0, 0)
    assert etl == {
        "id": str(second),
        "name": "etl",
        "href": f"{house.server.url}/api/destinations/{second}",
        "workers": 2,
        "capacity": 7,
    }
    assert (await house.mia.get(etl["href"])).json() == etl


async def test_a_job_goes_where_it_says(house: House) -> None:
    async with house.server.context.database.system() as tx:
        second = await definition_store.ensure_destination(tx, "etl", now=utc_now())
    job = await house.packaged(destinationId=str(second))
    assert job["destinationId"] == str(second)
    assert (await house.run(job))["finalDestinationId"] == str(second)
    first = await house.packaged()
    assert (await house.run(first))["finalDestinationId"] == first["destinationId"]
    assert first["destinationId"] != str(second)


@pytest.mark.parametrize("id", ["0", "999999", "x", "-1", str(2**63), "01"])
async def test_a_destination_that_does_not_exist_is_404(house: House, id: str) -> None:  # noqa: A002
    answer = await house.mia.get(f"/api/destinations/{id}")
    assert (answer.status_code, answer.json()) == (404, MISSING)
