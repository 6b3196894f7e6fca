"""Whatever is sent, the answer is never a bug of ours: below 500, in the contract's shape."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.integration_manager.house import House

LARGEST_ANSWER: Final = 5_000
"""A refusal quotes little of what it refuses."""

ODD_TEXTS = (
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\udfff\ud800",
    "\x01\x1b[31m\x7f",
    "\u202e\u2066",
    "\uffff\ufffe",
    "' OR 1=1 --",
    "${7*7}{{7*7}}<script>",
    "../../etc/passwd",
    "%00%0a%2e%2e",
    "{}",
    "null",
    "1e400",
    "NaN",
    "9" * 400,
    "x" * 70_000,
    "\U0001f989" * 300,
)
FIELDS = (
    "name", "key", "value", "secure", "description", "active", "runtimeConfig", "packageName",
    "entryPoint", "logLevel", "macros", "blocking", "timeout", "destinationId", "maxRetries",
    "retryBackoffSeconds", "network", "tags", "macrosets", "project", "input", "id",
    "runtime_config",
)  # fmt: skip
PARAMETERS = (
    "offset", "size", "sortby", "direction", "filter", "active", "state", "jobconfigid", "userid",
    "startdate", "enddate", "follow", "name", "project",
)  # fmt: skip

texts = st.text(max_size=30) | st.sampled_from(ODD_TEXTS)
numbers = (
    st.integers(-(2**70), 2**70)
    | st.sampled_from(
        [2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, -1, 0]
    )
    | st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(FIELDS) | texts, inner, max_size=6)
    ),
    max_leaves=12,
)
objects = st.dictionaries(st.sampled_from(FIELDS), values, max_size=6)
# A name that is fine lets the other fields be looked at more often.
bodies = objects | objects.map(lambda found: {**found, "name": "fine"}) | values
queries = st.lists(
    st.tuples(st.sampled_from(PARAMETERS), texts | numbers.map(str) | st.just("2026-03-05")),
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
        assert set(answer.json()) == {"status", "error", "message"}
        assert answer.json()["status"] == answer.status_code
        assert len(answer.content) < LARGEST_ANSWER


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


async def anchored(house: House) -> dict[str, Any]:
    """The job that everything is sent to, made at the first example."""
    found = (await house.alice.get("/api/jobconfigs?size=1")).json()["items"]
    return found[0] if found else await house.packaged()


@search(100)
@given(body=bodies)
async def test_no_job_config_breaks_the_server(house: House, body: Any) -> None:
    job = await anchored(house)
    for method, path in (
        ("POST", "/api/jobconfigs"),
        ("PUT", job["href"]),
        ("PATCH", job["href"]),
    ):
        assert_answered(await house.clara.request(method, path, content=encoded(body)))
    assert_answered(await house.clara.get(job["href"]))


@search(100)
@given(body=bodies)
async def test_no_start_of_a_run_breaks_the_server(house: House, body: Any) -> None:
    job = await anchored(house)
    assert_answered(await house.max.post(f"{job['href']}/jobs", content=encoded(body)))
    assert_answered(await house.max.get("/api/jobs?size=1"))


@search(40)
@given(body=bodies, name=texts)
async def test_no_macro_breaks_the_server(house: House, body: Any, name: str) -> None:
    job = await anchored(house)
    await house.alice.post("/api/macrosets", json={"name": "set"})
    place = quote(name.encode("utf-8", "replace")[:3000], safe="")
    content = encoded(body)
    for method, path in (
        ("PUT", f"/api/macros/{place}"),
        ("PUT", f"{job['href']}/macros/{place}"),
        ("PUT", f"/api/macrosets/set/macros/{place}"),
        ("DELETE", f"/api/macros/{place}"),
        ("POST", f"{job['href']}/macros"),
        ("POST", "/api/macrosets"),
    ):
        assert_answered(await house.alice.request(method, path, content=content))


@search(100)
@given(query=queries)
async def test_no_query_breaks_the_server(house: House, query: list[tuple[str, str]]) -> None:
    job = await anchored(house)
    text = urlencode(query, errors="replace")[:8000]
    for path in ("/api/jobconfigs", "/api/jobs", "/api/jobstats", f"{job['href']}/files"):
        assert_answered(await house.alice.get(f"{path}?{text}"))


@search(40)
@given(key=texts, path=texts)
async def test_no_name_of_a_file_breaks_the_server(house: House, key: str, path: str) -> None:
    job = await anchored(house)
    place = quote(key.encode("utf-8", "replace")[:3000], safe="")
    href = f"{job['href']}/files/{place}"
    assert_answered(await house.clara.put(href, content=b"x"))
    assert_answered(await house.clara.get(href))
    assert_answered(await house.clara.get(f"{job['href']}/files/entrypoints/{place}"))
    assert_answered(await house.clara.delete(href))
    output = quote(path.encode("utf-8", "replace")[:3000])
    run = await house.run(job) if (await count_runs(house)) == 0 else None
    found = run or (await house.max.get("/api/jobs?size=1")).json()["items"][0]
    assert_answered(await house.max.get(f"{found['href']}/out/files/{output}"))


@search(30)
@given(content=st.binary(max_size=400), kind=st.sampled_from(["file", "key", "form"]))
async def test_no_form_breaks_the_server(house: House, content: bytes, kind: str) -> None:
    job = await anchored(house)
    heads = {
        "file": b'--B\r\nContent-Disposition: form-data; name="file"; filename="' + content,
        "key": b'--B\r\nContent-Disposition: form-data; name="key"\r\n\r\n' + content,
        "form": content,
    }
    for body in (heads[kind], heads[kind] + b'"\r\n\r\ntext\r\n--B--\r\n'):
        for content_type in ("multipart/form-data; boundary=B", "multipart/form-data"):
            for path in (f"{job['href']}/files", "/api/jobconfigs/import"):
                answer = await house.clara.post(
                    path, content=body, headers={"Content-Type": content_type}
                )
                assert_answered(answer)


async def count_runs(house: House) -> int:
    return (await house.max.get("/api/jobs?size=1")).json()["totalRecords"]


# ---------------------------------------------------------------- by hand

RAW: list[bytes] = [
    b'{"name": "x", "timeout": 1e400}',
    b'{"name": "x", "timeout": -1e400}',
    b'{"name": "x", "timeout": 1e-400}',
    b'{"name": "x", "timeout": NaN}',
    b'{"name": "x", "timeout": Infinity}',
    b'{"name": "x", "timeout": 0x10}',
    b'{"name": "x", "timeout": ' + b"9" * 100_000 + b"}",
    b'{"name": "x", "timeout": 1.' + b"0" * 100_000 + b"}",
    b'{"name": "\\ud800"}',
    b'{"name": "\\u0000"}',
    b'{"na\\u0000me": "x", "name": "x"}',
    b'{"name": "x", "tags": ["\\u0000"]}',
    b'{"name": "\xff"}',
    b'{"name": "\xed\xa0\x80"}',
    b"\xef\xbb\xbf{}",
    b"\x1f\x8b\x08",
    b"{" * 100_000,
    b"[" * 65 + b"]" * 65,
    b'{"name": "x", "runtimeConfig": ' + b'{"a":' * 70 + b"1" + b"}" * 71,
    b'{"name": "x", "name": 7}',
    b'"' + b"x" * 1_000_000 + b'"',
    b'{"name": "x", "description": "' + b"\\u001f" * 1999 + b'"}',
    b'{"name": "x", "tags": [' + b'"t",' * 200_000 + b'"t"]}',
    b'{"name": "x"' + b"".join(b', "%d": 1' % number for number in range(60_000)) + b"}",
]


async def test_what_only_a_hand_writes_does_not_break_the_server(house: House) -> None:
    job = await house.packaged()
    for raw in RAW:
        for method, path in (
            ("POST", "/api/jobconfigs"),
            ("PUT", job["href"]),
            ("PATCH", job["href"]),
            ("POST", f"{job['href']}/jobs"),
            ("PUT", f"{job['href']}/macros/A"),
            ("PUT", "/api/macros/A"),
            ("POST", "/api/macrosets"),
        ):
            answer = await house.alice.request(method, path, content=raw)
            assert_answered(answer)


async def test_an_input_holds_every_json_there_is(house: House) -> None:
    job = await house.packaged()
    deep: Any = 1
    for _ in range(61):
        deep = [deep]
    for value in (2**64 - 1, 2**63, -(2**63), 1.5e308, 5e-324, "\u0001\U0001f989", deep, {"": {}}):
        run = await house.run(job, {"input": {"value": value}})
        assert (await house.stored(run)).input == {"value": value}
    huge = await house.max.post(f"{job['href']}/jobs", content=b'{"input": {"value": 1e400}}')
    assert huge.status_code == 400


async def test_ten_megabytes_are_too_much_for_every_text(house: House) -> None:
    job = await house.packaged()
    text = "x" * 10_000_000
    for method, path, body in (
        ("POST", "/api/jobconfigs", {"name": text}),
        ("PUT", job["href"], {"name": "x", "description": text}),
        ("PATCH", job["href"], {"runtimeConfig": {"entryPoint": text}}),
        ("POST", f"{job['href']}/jobs", {"input": {"text": text}}),
        ("PUT", f"{job['href']}/macros/A", {"value": text}),
        ("POST", "/api/macrosets", {"name": text}),
    ):
        answer = await house.alice.request(method, path, json=body)
        assert (answer.status_code, answer.json()["error"]) == (413, "Content Too Large")
        assert_answered(answer)
    for client in (house.alice, house.anonymous):
        answer = await client.get(f"/api/jobs?filter={'x' * 60_000}")
        assert answer.status_code in (400, 401)
