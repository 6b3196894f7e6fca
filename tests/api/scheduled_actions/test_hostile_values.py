"""Whatever is sent, the answer is never a bug of ours: below 500, in the contract's shape."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.integration_manager.test_hostile_values import ODD_TEXTS
from api.scheduled_actions.desk import LOGGED, NOBODY, Desk, at

LARGEST_ANSWER: Final = 20_000
"""A refusal quotes little of what it refuses, however many faults it tells."""

FIELDS = (
    "name", "description", "customer_id", "external_id", "tags", "schedule_type",
    "schedule_expression", "timezone", "start_at", "end_at", "calendars", "action_type",
    "action_config", "overlap_policy", "catchup_window_minutes", "catchup_policy",
    "flexible_window_minutes", "rate_limit_per_minute", "max_retries", "retry_backoff_seconds",
    "pause_on_failure_count", "action_after_completion", "deduplication_key", "project_id",
    "relative_entity_definition_id", "relative_field_name", "relative_filter",
    "relative_offset_days", "status",
)  # fmt: skip
ASIDE = (
    "reason", "until", "start", "end", "dry_run", "after", "count", "job_id", "input", "macros",
    "url", "method", "headers", "body", "secret", "timeout_seconds", "calendar_id", "mode",
)  # fmt: skip
TELLING = (
    "* * * * *", "0 0 29 2 *", "0 0 31 2 *", "*/61 * * * *", "0 0 0 0 0 0", "@reboot", "@yearly",
    "0 0 9 ? * 6#5 2199", "cron(0 0 L-31 * ? *)", "rate(1 day)", "rate(99999999999 days)", "PT0S",
    "P99999999Y", "-PT5M", "1", "0", "999999999999999999999", "at(9999-12-31T23:59:59)",
    "RRULE:FREQ=SECONDLY;COUNT=1", "RRULE:FREQ=YEARLY;BYDAY=53MO;BYWEEKNO=53", "RRULE:",
    "RRULE:FREQ=DAILY;UNTIL=19700101", "cron", "interval", "once", "relative", "RATE", "run_job",
    "send_webhook", "notify", "log_event", "2026-12-01", "2026-12-01T09:00:00+14:00",
    "2026-11-01T00:00:00Z", "2199-12-31T23:59:59-23:59", "1970-01-01T00:00:00+23:59", "UTC",
    "Australia/Sydney", "AUS Eastern Standard Time", "active", "paused", "BUFFER_ALL",
    "https://example.com", NOBODY, "exclude",
)  # fmt: skip

texts = st.text(max_size=30) | st.sampled_from(ODD_TEXTS) | st.sampled_from(TELLING)
numbers = (
    st.integers(-(2**70), 2**70)
    | st.integers(-2, 1_500)
    | st.sampled_from([2**31 - 1, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63) - 1])
    | st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from((*FIELDS, *ASIDE)) | texts, inner, max_size=6)
    ),
    max_leaves=10,
)
fields = st.dictionaries(st.sampled_from(FIELDS), values, max_size=4)
asides = st.dictionaries(st.sampled_from(ASIDE), values, max_size=5)
queries = st.lists(
    st.tuples(
        st.sampled_from(
            ("limit", "offset", "status", "tag", "external_id", "customer_id", "at", "n", "from")
        ),
        texts | numbers.map(str),
    ),
    max_size=4,
)


def search(examples: int) -> settings:
    """A search that finds the same each time: a failure is a failure for everybody."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def assert_answered(answer: httpx.Response) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert set(answer.json()) == {"detail"}
        assert len(answer.content) < LARGEST_ANSWER
        if answer.status_code == 422 and isinstance(answer.json()["detail"], list):
            for fault in answer.json()["detail"]:
                assert set(fault) == {"loc", "msg", "type"}


async def anchored(desk: Desk) -> str:
    """The path of the schedule that everything is sent to, made at the first example."""
    answer = await desk.max.get("/v1/schedules", params={"external_id": "anchor"})
    found = answer.json()["items"]
    made = found[0] if found else await desk.make(external_id="anchor")
    return f"/v1/schedules/{made['id']}"


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


@search(80)
@given(said=fields, value=values)
async def test_no_schedule_breaks_the_server(desk: Desk, said: Any, value: Any) -> None:
    for body in ({**LOGGED, **said}, said, value):
        answer = await desk.max.post("/v1/schedules", content=encoded(body))
        assert_answered(answer)
        if answer.is_success:
            path = answer.headers["Location"]
            for end in ("", "/upcoming", "/versions", f"/explain?at={quote(at(0))}"):
                assert (await desk.max.get(path + end)).status_code == 200
            assert (await desk.max.delete(path)).status_code == 204


@search(80)
@given(said=fields, value=values)
async def test_no_change_breaks_the_server(desk: Desk, said: Any, value: Any) -> None:
    path = await anchored(desk)
    said = {name: value for name, value in said.items() if name != "external_id"}
    for body in (said, value):
        if not (isinstance(body, dict) and "external_id" in body):
            assert_answered(await desk.max.put(path, content=encoded(body)))
    assert (await desk.max.get(path)).status_code == 200


@search(60)
@given(said=asides, more=fields, value=values)
async def test_no_steering_breaks_the_server(desk: Desk, said: Any, more: Any, value: Any) -> None:
    path = await anchored(desk)
    for body in (said, value):
        for what in ("pause", "resume", "trigger", "backfill"):
            assert_answered(await desk.max.post(f"{path}/{what}", content=encoded(body)))
        for what in ("pause", "resume"):
            assert_answered(await desk.max.post(f"/v1/schedules/{what}", content=encoded(body)))
    for body in ({**said, **more}, {**LOGGED, **more}, value):
        sent = encoded(
            {k: body[k] for k in body if k != "name"} if isinstance(body, dict) else body
        )
        assert_answered(await desk.max.post("/v1/schedules/preview", content=sent))


@search(80)
@given(query=queries, odd=texts)
async def test_no_question_breaks_the_server(
    desk: Desk, query: list[tuple[str, str]], odd: str
) -> None:
    path = await anchored(desk)
    asked = urlencode(query, errors="replace")
    for where in ("/v1/schedules", f"{path}/runs", f"{path}/upcoming", f"{path}/explain"):
        assert_answered(await desk.max.get(f"{where}?{asked}"))
    if len(odd) < 5_000:
        name = quote(odd, safe="", errors="replace")
        assert_answered(await desk.max.get(f"/v1/schedules/occurrences?from={name}&to={name}"))
        days = f"from={name}&to={name}&timezone={name}"
        assert_answered(await desk.max.get(f"/v1/schedules/calendar?{days}"))
        assert_answered(await desk.max.get(f"/v1/schedules/{name or 'x'}"))
        assert_answered(await desk.max.get(f"/v1/schedules/{name or 'x'}/runs"))


@pytest.mark.parametrize(
    ("content", "statuses"),
    [
        (b'{"name": "' + b"x" * 1_000_000 + b'"}', {422}),
        (b'{"name": "' + b"x" * 1_100_000 + b'"}', {413}),
        (b'{"action_config": ' + b'{"a":' * 100 + b"1" + b"}" * 100 + b"}", {413}),
        (b'{"unknown": ' + b'{"a":' * 60 + b"1" + b"}" * 60 + b"}", {422}),
        (b'{"name": "a\\u0000b"}', {422}),
        (b'{"name": "a\\ud800b"}', {422}),
        (b'{"name": "a\xff"}', {422}),
        (b"{", {422}),
        (b"", {422}),
        (b"null", {422}),
        (b'{"name": NaN}', {422}),
        (b'{"tags": ["' + b'x","' * 100_000 + b'"]}', {422}),
        (b'{"action_config": {"' + b"k" * 500_000 + b'": 1}}', {422}),
    ],
)
async def test_huge_deep_and_broken_bodies_are_refused(
    desk: Desk, content: bytes, statuses: set[int]
) -> None:
    path = await anchored(desk)
    for method, where in (("POST", "/v1/schedules"), ("PUT", path), ("POST", f"{path}/backfill")):
        answer = await desk.max.request(method, where, content=content)
        assert_answered(answer)
        assert answer.status_code in statuses, (method, answer.text)


async def test_a_key_of_our_making_is_quoted_short(desk: Desk) -> None:
    config = {"url": "https://example.com", "headers": {"a.b" * 20_000: 5}}
    body = {**LOGGED, "action_type": "send_webhook", "action_config": config}
    answer = await desk.max.post("/v1/schedules", json=body)
    assert answer.status_code == 422
    assert len(answer.content) < 5_000


async def test_an_action_may_nest_and_comes_back_as_it_was(desk: Desk) -> None:
    deep: Any = 1
    for _ in range(50):
        deep = {"a": [deep]} if _ < 10 else {"b": deep}
    odd = {"deep": deep, "text": "\U0001f989\u202e", "big": 2**63 - 1, "small": 1e-300, "": None}
    made = await desk.make(action_config=odd)
    assert (await desk.get(made))["action_config"] == odd


async def test_numbers_that_no_database_holds_are_kept_or_refused(desk: Desk) -> None:
    for number in (2**63, 2**64, 10**30, 1e308, -(2**70)):
        answer = await desk.max.post(
            "/v1/schedules", content=encoded({**LOGGED, "action_config": {"n": number}})
        )
        assert_answered(answer)
        if answer.is_success:
            assert (await desk.max.get(answer.headers["Location"])).status_code == 200
