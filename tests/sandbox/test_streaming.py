"""What code prints: all of it, in order, as it comes, and no faster than it is taken."""

from __future__ import annotations

import asyncio
import hashlib

from sandbox import driver
from sandbox.conftest import Ground
from treadle.sandbox import Limits, run


async def test_both_streams_arrive_as_one_in_order(own_ground: Ground) -> None:
    ran = await own_ground.run(
        """
import os, subprocess, sys

def main():
    print("one")
    print("two", file=sys.stderr)
    sys.stdout.write("thr")
    sys.stdout.write("ee\\n")
    os.system("echo four; echo five >&2")
    subprocess.run([sys.executable, "-c", "print('six')"])
    print("no line end", end="")
"""
    )
    assert ran.output == "one\ntwo\nthree\nfour\nfive\nsix\nno line end"


async def test_lines_arrive_while_the_code_still_runs(own_ground: Ground) -> None:
    """The run ends only because its second line was seen."""
    ran = await own_ground.run(
        "import time\ndef main():\n    print('one')\n    print('two')\n    time.sleep(600)\n",
        stop_when="two\n",
    )
    assert (ran.outcome.reason, ran.output) == ("stopped", "one\ntwo\n")


async def test_everything_that_was_written_arrives(own_ground: Ground) -> None:
    """More than any pipe holds, from a process that ends at once, to a consumer that is slow."""
    request = own_ground.request(
        """
import os

def main():
    for number in range(20000):
        print(number, "x" * 200)
    os._exit(7)
"""
    )
    digest = hashlib.sha256()

    async def on_output(chunk: bytes) -> None:
        await asyncio.sleep(0)
        digest.update(chunk)

    outcome = await run(driver.command_of(request), Limits(wall_seconds=60), on_output=on_output)
    expected = "".join(f"{number} {'x' * 200}\n" for number in range(20000))
    assert outcome.exit_code == 7
    assert digest.digest() == hashlib.sha256(expected.encode()).digest()


async def test_code_waits_for_a_consumer_that_takes_nothing(own_ground: Ground) -> None:
    """It may fill the pipe, never the server's memory."""
    request = own_ground.request(
        """
def main():
    for _ in range(100):
        print("x" * 100_000)
    open("/output/done", "w").close()
"""
    )
    taken = 0
    release = asyncio.Event()

    async def on_output(chunk: bytes) -> None:
        nonlocal taken
        taken += len(chunk)
        await release.wait()

    command = driver.command_of(request)
    task = asyncio.create_task(run(command, Limits(wall_seconds=2), on_output=on_output))
    await asyncio.wait({task}, timeout=4)
    assert not task.done()  # the sandbox is dead by now, and what it wrote still waits
    release.set()
    outcome = await task
    assert outcome.reason == "timeout"
    assert taken < 1_000_000
    assert not (command.output_dir / "done").exists()


async def test_bytes_that_are_no_text_arrive_as_they_are(own_ground: Ground) -> None:
    request = own_ground.request("import os\ndef main():\n    os.write(1, bytes(range(256)))\n")
    output = bytearray()
    await run(driver.command_of(request), Limits(wall_seconds=60), on_output=output.extend)
    assert output == bytes(range(256))


async def test_closing_the_output_does_not_end_the_run(own_ground: Ground) -> None:
    ran = await own_ground.run(
        """
import os

def main():
    print("before")
    os.close(1)
    os.close(2)
    return "after"
"""
    )
    assert (ran.outcome.result, ran.output) == ("after", "before\n")
