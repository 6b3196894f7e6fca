"""Uploads that are refused: with the reason, and with nothing left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from api.integration_manager.house import HELLO, MISSING, House, open_house, send_file
from fixtures.jobs import package_bytes
from fixtures.server import make_context, serving
from packages.attack_archives import all_attacks
from treadle.api.bodies import UPLOAD_OVERHEAD_BYTES
from treadle.db.database import Database
from treadle.settings import Settings

LIMIT = 50_000
PACKAGE = package_bytes(hello=HELLO)
KEY = b'--B\r\nContent-Disposition: form-data; name="key"\r\n\r\na.txt\r\n'
FILE = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\ntext\r\n'
END = b"--B--\r\n"


@pytest.fixture
async def small(database: Database, tmp_path: Path) -> AsyncGenerator[House]:
    """The people over a server that takes small packages only."""
    settings = Settings(data_dir=tmp_path, max_package_bytes=LIMIT)
    context = make_context(database, tmp_path, settings=settings)
    async with serving(context) as server, open_house(server) as people:
        yield people


async def left_by(house: House) -> dict[str, Any]:
    """Everything that an upload could leave."""
    data_dir = house.server.context.settings.data_dir
    async with house.server.context.database.system() as tx:
        return {
            "files": await tx.fetchval("SELECT count(*) FROM job_files"),
            "contents": await tx.fetchval("SELECT count(*) FROM stored_packages"),
            "disk": sorted(
                str(path.relative_to(data_dir))
                for folder in ("uploads", "files")
                for path in (data_dir / folder).rglob("*")
            ),
        }


NOTHING: dict[str, Any] = {"files": 0, "contents": 0, "disk": []}


async def test_every_attack_is_refused_with_its_reason_and_leaves_nothing(house: House) -> None:
    job = await house.job()
    for attack in all_attacks():
        answers = (
            await send_file(house.clara, job["id"], attack.data, key=attack.file_name),
            await house.clara.put(f"{job['href']}/files/{attack.file_name}", content=attack.data),
        )
        for answer in answers:
            assert answer.status_code == 400, (attack.name, answer.text)
            assert attack.reason in answer.json()["message"], attack.name
        assert await left_by(house) == NOTHING, attack.name
    assert (await house.mia.get(f"{job['href']}/files")).json() == []
    assert (await house.mia.get(job["href"])).json() == job


async def test_an_attack_does_not_harm_the_file_that_it_would_replace(house: House) -> None:
    job = await house.job()
    body = (await house.upload(job, PACKAGE, key="attack.zip")).json()
    before = await left_by(house)
    for attack in all_attacks():
        if attack.file_name == "attack.zip":
            await send_file(house.clara, job["id"], attack.data, key="attack.zip")
    assert await left_by(house) == before
    assert (await house.mia.get(body["href"])).content == PACKAGE


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../x.txt", "is a path"),
        ("a/b.txt", "is a path"),
        ("a\\b.txt", "is a path"),
        ("/etc/passwd", "is a path"),
        ("C:x.txt", "is a path"),
        ("..", "starts with a dot"),
        (".", "starts with a dot"),
        (".hidden", "starts with a dot"),
        ("-rf", "starts with a dot or a dash"),
        ("a\0b.txt", "has a control character"),
        ("a\nb.txt", "has a control character"),
        ("a\u202eb.txt", "has a control character"),
        ("x" * 296 + ".txt", "is over 255 bytes"),
        ("é" * 128, "is over 255 bytes"),
        ("x" * 1025, "key: is over 1024 bytes"),
        (" a.txt", "starts or ends with a blank"),
        ("   ", "starts or ends with a blank"),
    ],
)
async def test_a_name_that_is_no_file_name_is_refused(house: House, name: str, reason: str) -> None:
    job = await house.job()
    for content in (b"text", PACKAGE):
        answer = await send_file(house.clara, job["id"], content, key=name)
        assert (answer.status_code, reason in answer.json()["message"]) == (400, True), answer.text
    assert await left_by(house) == NOTHING


@pytest.mark.parametrize("name", ["a\\b.txt", ".hidden", "-rf", "a\nb.txt", "x" * 256, "C:x"])
async def test_a_name_in_the_address_is_held_to_the_same(house: House, name: str) -> None:
    job = await house.job()
    answer = await house.clara.put(f"{job['href']}/files/{quote(name, safe='')}", content=b"text")
    assert (answer.status_code, answer.json()["message"][:19]) == (400, "the file name (key)")
    assert await left_by(house) == NOTHING


@pytest.mark.parametrize("name", ["%2e%2e%2fx", "..%2f..%2fetc", "a%2fb"])
async def test_a_path_in_the_address_leads_nowhere(house: House, name: str) -> None:
    job = await house.job()
    for method in ("PUT", "GET", "DELETE"):
        answer = await house.clara.request(method, f"{job['href']}/files/{name}", content=b"text")
        assert answer.status_code == 404
    assert await left_by(house) == NOTHING


@pytest.mark.parametrize(
    ("content_type", "body", "reason"),
    [
        ("application/json", b'{"key": "a.txt"}', "must be multipart/form-data"),
        ("application/octet-stream", b"text", "must be multipart/form-data"),
        ("", b"", "must be multipart/form-data"),
        ("multipart/form-data; boundary=B", b"", "cut off"),
        ("multipart/form-data; boundary=B", b"text", "is not multipart/form-data"),
        ("multipart/form-data; boundary=B", KEY + FILE, "cut off"),
        ("multipart/form-data; boundary=B", KEY + FILE + b"--B", "cut off"),
        ("multipart/form-data; boundary=C", KEY + FILE + END, "is not multipart/form-data"),
        ("multipart/form-data", b"text\r\nmore", "does not begin with a boundary"),
        ("multipart/form-data", b"--\r\n", "does not begin with a boundary"),
        ("multipart/form-data", b"x" * 300, "does not begin with a boundary"),
        ("multipart/form-data", b"--B", "cut off"),
        (f"multipart/form-data; boundary={'B' * 5000}", FILE + END, "is not multipart/form-data"),
        ("multipart/form-data; boundary=B", KEY + END, "file: is required, as a file"),
        ("multipart/form-data; boundary=B", END, "file: is required, as a file"),
        (
            "multipart/form-data; boundary=B",
            FILE.replace(b'; filename="a.txt"', b"") + END,
            "file: is required, as a file",
        ),
        ("multipart/form-data; boundary=B", FILE + FILE + END, "file: stands there twice"),
        ("multipart/form-data; boundary=B", KEY * 21 + FILE + END, "more than 20 fields"),
        (
            "multipart/form-data; boundary=B",
            KEY.replace(b"a.txt", b"\xff\xfe") + FILE + END,
            "key: is not UTF-8",
        ),
        (
            "multipart/form-data; boundary=B",
            FILE.replace(b'"a.txt"', b'"\xff"') + END,
            "file: is not UTF-8",
        ),
        (
            "multipart/form-data; boundary=B",
            FILE.replace(b'"a.txt"', b'""') + END,
            "key: is required",
        ),
        ("multipart/form-data; boundary=B", b"--B\r\nno header\r\n\r\n", "is not multipart"),
        ("multipart/form-data; boundary=B", b"--B\r\nX: " + b"y" * 60_000, "is not multipart"),
        ("multipart/form-data; charset=undefined; boundary=B", KEY + END, "file: is required"),
    ],
)
async def test_a_body_that_is_no_upload_is_refused(
    house: House, content_type: str, body: bytes, reason: str
) -> None:
    job = await house.job()
    answer = await house.clara.post(
        f"{job['href']}/files", content=body, headers={"Content-Type": content_type}
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "Bad Request")
    assert reason in answer.json()["message"]
    assert await left_by(house) == NOTHING


# ---------------------------------------------------------------- too large


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 1000):
        yield b"x" * 1000


async def test_what_just_fits_is_taken(small: House) -> None:
    job = await small.job()
    for content in (b"x" * LIMIT, chunks(LIMIT)):
        answer = await small.clara.put(f"{job['href']}/files/a.txt", content=content)
        assert (answer.status_code, answer.json()["metadata"]["size"]) == (200, LIMIT)
    form = await send_file(small.clara, job["id"], b"x" * LIMIT, key="a.txt")
    assert form.status_code == 200


@pytest.mark.parametrize("size", [LIMIT + 1000, LIMIT + UPLOAD_OVERHEAD_BYTES + 1000])
async def test_what_is_too_large_is_413_whether_it_says_so_or_not(small: House, size: int) -> None:
    job = await small.job()
    href = f"{job['href']}/files/a.txt"
    answers = (
        await small.clara.put(href, content=b"x" * size),
        await small.clara.put(href, content=chunks(size)),
        await send_file(small.clara, job["id"], b"x" * size, key="a.txt"),
    )
    for answer in answers:
        assert (answer.status_code, answer.json()["error"]) == (413, "Content Too Large")
        assert "bytes" in answer.json()["message"]
    assert await left_by(small) == NOTHING


async def test_what_says_that_it_is_too_large_is_refused_before_it_comes(small: House) -> None:
    job = await small.job()
    head = (
        f"PUT /api/jobconfigs/{job['id']}/files/a.txt HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: {small.clara.headers['Authorization']}\r\n"
        f"Content-Length: {10**12}\r\n\r\n"
    )
    port = int(small.server.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode())
    async with asyncio.timeout(60):
        status = await reader.readline()
    writer.close()
    assert status.startswith(b"HTTP/1.1 413 ")
    assert await left_by(small) == NOTHING


async def test_who_may_not_upload_sends_nothing(house: House) -> None:
    job = await house.job()
    for client, status in ((house.anonymous, 401), (house.max, 403), (house.mallory, 404)):
        answer = await send_file(client, job["id"], PACKAGE, key="a.zip")
        assert answer.status_code == status
        large = await client.put(f"{job['href']}/files/a.zip", content=b"x" * 3_000_000)
        assert large.status_code == status
    assert await left_by(house) == NOTHING


async def test_a_job_that_does_not_exist_takes_no_file(house: House) -> None:
    for job_id in ("999999", "x", "0"):
        answer = await send_file(house.clara, job_id, PACKAGE, key="a.zip")
        assert (answer.status_code, answer.json()) == (404, MISSING)
    assert await left_by(house) == NOTHING


async def test_an_upload_that_breaks_off_leaves_nothing(house: House) -> None:
    job = await house.job()
    uploads = house.server.context.settings.data_dir / "uploads"

    async def half() -> AsyncIterator[bytes]:
        yield b"x" * 2_000_000
        async with asyncio.timeout(60):
            while not list(uploads.glob("*/upload")):
                await asyncio.sleep(0.01)
        raise ConnectionAbortedError

    with pytest.raises((ConnectionAbortedError, httpx.TransportError)):
        await house.clara.put(f"{job['href']}/files/a.txt", content=half())
    async with asyncio.timeout(60):
        while list(uploads.iterdir()):
            await asyncio.sleep(0.01)
    assert await left_by(house) == NOTHING
