"""Whatever is sent, the answer is never a bug of ours: below 500, in the contract's shape."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.integration_manager.house import House
from api.integration_manager.test_hostile_values import (
    ODD_TEXTS,
    RAW,
    assert_answered,
    encoded,
    search,
    values,
)
from api.remote_jobs.remote import NIGHTLY, listed, schedules_of

texts = st.text(max_size=30) | st.sampled_from(ODD_TEXTS)
crons = st.lists(
    texts | st.sampled_from(["* * * * *", "@yearly", "? ? ? ? ?", "L W # * *", "*/0 * * * *"]),
    max_size=4,
)
ODD_DATES = (
    "0001-01-01",
    "9999-12-31",
    "2026-13-01",
    "2199-12-31",
    "1970-01-01",
    "2026-01-01T25:00:00",
    "2026-01-01T00:00:00+99:99",
    "1969-12-31T23:59:59Z",
    "2026-W01-1",
    "\u0662\u0660\u0662\u0666",
)
dates = texts | st.sampled_from(ODD_DATES)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "name": texts | values,
        "timeZone": texts | values | st.sampled_from(["UTC", "Asia/Tokyo"]),
        "timezone": texts | values,
        "startDate": dates | values,
        "endDate": dates | values,
        "enabled": st.booleans() | values,
        "crons": crons | values,
        "type": texts | st.sampled_from(["cron", "interval"]),
        "cronSchedule": texts | values,
        "intervalFrequency": st.integers(-(2**70), 2**70) | values,
    },
)
nearly_fine = bodies.map(lambda found: {**NIGHTLY, **found})


async def anchored(house: House) -> dict[str, Any]:
    """The job that everything is sent to, made at the first example."""
    found = (await house.alice.get("/api/jobconfigs?size=1")).json()["items"]
    return found[0] if found else await house.packaged()


@search(120)
@given(body=nearly_fine | bodies | values)
async def test_no_schedule_breaks_the_server(house: House, body: Any) -> None:
    job = await anchored(house)
    place, content = schedules_of(job), encoded(body)
    answer = await house.max.put(place, content=content)
    assert_answered(answer)
    own = f"{job['href']}/schedule"
    assert_answered(await house.max.post(own, content=content))
    assert_answered(await house.max.put(own, content=content))
    assert_answered(await house.max.post(f"/api/v1/jobs/{job['id']}/run", content=content))
    shown = await listed(house, job)
    if answer.is_success:
        assert answer.json() in shown
        again = await house.max.put(place, json=answer.json())
        assert (again.status_code, again.json()) == (200, answer.json())
        gone = await house.max.delete(f"{place}/{quote(answer.json()['name'], safe='')}")
        assert gone.status_code == 204


@search(60)
@given(name=texts)
async def test_no_name_breaks_the_server(house: House, name: str) -> None:
    job = await anchored(house)
    place = quote(name.encode("utf-8", "replace")[:3000], safe="")
    assert_answered_or_gone(await house.max.delete(f"{schedules_of(job)}/{place}"))


def assert_answered_or_gone(answer: httpx.Response) -> None:
    assert answer.status_code in (204, 400, 404, 405), answer.text
    if answer.status_code >= 400:
        assert_answered(answer)


@pytest.mark.timeout(240)
async def test_what_only_a_hand_writes_does_not_break_the_server(house: House) -> None:
    job = await house.packaged()
    for raw in RAW:
        for method, path in (
            ("PUT", schedules_of(job)),
            ("POST", f"{job['href']}/schedule"),
            ("POST", f"/api/v1/jobs/{job['id']}/run"),
        ):
            assert_answered(await house.alice.request(method, path, content=raw))
