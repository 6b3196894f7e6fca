"""What a run left: its log, its result, its files."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from api.integration_manager.house import MISSING, House
from treadle.core.json import Json
from treadle.jobs import attempts
from treadle.jobs.attempt_store import Ending
from treadle.jobs.files import output_key
from treadle.jobs.model import RunFile
from treadle.jobs.states import AttemptOutcome

PATHS = (
    "report.md",
    "parts/two words.csv",
    "100% #1?.txt",
    "a+b&c=d;e/f.txt",
    "Größe/漢字 🦉.txt",
    "quote'\"d.txt",
    "deep/" * 20 + "end",
    "%2e%2e%2fescaped",
    "...",
    " blank ",
)


async def ended_run(
    house: House, *, result: Json = None, paths: tuple[str, ...] = (), log: str = ""
) -> dict[str, Any]:
    """A run that has ended with all this."""
    body = await house.run(await house.packaged())
    workshop = house.workshop()
    run = await workshop.begin(await house.stored(body))
    left: list[RunFile] = []
    for number, path in enumerate(paths):
        key = output_key(run.tenant_id, run.id, attempt=run.attempt, number=number)
        await workshop.context.storage.put_bytes(key, path.encode())
        left.append(RunFile(path, run.attempt, number, len(path.encode())))
    now = workshop_now(house)
    await attempts.end(
        workshop.database,
        workshop.context,
        run,
        Ending(AttemptOutcome.FINISHED, result=result, return_code=0),
        log_tail=log,
        files=left,
        now=now,
    )
    return body


def workshop_now(house: House) -> Any:
    return house.server.context.clock()


async def test_a_run_shows_what_it_left(house: House) -> None:
    run = await ended_run(house, result={"n": [1, None, "é"]}, paths=("b.txt", "a/c.txt"))
    out = (await house.max.get(f"{run['href']}/out")).json()
    assert out == {
        "result": {"n": [1, None, "é"]},
        "files": [
            {"name": "a/c.txt", "href": f"{run['href']}/out/files/a/c.txt", "size": 7},
            {"name": "b.txt", "href": f"{run['href']}/out/files/b.txt", "size": 5},
        ],
    }
    assert (await house.max.get(f"{run['href']}/out/files")).json() == out["files"]


async def test_a_run_that_has_not_ended_has_left_nothing(house: House) -> None:
    run = await house.run(await house.packaged())
    assert (await house.max.get(f"{run['href']}/out")).json() == {"result": None, "files": []}
    assert (await house.max.get(f"{run['href']}/log")).text == ""


async def test_results_of_every_kind_come_back_as_they_were(house: House) -> None:
    for result in (None, True, 0, -1.5, "text", [], {}, [[{"a": {}}]], 2**53 + 1, "\u0001"):
        run = await ended_run(house, result=result)
        assert (await house.max.get(f"{run['href']}/out")).json()["result"] == result


async def test_the_address_of_a_file_leads_to_it_whatever_its_name(house: House) -> None:
    run = await ended_run(house, paths=PATHS)
    files = (await house.max.get(f"{run['href']}/out/files")).json()
    assert {file["name"] for file in files} == set(PATHS)
    for file in files:
        assert file["href"] == f"{run['href']}/out/files/{quote(file['name'])}"
        answer = await house.max.get(file["href"])
        assert answer.content.decode() == file["name"]
        assert answer.headers["content-type"] == "application/octet-stream"
        last = quote(file["name"].rpartition("/")[2], safe="")
        disposition = answer.headers["content-disposition"]
        assert disposition.startswith("attachment; filename=")
        assert disposition.endswith(f"; filename*=UTF-8''{last}")
        assert "sandbox" in answer.headers["content-security-policy"]


async def test_a_path_that_the_run_did_not_leave_is_404(house: House) -> None:
    run = await ended_run(house, paths=("a/b.txt",))
    for path in (
        "c.txt",
        "a",
        "a/",
        "/a/b.txt",
        "a//b.txt",
        "A/b.txt",
        "x%2f..%2fa%2fb.txt",
        "%2e%2e/a/b.txt",
        "..%2f..%2fetc%2fpasswd",
        "%2fetc%2fpasswd",
        "a%5cb.txt",
        "%ff%fe",
        "x" * 2000,
    ):
        answer = await house.max.get(f"{run['href']}/out/files/{path}")
        assert answer.status_code == 404, path
        assert answer.json()["status"] == 404
    assert (await house.max.get(f"{run['href']}/out/files/a%2Fb.txt")).status_code == 200
    assert (await house.max.get(f"{run['href']}/out/files/a%00b")).status_code == 400


async def test_a_file_that_the_storage_lost_is_404(house: House) -> None:
    run = await ended_run(house, paths=("a.txt",))
    stored = await house.stored(run)
    key = output_key(stored.tenant_id, stored.id, attempt=1, number=0)
    await house.server.context.storage.delete(key)
    answer = await house.max.get(f"{run['href']}/out/files/a.txt")
    assert (answer.status_code, answer.json()) == (404, MISSING)


async def test_a_log_is_text_however_long_it_is(house: House) -> None:
    body = await house.run(await house.packaged())
    workshop = house.workshop()
    run = await workshop.begin(await house.stored(body))
    pieces = [f"{number}: {'é' * 20_000}\n" for number in range(100)]  # four megabytes
    for piece in pieces:
        await attempts.append_log(workshop.database, run, piece, now=workshop_now(house))
    await workshop.end(run, log_tail="the end\n")
    answer = await house.max.get(f"{body['href']}/log")
    assert answer.text == "".join(pieces) + "the end\n"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
