"""The edges of every field of a job config: what just fits, and what does not by a little."""

from __future__ import annotations

from typing import Any

import pytest

from api.integration_manager.house import House

MACRO = {"name": "A", "value": "1"}
FITS: list[dict[str, Any]] = [
    {"name": "n"},
    {"name": "n" * 200},
    {"name": " " * 300 + "n"},
    {"description": "d" * 2000},
    {"timeout": 0},
    {"timeout": 525_600},
    {"maxRetries": 0},
    {"maxRetries": 100},
    {"retryBackoffSeconds": 0},
    {"retryBackoffSeconds": 86_400},
    {"tags": [f"tag {number}" for number in range(50)]},
    {"tags": ["t" * 100]},
    {"macrosets": []},
    {"destinationId": "1"},
    {"destinationId": None},
    {"project": None},
    {"runtimeConfig": None},
    {"runtimeConfig": {}},
    {"runtimeConfig": {"packageName": "p" * 255, "entryPoint": "e" * 500}},
    *({"runtimeConfig": {"logLevel": level}} for level in ("SEVERE", "WARNING", "INFO", "DEBUG")),
    {"runtimeConfig": {"macros": [{"name": f"M{n}", "value": ""} for n in range(200)]}},
    {"runtimeConfig": {"macros": [{"name": "M" * 128, "value": "v" * 65_536}]}},
    {"runtimeConfig": {"macros": [{"key": "AS_KEY", "value": "\u00e9\n\t\x01"}]}},
    {"runtimeConfig": {"macros": [{**MACRO, "description": "d" * 2000}]}},
]
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "name"),
    ({"name": "   "}, "name"),
    ({"name": "n" * 201}, "name"),
    ({"name": None}, "name"),
    ({"name": 7}, "name"),
    ({"description": "d" * 2001}, "description"),
    ({"description": None}, "description"),
    ({"active": None}, "active"),
    ({"active": "perhaps"}, "active"),
    ({"blocking": 2}, "blocking"),
    ({"network": []}, "network"),
    ({"timeout": -1}, "timeout"),
    ({"timeout": 525_601}, "timeout"),
    ({"timeout": 1.5}, "timeout"),
    ({"timeout": None}, "timeout"),
    ({"timeout": 2**31}, "timeout"),
    ({"timeout": 2**63}, "timeout"),
    ({"timeout": 10**300}, "timeout"),
    ({"maxRetries": -1}, "maxRetries"),
    ({"maxRetries": 101}, "maxRetries"),
    ({"maxRetries": 2**31}, "maxRetries"),
    ({"retryBackoffSeconds": -1}, "retryBackoffSeconds"),
    ({"retryBackoffSeconds": 86_401}, "retryBackoffSeconds"),
    ({"tags": ["t"] * 51}, "tags"),
    ({"tags": ["t" * 101]}, "tags[0]"),
    ({"tags": [" "]}, "tags[0]"),
    ({"tags": "night"}, "tags"),
    ({"tags": None}, "tags"),
    ({"macrosets": ["absent"]}, "macrosets"),
    ({"macrosets": ["s"] * 21}, "macrosets"),
    ({"destinationId": "999999"}, "destinationId"),
    ({"destinationId": "0"}, "destinationId"),
    ({"destinationId": "-1"}, "destinationId"),
    ({"destinationId": "default"}, "destinationId"),
    ({"destinationId": str(2**63)}, "destinationId"),
    ({"destinationId": str(2**63 - 1)}, "destinationId"),
    ({"destinationId": 1}, "destinationId"),
    ({"project": "absent"}, "project"),
    ({"project": ""}, "project"),
    ({"project": "p" * 101}, "project"),
    ({"project": "0198f0a0-5b7e-7cc3-9d3f-3b1f0c5e2a11"}, "project"),
    ({"runtimeConfig": []}, "runtimeConfig"),
    ({"runtimeConfig": {"packageName": "p" * 256}}, "runtimeConfig.packageName"),
    ({"runtimeConfig": {"entryPoint": "e" * 501}}, "runtimeConfig.entryPoint"),
    ({"runtimeConfig": {"logLevel": "info"}}, "runtimeConfig.logLevel"),
    ({"runtimeConfig": {"logLevel": None}}, "runtimeConfig.logLevel"),
    ({"runtimeConfig": {"macros": [MACRO] * 201}}, "runtimeConfig.macros"),
    ({"runtimeConfig": {"macros": [MACRO, MACRO]}}, "macros"),
    ({"runtimeConfig": {"macros": [{"name": "A"}]}}, "macros"),
    ({"runtimeConfig": {"macros": [{"value": "1"}]}}, "macros"),
    ({"runtimeConfig": {"macros": [{"name": "A", "secure": True}]}}, "macros"),
    ({"runtimeConfig": {"macros": [{"name": "1A", "value": "1"}]}}, "macros"),
    ({"runtimeConfig": {"macros": [{"name": "A-B", "value": "1"}]}}, "macros"),
    ({"runtimeConfig": {"macros": [{"name": "\u00c4", "value": "1"}]}}, "macros"),
    ({"runtimeConfig": {"macros": [{"name": "A\n", "value": "1"}]}}, "macros"),
    ({"runtimeConfig": {"macros": [{"name": "PATH", "value": "1"}]}}, "macros"),
    ({"runtimeConfig": {"macros": [{"name": "TREADLE_X", "value": "1"}]}}, "macros"),
    ({"runtimeConfig": {"macros": [{**MACRO, "value": "v" * 65_537}]}}, "macros"),
    ({"runtimeConfig": {"macros": [{**MACRO, "value": 1}]}}, "runtimeConfig.macros[0].value"),
    (
        {"runtimeConfig": {"macros": [{"name": f"M{n}", "value": "v" * 53_000} for n in range(5)]}},
        "macros",
    ),
    (
        {"runtimeConfig": {"macros": [{**MACRO, "description": "d" * 2001}]}},
        "runtimeConfig.macros[0].description",
    ),
]


async def test_what_just_fits_is_taken(house: House) -> None:
    job = await house.job()
    for fields in FITS:
        body = {"name": "j", **fields}
        created = await house.clara.post("/api/jobconfigs", json=body)
        assert created.status_code == 201, (fields, created.text)
        replaced = await house.clara.put(job["href"], json=body)
        assert replaced.status_code == 200, (fields, replaced.text)
        changed = await house.clara.patch(job["href"], json=fields)
        assert changed.status_code == 200, (fields, changed.text)


async def test_what_is_over_an_edge_is_400_and_named(house: House) -> None:
    job = await house.job()
    for fields, field in REFUSED:
        body = {"name": "j", **fields}
        for answer in (
            await house.clara.post("/api/jobconfigs", json=body),
            await house.clara.put(job["href"], json=body),
            await house.clara.patch(job["href"], json=fields),
        ):
            assert answer.status_code == 400, (fields, answer.text)
            message = answer.json()["message"]
            assert message.startswith(f"{field}:"), (fields, message)
            assert len(message) < 1000
    assert (await house.clara.get(job["href"])).json() == job
    assert (await house.clara.get("/api/jobconfigs")).json()["totalRecords"] == 1


@pytest.mark.parametrize("body", [None, [], "text", 7, True])
async def test_a_body_that_is_no_object_is_400(house: House, body: Any) -> None:
    job = await house.job()
    for method, path in (("POST", "/api/jobconfigs"), ("PUT", job["href"]), ("PATCH", job["href"])):
        answer = await house.clara.request(method, path, json=body)
        assert answer.status_code == 400
    empty = await house.clara.post("/api/jobconfigs")
    assert empty.status_code == 400


async def test_a_body_that_is_no_json_is_400(house: House) -> None:
    job = await house.job()
    for content in (b"{", b"\xff\xfe", b'{"name": "\\ud800"}', b'{"name": "\\u0000"}', b"nan"):
        answer = await house.clara.put(job["href"], content=content)
        assert (answer.status_code, answer.json()["error"]) == (400, "Bad Request")
