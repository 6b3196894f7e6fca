"""Jobs that leave as files and come in again, elsewhere."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.integration_manager.house import HELLO, MISSING, House, open_house
from fixtures.jobs import package_bytes
from fixtures.server import make_context, serving
from packages.attack_archives import all_attacks
from treadle.db.database import Database
from treadle.settings import Settings

SECRET = "hunter2-hunter2"
LIMIT = 200_000
JOB: dict[str, Any] = {
    "name": "nightly \u00fc \\u0000 report",
    "description": "what was sold\n",
    "active": False,
    "runtimeConfig": {
        "packageName": "package.zip",
        "entryPoint": "hello.main",
        "logLevel": "DEBUG",
        "macros": [
            {"name": "API_KEY", "value": SECRET, "secure": True, "description": "a key"},
            {"name": "REGION", "value": "emea", "secure": False, "description": "which"},
        ],
    },
    "blocking": True,
    "timeout": 15,
    "maxRetries": 3,
    "retryBackoffSeconds": 5,
    "network": True,
    "tags": ["night", "sales"],
}
FILES = {
    "package.zip": package_bytes(hello=HELLO),
    "one file.py": b"def go(): ...\n",
    "Gr\u00f6\u00dfe.bin": bytes(range(256)) * 100,
    "empty": b"",
}
MANIFEST: dict[str, Any] = {"format": "treadle.job/1", "name": "imported"}


async def make_job(house: House) -> dict[str, Any]:
    answer = await house.clara.post("/api/jobconfigs", json=JOB)
    job = answer.json()
    for key, content in FILES.items():
        await house.upload(job, content, key=key)
    return job


async def import_(
    client: httpx.AsyncClient, content: bytes, query: str = "", name: str = "job.zip"
) -> httpx.Response:
    return await client.post(
        f"/api/jobconfigs/import{query}", files={"file": (name, content)}, timeout=60
    )


def archive_of(manifest: Any, files: dict[str, bytes] | None = None) -> bytes:
    """An archive with this manifest (JSON, or its bytes) and these files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        raw = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
        archive.writestr("job.json", raw)
        for key, data in (files or {}).items():
            archive.writestr(f"files/{key}", data)
    return content.getvalue()


async def left_by(house: House) -> dict[str, Any]:
    """Everything that an import could leave."""
    data_dir = house.server.context.settings.data_dir
    async with house.server.context.database.system() as tx:
        rows = {
            table: await tx.fetchval(f"SELECT count(*) FROM {table}")
            for table in ("jobs", "job_files", "stored_packages", "macros")
        }
    disk = [
        str(path.relative_to(data_dir))
        for folder in ("uploads", "files")
        for path in (data_dir / folder).rglob("*")
    ]
    return {**rows, "disk": sorted(disk)}


async def test_a_job_arrives_in_another_tenant_as_it_left(house: House) -> None:
    job = await make_job(house)
    exported = await house.clara.post(f"{job['href']}/export")
    assert exported.status_code == 200
    disposition = exported.headers["content-disposition"]
    assert disposition.startswith(f'attachment; filename="job-{job["id"]}.zip"')
    answer = await import_(house.mallory, exported.content)
    copy = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, copy["href"])
    own = {
        "id", "href", "project", "destinationId", "created", "lastModified", "user",
        "createdByUser", "lastModifiedByUser", "runtimeConfig",
    }  # fmt: skip
    assert {k: v for k, v in copy.items() if k not in own} == {
        k: v for k, v in job.items() if k not in own
    }
    prefix = {"packagePrefix": f"configuration\\{copy['id']}"}
    assert copy["runtimeConfig"] == {**job["runtimeConfig"], **prefix}
    assert copy["createdByUser"]["name"] == "mallory"
    assert (await house.mallory.get(copy["href"])).json() == copy
    listed = (await house.mallory.get(f"{copy['href']}/files")).json()
    assert {file["name"] for file in listed} == set(FILES)
    for file in listed:
        assert (await house.mallory.get(file["href"])).content == FILES[file["name"]]
    await house.mallory.patch(copy["href"], json={"active": True})
    await house.run(copy, client=house.mallory)
    assert (await house.mallory.get(job["href"])).json() == MISSING


async def test_secrets_stay_behind(house: House) -> None:
    job = await make_job(house)
    exported = await house.clara.post(f"{job['href']}/export")
    with zipfile.ZipFile(io.BytesIO(exported.content)) as archive:
        manifest = json.loads(archive.read("job.json"))
        everything = b"".join(archive.read(name) for name in archive.namelist())
    assert SECRET.encode() not in everything
    assert manifest["macros"] == [
        {"name": "API_KEY", "value": None, "secure": True, "description": "a key"},
        {"name": "REGION", "value": "emea", "secure": False, "description": "which"},
    ]
    copy = (await import_(house.mallory, exported.content)).json()
    assert copy["runtimeConfig"]["macros"] == manifest["macros"]
    await house.mallory.patch(copy["href"], json={"active": True})
    run = await house.run(copy, client=house.mallory)
    async with house.server.context.database.system() as tx:
        tenant_id = await tx.fetchval("SELECT tenant_id FROM runs WHERE id = $1::uuid", run["id"])
        sealed = await tx.fetchval(
            "SELECT secret FROM macros WHERE tenant_id = $1 AND scope_id = $2",
            tenant_id,
            copy["id"],
        )
    context = f"macro:{tenant_id}:job:{copy['id']}:API_KEY"
    assert house.server.context.sealer.unseal(sealed, context=context) == b""


async def test_a_job_without_anything_makes_the_round_too(house: House) -> None:
    job = await house.job()
    exported = await house.clara.post(f"{job['href']}/export")
    copy = (await import_(house.clara, exported.content)).json()
    assert copy["name"] == "j"
    assert "runtimeConfig" not in copy
    assert copy["id"] != job["id"]


async def test_an_import_goes_where_it_says(house: House) -> None:
    content = archive_of(MANIFEST)
    there = await import_(house.alice, content, "?project=other")
    assert there.json()["project"] == str(house.other_project.id)
    own = await import_(house.oscar, content)
    assert own.json()["project"] == str(house.other_project.id)
    hidden = await import_(house.clara, content, "?project=other")
    assert (hidden.status_code, hidden.json()["message"]) == (
        400,
        "project: there is no such project",
    )
    for client, status in ((house.max, 403), (house.mia, 403), (house.anonymous, 401)):
        assert (await import_(client, content)).status_code == status
    assert (await left_by(house))["jobs"] == 2


async def test_what_an_archive_says_of_others_is_not_believed(house: House) -> None:
    manifest = {
        **MANIFEST,
        "id": "1",
        "project": "other",
        "destinationId": "999",
        "href": "https://evil.example/",
        "user": {"id": "7"},
        "created": "1970-01-01T00:00:00Z",
        "runtimeConfig": {"packagePrefix": "/etc", "macros": [{"name": "X", "value": "1"}]},
    }
    answer = await import_(house.clara, archive_of(manifest))
    # The destination is of the installation, and this one has no such.
    assert (answer.status_code, answer.json()["message"]) == (
        400,
        "destinationId: there is no such destination",
    )
    del manifest["destinationId"]
    body = (await import_(house.clara, archive_of(manifest))).json()
    assert body["project"] == str(house.tenant.project.id)
    assert body["href"].startswith(house.server.url)
    assert "runtimeConfig" not in body


HOSTILE: list[tuple[str, bytes, str]] = [
    ("not a zip", b"PK", "is not a zip"),
    ("nothing", b"", "is not a zip"),
    ("no manifest", package_bytes(hello=HELLO), "it has no job.json"),
    ("not JSON", archive_of(b"{"), "job.json is not valid JSON"),
    ("not UTF-8", archive_of(b'{"name": "\xff"}'), "job.json is not valid JSON"),
    ("no object", archive_of([]), "not of the format"),
    ("another format", archive_of({**MANIFEST, "format": "treadle.job/2"}), "not of the format"),
    ("no format", archive_of({"name": "x"}), "not of the format"),
    ("no name", archive_of({"format": "treadle.job/1"}), "see name"),
    ("a long name", archive_of({**MANIFEST, "name": "x" * 201}), "see name"),
    ("a NUL", archive_of({**MANIFEST, "name": "a\0b"}), "has a NUL character"),
    ("a NUL in a macro", archive_of({**MANIFEST, "macros": [{"name": "\0"}]}), "NUL character"),
    ("a lone surrogate", archive_of(b'{"name": "\\ud800"}'), "is not valid JSON"),
    ("deep", archive_of(b"[" * 100 + b"]" * 100), "nests deeper"),
    ("a number", archive_of({**MANIFEST, "timeout": 2**31}), "see timeout"),
    ("a huge number", archive_of({**MANIFEST, "timeout": 10**400}), "job.json"),
    ("a level", archive_of({**MANIFEST, "runtimeConfig": {"logLevel": 1}}), "logLevel"),
    ("macros of none", archive_of({**MANIFEST, "macros": 7}), "see macros"),
    ("macros of null", archive_of({**MANIFEST, "macros": None}), "see macros"),
    ("a macro of none", archive_of({**MANIFEST, "macros": [7]}), "job.json is not a job"),
    ("a reserved macro", archive_of({**MANIFEST, "macros": [{"name": "PATH"}]}), "is reserved"),
    ("a macro twice", archive_of({**MANIFEST, "macros": [{"name": "A"}] * 2}), "twice"),
    (
        "many macros",
        archive_of({**MANIFEST, "macros": [{"name": f"M{n}"} for n in range(201)]}),
        "at most 200",
    ),
    ("an absent set", archive_of({**MANIFEST, "macrosets": ["absent"]}), "no macro set 'absent'"),
    (
        "many files",
        archive_of(MANIFEST, {f"{n}.txt": b"x" for n in range(101)}),
        "holds more than 100 files",
    ),
    ("a folder", archive_of(MANIFEST, {"a/b.txt": b"x"}), "is a path"),
    ("a hidden file", archive_of(MANIFEST, {".x": b"x"}), "starts with a dot"),
    (
        "a broken package",
        archive_of(MANIFEST, {"p.zip": b"PK", "a.txt": b"x"}),
        "'files/p.zip': the archive is not a zip",
    ),
    ("a large manifest", archive_of(b" " * (17 * 1024 * 1024)), "is over 16777216 bytes"),
]


async def test_a_hostile_archive_is_refused_and_leaves_nothing(house: House) -> None:
    before = await left_by(house)
    for name, content, reason in HOSTILE:
        answer = await import_(house.clara, content)
        assert answer.status_code == 400, (name, answer.text)
        assert reason in answer.json()["message"], (name, answer.text)
        assert len(answer.json()["message"]) < 500
        assert await left_by(house) == before, name


async def test_an_attack_is_refused_around_a_job_and_within_one(house: House) -> None:
    before = await left_by(house)
    for attack in all_attacks():
        answers = [
            await import_(
                house.clara, archive_of(MANIFEST, {"ok.txt": b"x", attack.file_name: attack.data})
            )
        ]
        if attack.file_name == "attack.zip":
            answers.append(await import_(house.clara, attack.data))
        for answer in answers:
            assert answer.status_code == 400, (attack.name, answer.text)
        assert await left_by(house) == before, attack.name


async def test_a_body_that_is_no_upload_is_400(house: House) -> None:
    for content, content_type in (
        (b"{}", "application/json"),
        (b"", "application/zip"),
        (b"", "multipart/form-data; boundary=B"),
        (b"--B--\r\n", "multipart/form-data; boundary=B"),
    ):
        answer = await house.clara.post(
            "/api/jobconfigs/import", content=content, headers={"Content-Type": content_type}
        )
        assert answer.status_code == 400
    wrong = await house.clara.post("/api/jobconfigs/import?project=" + "x" * 101)
    assert wrong.status_code == 400


# ---------------------------------------------------------------- sizes


@pytest.fixture
async def small(database: Database, tmp_path: Path) -> AsyncGenerator[House]:
    """The people over a server that takes small packages only."""
    settings = Settings(data_dir=tmp_path, max_package_bytes=LIMIT)
    context = make_context(database, tmp_path, settings=settings)
    async with serving(context) as server, open_house(server) as people:
        yield people


async def test_the_largest_file_makes_the_round(small: House) -> None:
    job = await small.job()
    await small.upload(job, b"x" * LIMIT, key="large.bin")
    exported = await small.clara.post(f"{job['href']}/export")
    assert len(exported.content) > LIMIT
    copy = (await import_(small.clara, exported.content)).json()
    (file,) = (await small.clara.get(f"{copy['href']}/files")).json()
    assert file["metadata"]["size"] == LIMIT


async def test_more_than_an_import_takes_is_not_exported(small: House) -> None:
    job = await small.job()
    await small.upload(job, b"x" * LIMIT, key="large.bin")
    await small.upload(job, b"x", key="more.bin")
    answer = await small.clara.post(f"{job['href']}/export")
    assert (answer.status_code, answer.json()["error"]) == (413, "Content Too Large")
    assert list((small.server.context.settings.data_dir / "uploads").iterdir()) == []


async def test_a_file_in_an_archive_is_as_large_as_an_upload_may_be(small: House) -> None:
    before = await left_by(small)
    answer = await import_(small.clara, archive_of(MANIFEST, {"large.bin": b"x" * (LIMIT + 1)}))
    assert (answer.status_code, answer.json()["message"]) == (
        413,
        f"the file is over {LIMIT} bytes",
    )
    assert await left_by(small) == before


async def test_as_many_macros_as_a_job_can_have_make_the_round(house: House) -> None:
    job = await house.job()
    for number in range(4):
        path = f"{job['href']}/macros/M{number}"
        await house.clara.put(path, json={"value": "\u0001" * 65_000})
    exported = await house.clara.post(f"{job['href']}/export")
    copy = (await import_(house.clara, exported.content)).json()
    read = (await house.clara.get(job["href"])).json()
    assert copy["runtimeConfig"]["macros"] == read["runtimeConfig"]["macros"]


async def test_an_export_that_nobody_waits_for_leaves_nothing(house: House) -> None:
    job = await house.job()
    for number in range(4):
        await house.upload(job, bytes(20_000_000), key=f"{number}.bin")
    uploads = house.server.context.settings.data_dir / "uploads"
    async with house.clara.stream("POST", f"{job['href']}/export") as answer:
        assert answer.status_code == 200
        assert len(list(uploads.iterdir())) == 1
    async with asyncio.timeout(60):
        while list(uploads.iterdir()):
            await asyncio.sleep(0.01)
