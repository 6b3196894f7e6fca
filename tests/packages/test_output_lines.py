from __future__ import annotations

from pathlib import Path

from treadle.packages.output_lines import OutputLines


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    async def __call__(self, line: str) -> None:
        self.lines.append(line)


async def test_lines_are_put_together_from_chunks() -> None:
    log = Log()
    lines = OutputLines(log, hidden=())
    for chunk in (b"one\ntw", b"", b"o\r\n", b"caf\xc3", b"\xa9\nthree"):
        await lines.feed(chunk)
    assert log.lines == ["one", "two", "caf\u00e9"]
    await lines.close()
    await lines.close()

    assert log.lines == lines.last == ["one", "two", "caf\u00e9", "three"]


async def test_paths_of_the_machine_are_hidden() -> None:
    log = Log()
    lines = OutputLines(log, hidden=(Path("/srv/cache"), Path("/srv/cache/envs/t1")))
    await lines.feed(b"at /srv/cache/envs/t1/x and /srv/cache/uv\n")

    assert log.lines == ["at …/x and …/uv"]


async def test_endless_line_and_endless_output_are_bounded() -> None:
    log = Log()
    lines = OutputLines(log, hidden=())
    await lines.feed(b"x" * 100_000)
    assert max(map(len, log.lines)) == 8 * 1024
    await lines.feed(b"\n" * 1_000)

    assert len(lines.last) == 60
