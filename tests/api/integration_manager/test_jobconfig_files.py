"""Files of a job: uploaded, listed, read, replaced, deleted."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest

from api.integration_manager.house import HELLO, MISSING, House, send_file
from fixtures.jobs import package_bytes
from treadle.jobs.files import MAX_FILES

PACKAGE = package_bytes(hello=HELLO)
ODD_NAMES = (
    "two words.txt",
    "100% #1?.txt",
    "a+b&c=d;e.txt",
    "Größe 漢字 🦉.txt",
    "quote'\"d.txt",
    "x" * 251 + ".txt",
    "entrypoints",
    "%2e%2e%2f.txt",
)


async def test_an_upload_comes_back_byte_for_byte(house: House) -> None:
    job = await house.job()
    content = hashlib.shake_256(b"seed").digest(3_000_000)
    body = (await house.upload(job, content, key="data.bin")).json()
    assert body == {
        "name": "data.bin",
        "href": f"{job['href']}/files/data.bin",
        "metadata": {"size": len(content), "lastModified": body["metadata"]["lastModified"]},
    }
    answer = await house.mia.get(body["href"])
    assert answer.content == content
    assert answer.headers["content-length"] == str(len(content))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"data.bin\"; filename*=UTF-8''data.bin"
    )
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_an_upload_without_a_key_has_its_files_name(house: House) -> None:
    job = await house.job()
    answer = await send_file(house.clara, job["id"], b"text", filename="notes.txt")
    assert answer.json()["name"] == "notes.txt"
    # As old browsers and the tutorial write it.
    path = await send_file(house.clara, job["id"], b"text", filename="C:\\packages\\more.txt")
    assert path.json()["name"] == "more.txt"


async def test_the_key_goes_before_the_files_name(house: House) -> None:
    job = await house.job()
    answer = await send_file(house.clara, job["id"], b"x", key="a.txt", filename="b.txt")
    assert answer.json()["name"] == "a.txt"
    empty = await send_file(house.clara, job["id"], b"x", key="", filename="b.txt")
    assert empty.json()["name"] == "b.txt"


async def test_the_order_of_the_fields_and_other_ones_do_not_matter(house: House) -> None:
    job = await house.job()
    body = (
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="x.bin"\r\n'
        b"Content-Type: application/zip\r\n\r\none\r\n--not the boundary\r\ntwo\r\n"
        b'--B\r\nContent-Disposition: form-data; name="note"\r\n\r\nignored\r\n'
        b'--B\r\nContent-Disposition: form-data; name="other"; filename="y"\r\n\r\nignored\r\n'
        b'--B\r\nContent-Disposition: form-data; name="key"\r\n\r\nlast.bin\r\n--B--\r\n'
    )
    answer = await house.clara.post(
        f"{job['href']}/files",
        content=body,
        headers={"Content-Type": 'multipart/form-data; boundary="B"'},
    )
    assert answer.json()["name"] == "last.bin"
    content = (await house.mia.get(f"{job['href']}/files/last.bin")).content
    assert content == b"one\r\n--not the boundary\r\ntwo"


@pytest.mark.parametrize("step", [1, 7, 1000])
async def test_the_boundary_may_stand_in_the_body_alone(house: House, step: int) -> None:
    job = await house.job()
    body = (
        b'--guess\r\nContent-Disposition: form-data; name="key"\r\n\r\na.txt\r\n'
        b'--guess\r\nContent-Disposition: form-data; name="file"; filename="C:\\a.txt"\r\n\r\n'
        b"text\r\n--guess--\r\n"
    )

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), step):
            yield body[start : start + step]

    answer = await house.clara.post(
        f"{job['href']}/files", content=pieces(), headers={"Content-Type": "multipart/form-data"}
    )
    assert (answer.status_code, answer.json()["name"]) == (200, "a.txt")
    assert (await house.mia.get(answer.json()["href"])).content == b"text"


async def test_an_empty_file_is_a_file(house: House) -> None:
    job = await house.job()
    body = (await house.upload(job, b"", key="empty.txt")).json()
    assert body["metadata"]["size"] == 0
    answer = await house.mia.get(body["href"])
    assert (answer.status_code, answer.content) == (200, b"")


async def test_a_put_takes_the_bytes_or_a_form(house: House) -> None:
    job = await house.job()
    href = f"{job['href']}/files/notes.txt"
    raw = await house.clara.put(href, content=b"raw")
    assert (raw.status_code, raw.json()["name"]) == (200, "notes.txt")
    assert (await house.mia.get(href)).content == b"raw"
    form = await house.clara.put(href, data={"key": "other"}, files={"file": ("x", b"form")})
    assert (form.status_code, form.json()["href"]) == (200, href)
    assert (await house.mia.get(href)).content == b"form"
    nothing = await house.clara.put(href)
    assert nothing.json()["metadata"]["size"] == 0
    assert len((await house.mia.get(f"{job['href']}/files")).json()) == 1


async def test_an_upload_replaces_the_file_of_its_name(house: House) -> None:
    job = await house.job()
    first = (await house.upload(job, b"one", key="a.txt")).json()
    second = (await house.upload(job, b"other", key="a.txt")).json()
    assert second["metadata"]["size"] == 5
    assert second["metadata"]["lastModified"] >= first["metadata"]["lastModified"]
    assert (await house.mia.get(second["href"])).content == b"other"


async def test_files_are_listed_by_name(house: House) -> None:
    job = await house.job()
    made = [(await house.upload(job, b"x", key=key)).json() for key in ("b.txt", "a.txt", "c.txt")]
    listed = (await house.mia.get(f"{job['href']}/files")).json()
    assert listed == sorted(made, key=lambda file: file["name"])
    assert (await house.mia.get(f"{(await house.job())['href']}/files")).json() == []


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_the_address_of_a_file_leads_to_it_whatever_its_name(house: House, name: str) -> None:
    job = await house.job()
    body = (await house.upload(job, name.encode(), key=name)).json()
    assert body["name"] == name
    assert body["href"] == f"{job['href']}/files/{quote(name, safe='')}"
    answer = await house.mia.get(body["href"])
    assert answer.content == name.encode()
    disposition = answer.headers["content-disposition"]
    assert disposition.endswith(f"; filename*=UTF-8''{quote(name, safe='')}")
    assert disposition.count('"') == 2
    assert (await house.clara.put(body["href"], content=b"new")).json()["name"] == name
    assert (await house.clara.delete(body["href"])).status_code == 204
    assert (await house.mia.get(body["href"])).json() == MISSING


async def test_a_package_says_what_it_can_begin_with(house: House) -> None:
    job = await house.job()
    await house.upload(job, PACKAGE)
    answer = await house.mia.get(f"{job['href']}/files/entrypoints/package.zip")
    assert answer.json() == {
        "packageName": "package.zip",
        "entryPoints": ["hello.main", "hello.other"],
    }
    await house.upload(job, b"def go(): ...\n", key="one file.py")
    single = await house.mia.get(f"{job['href']}/files/entrypoints/one%20file.py")
    assert single.json()["packageName"] == "one file.py"
    await house.upload(job, b"text", key="notes.txt")
    plain = await house.mia.get(f"{job['href']}/files/entrypoints/notes.txt")
    assert (plain.status_code, plain.json()["message"]) == (400, "notes.txt is not a package")
    absent = await house.mia.get(f"{job['href']}/files/entrypoints/absent.zip")
    assert (absent.status_code, absent.json()) == (404, MISSING)


async def test_a_deleted_file_is_gone(house: House) -> None:
    job = await house.job()
    body = (await house.upload(job, b"text", key="a.txt")).json()
    answer = await house.clara.delete(body["href"])
    assert (answer.status_code, answer.content) == (204, b"")
    for method in ("GET", "DELETE"):
        again = await house.clara.request(method, body["href"])
        assert (again.status_code, again.json()) == (404, MISSING)


async def test_a_file_that_is_used_elsewhere_stays_there(house: House) -> None:
    one, two = await house.job(), await house.job()
    first = (await house.upload(one, b"same", key="a.txt")).json()
    second = (await house.upload(two, b"same", key="b.txt")).json()
    await house.clara.delete(first["href"])
    assert (await house.mia.get(second["href"])).content == b"same"


async def test_a_file_that_the_storage_lost_is_404(house: House) -> None:
    job = await house.job()
    body = (await house.upload(job, b"text", key="a.txt")).json()
    for path in (house.server.context.settings.data_dir / "files").rglob("*"):
        if path.is_file():
            path.unlink()
    answer = await house.mia.get(body["href"])
    assert (answer.status_code, answer.json()) == (404, MISSING)


async def test_a_job_has_only_so_many_files(house: House) -> None:
    job = await house.job()
    for number in range(MAX_FILES - 1):
        await house.upload(job, b"same", key=f"{number}.txt")
    answers = await asyncio.gather(
        *(send_file(house.clara, job["id"], b"same", key=f"more {n}.txt") for n in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    listed = (await house.mia.get(f"{job['href']}/files")).json()
    assert len(listed) == MAX_FILES
    replaced = await send_file(house.clara, job["id"], b"new", key="0.txt")
    assert replaced.status_code == 200
    refused = await send_file(house.clara, job["id"], b"one that is stored nowhere", key="x.txt")
    assert refused.status_code == 409
    async with house.server.context.database.system() as tx:
        assert await tx.fetchval("SELECT count(*) FROM stored_packages") == 2


async def test_the_same_content_at_the_same_time_is_stored_once(house: House) -> None:
    jobs = [await house.job() for _ in range(6)]
    content = hashlib.shake_256(b"same").digest(2_000_000)
    answers = await asyncio.gather(
        *(send_file(house.clara, job["id"], content, key="a.bin") for job in jobs)
    )
    assert {answer.status_code for answer in answers} == {200}
    for answer in answers:
        assert (await house.mia.get(answer.json()["href"])).content == content
    async with house.server.context.database.system() as tx:
        assert await tx.fetchval("SELECT count(*) FROM stored_packages") == 1


async def test_who_has_the_bytes_gets_none(house: House) -> None:
    job = await house.job()
    sent = await send_file(house.clara, job["id"], b"bytes", key="a.bin")
    href = sent.json()["href"]
    tag = f'"{hashlib.sha256(b"bytes").hexdigest()}"'
    first = await house.mia.get(href)
    assert (first.content, first.headers["etag"]) == (b"bytes", tag)
    same = await house.mia.get(href, headers={"If-None-Match": f'"other", {tag}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    other = await house.mia.get(href, headers={"If-None-Match": '"other"'})
    assert (other.status_code, other.content) == (200, b"bytes")


async def test_no_transaction_is_open_while_a_slow_client_sends(house: House) -> None:
    job = await house.job()
    uploads: Path = house.server.context.settings.data_dir / "uploads"

    async def slowly() -> AsyncIterator[bytes]:
        yield b"x" * 2_000_000  # more than one buffer: the first of it is on the disk then
        async with asyncio.timeout(60), house.server.context.database.system() as tx:
            while not any(path.stat().st_size for path in uploads.glob("*/upload")):
                await asyncio.sleep(0.01)
            others = await tx.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND xact_start IS NOT NULL AND pid <> pg_backend_pid()"
                " AND backend_type = 'client backend'"
            )
            assert others == 0
        yield b"the end"

    answer = await house.clara.put(f"{job['href']}/files/a.bin", content=slowly())
    assert answer.json()["metadata"]["size"] == 2_000_007


async def test_nothing_of_an_upload_stays_where_it_was_received(house: House) -> None:
    job = await house.job()
    await house.upload(job, PACKAGE)
    assert list((house.server.context.settings.data_dir / "uploads").iterdir()) == []


async def test_what_a_killed_process_left_goes_a_day_later(house: House) -> None:
    uploads: Path = house.server.context.settings.data_dir / "uploads"
    for name, age in (("old", 25), ("young", 23)):
        (uploads / name).mkdir(parents=True)
        (uploads / name / "upload").write_bytes(b"half of it")
        changed = house.server.context.clock().timestamp() - age * 3600
        os.utime(uploads / name, (changed, changed))
    await house.upload(await house.job(), PACKAGE)
    assert [path.name for path in uploads.iterdir()] == ["young"]
