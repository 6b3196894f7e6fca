"""Code that takes more than it may, and what becomes of it."""

from __future__ import annotations

import pytest

from sandbox.conftest import Ground

MEBIBYTE = 1024 * 1024


async def test_one_process_gets_no_more_memory_than_the_limit(ground: Ground) -> None:
    ran = await ground.run(
        "def main():\n    return len(bytearray(300 * 1024 * 1024))\n",
        limits={"memory_bytes": 128 * MEBIBYTE},
    )
    assert (ran.outcome.kind, ran.outcome.error_type) == ("error", "MemoryError")
    assert "MemoryError" in ran.output


async def test_many_children_do_not_get_more_memory_together(ground: Ground) -> None:
    ran = await ground.run(
        """
import os, signal

def main():
    for _ in range(8):
        if os.fork() == 0:
            kept = bytearray(os.urandom(1)) * (60 * 1024 * 1024)
            signal.pause()
    signal.pause()
""",
        limits={"memory_bytes": 128 * MEBIBYTE},
    )
    assert (ran.outcome.kind, ran.outcome.reason) == ("failed", "memory"), ran.output
    assert ran.outcome.max_memory_bytes > 128 * MEBIBYTE


async def test_shared_memory_counts(ground: Ground) -> None:
    ran = await ground.run(
        """
import mmap, signal

def main():
    shared = mmap.mmap(-1, 200 * 1024 * 1024)
    for offset in range(0, len(shared), 4096):
        shared[offset] = 1
    signal.pause()
""",
        limits={"memory_bytes": 128 * MEBIBYTE},
    )
    assert (ran.outcome.kind, ran.outcome.reason) == ("failed", "memory"), ran.output


async def test_memory_that_forked_children_share_counts_once(ground: Ground) -> None:
    """Six processes that show 80 MB each, which are the same 80 MB; one look suffices to kill."""
    ran = await ground.run(
        """
import os, select

def main(seconds):
    kept = bytearray(os.urandom(1)) * (80 * 1024 * 1024)
    out, into = os.pipe()
    for _ in range(6):
        if os.fork() == 0:
            os.close(into)
            os.read(out, 1)
            os._exit(0)
    select.select([], [], [], seconds)  # several looks long
    return "fine"
""",
        input={"seconds": 0.8},
        limits={"memory_bytes": 256 * MEBIBYTE},
    )
    assert ran.outcome.result == "fine", ran.outcome
    assert 80 * MEBIBYTE < ran.outcome.max_memory_bytes < 256 * MEBIBYTE


async def test_temporary_files_in_memory_are_bounded(ground: Ground) -> None:
    ran = await ground.run(
        """
import errno

def fill(path):
    written = 0
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                written += file.write(b"x" * 1024 * 1024)
        except OSError as error:
            return [written, error.errno == errno.ENOSPC]

def main():
    return [fill("/tmp/file"), fill("/dev/shm/other")]
""",
        limits={"memory_bytes": 128 * MEBIBYTE},
    )
    assert ran.outcome.result == [[64 * MEBIBYTE, True], [0, True]], ran.output


async def test_temporary_files_count_as_memory(ground: Ground) -> None:
    ran = await ground.run(
        """
import os, signal

def main():
    with open("/tmp/file", "wb") as file:
        file.write(b"x" * (60 * 1024 * 1024))
    kept = bytearray(os.urandom(1)) * (100 * 1024 * 1024)
    signal.pause()
""",
        limits={"memory_bytes": 128 * MEBIBYTE},
    )
    assert (ran.outcome.kind, ran.outcome.reason) == ("failed", "memory"), ran.output


async def test_temporary_files_without_content_count_too(ground: Ground) -> None:
    ran = await ground.run(
        """
import itertools

def main():
    for number in itertools.count():
        open(f"/tmp/{number}", "x").close()
""",
        limits={"memory_bytes": 48 * MEBIBYTE},
    )
    assert (ran.outcome.kind, ran.outcome.reason) == ("failed", "memory"), ran.output


async def test_a_fork_bomb_stays_within_its_limit(ground: Ground) -> None:
    ran = await ground.run(
        """
import os, time

def main():
    most = 0
    while True:
        try:
            if os.fork() == 0:
                continue
        except BlockingIOError:
            count = sum(name.isdigit() for name in os.listdir("/proc"))
            if count > most:
                most = count
                print("processes", count, flush=True)
""",
        limits={"processes": 20, "wall_seconds": 2},
        grace_seconds=0,
    )
    assert (ran.outcome.kind, ran.outcome.reason) == ("failed", "timeout"), ran.output[-500:]
    counts = [int(line.split()[1]) for line in ran.output.splitlines() if line.count(" ") == 1]
    assert counts
    assert max(counts) == 21  # with process 1, which is not the code's


async def test_threads_count_as_processes(ground: Ground) -> None:
    ran = await ground.run(
        """
import threading

def main():
    started = 0
    done = threading.Event()
    try:
        while True:
            threading.Thread(target=done.wait).start()
            started += 1
    except RuntimeError:
        done.set()
    return started
""",
        limits={"processes": 10},
    )
    assert ran.outcome.result == 9, ran.output


async def test_a_file_cannot_grow_beyond_its_limit(ground: Ground) -> None:
    ran = await ground.run(
        "def main():\n    open('/output/big', 'wb').write(b'x' * 5_000_000)\n",
        limits={"file_bytes": 1_000_000},
    )
    assert (ran.outcome.kind, ran.outcome.error_type) == ("error", "OSError")
    assert (ran.output_dir / "big").stat().st_size == 1_000_000


FILL = """
import itertools, os

def main(name, unlink):
    files = []
    for number in itertools.count():
        files.append(open(name.format(number), "wb", buffering=0))
        if unlink:
            os.unlink(files[-1].name)
        for _ in range(10):
            files[-1].write(b"x" * 100_000)
        os.fdatasync(files[-1].fileno())
"""


async def test_the_folders_cannot_grow_beyond_their_limit(ground: Ground) -> None:
    for folder in ("/work", "/output"):
        ran = await ground.run(
            FILL,
            input={"name": folder + "/file-{}", "unlink": False},
            limits={"disk_bytes": 20_000_000, "open_files": 4096},
        )
        assert (ran.outcome.kind, ran.outcome.reason) == ("failed", "disk"), ran.output


async def test_files_without_a_name_count_too(ground: Ground) -> None:
    ran = await ground.run(
        FILL,
        input={"name": "/work/file-{}", "unlink": True},
        limits={"disk_bytes": 20_000_000, "open_files": 4096},
    )
    assert (ran.outcome.kind, ran.outcome.reason) == ("failed", "disk"), ran.output


@pytest.mark.parametrize("program", [False, True])
async def test_a_process_cannot_hide_what_it_holds(ground: Ground, program: bool) -> None:
    """Neither by asking the kernel nor by being a program that cannot be read."""
    ran = await ground.run(
        """
import ctypes, os, shutil, signal, subprocess

def main(program):
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
    files = []
    for number in range(3):
        file = open(f"/work/{number}", "wb", buffering=0)
        os.unlink(file.name)
        file.write(b"x" * 5_000_000)
        os.set_inheritable(file.fileno(), True)
        files.append(file)
    if program:
        shutil.copy("/bin/sleep", "/work/sleep")
        os.chmod("/work/sleep", 0o111)
        os.execv("/work/sleep", ["sleep", "600"])
    signal.pause()
""",
        input={"program": program},
        limits={"disk_bytes": 1_000_000, "file_bytes": 8_000_000},
    )
    assert (ran.outcome.kind, ran.outcome.reason) == ("failed", "disk"), ran.output


async def test_what_is_written_at_the_very_end_counts(ground: Ground) -> None:
    """A run that is over before the first look."""
    ran = await ground.run(
        "def main():\n    open('/output/big', 'wb').write(b'x' * 5_000_000)\n",
        limits={"disk_bytes": 1_000_000},
    )
    assert (ran.outcome.kind, ran.outcome.reason) == ("failed", "disk")


async def test_folders_that_are_closed_to_the_host_hide_nothing(ground: Ground) -> None:
    ran = await ground.run(
        """
import os, signal

def main():
    os.makedirs("/work/a/b")
    open("/work/a/b/big", "wb").write(b"x" * 5_000_000)
    for path in ("/work/a/b", "/work/a", "/work", "/output"):
        os.chmod(path, 0)
    signal.pause()
""",
        limits={"disk_bytes": 1_000_000},
        remove=True,
    )
    assert (ran.outcome.kind, ran.outcome.reason) == ("failed", "disk"), ran.output
    assert not ran.work_dir.exists()
    assert not ran.output_dir.exists()


async def test_too_many_files_end_the_run(ground: Ground) -> None:
    ran = await ground.run(
        """
import itertools, os

def main():
    for number in itertools.count():
        os.symlink("/etc/passwd", f"/output/{number}")
""",
        limits={"disk_files": 500},
    )
    assert (ran.outcome.kind, ran.outcome.reason) == ("failed", "disk"), ran.output


async def test_folders_in_folders_without_end_end_the_run_and_can_be_removed(
    ground: Ground,
) -> None:
    ran = await ground.run(
        """
import os

def main():
    while True:
        os.mkdir("d")
        os.chdir("d")
""",
        remove=True,
    )
    assert (ran.outcome.kind, ran.outcome.reason) == ("failed", "disk"), ran.output
    assert not ran.work_dir.exists()


async def test_holes_in_a_file_are_free(own_ground: Ground) -> None:
    ran = await own_ground.run(
        "def main():\n    open('/output/sparse', 'wb').truncate(500_000_000)\n    return 'fine'\n",
        limits={"disk_bytes": 1_000_000},
    )
    assert ran.outcome.result == "fine", ran.outcome


async def test_processor_time_is_bounded(ground: Ground) -> None:
    ran = await ground.run(
        "def main():\n    while True:\n        pass\n", limits={"cpu_seconds": 1}
    )
    assert (ran.outcome.kind, ran.outcome.reason) == ("failed", "cpu"), ran.output
    assert ran.outcome.cpu_seconds > 0


async def test_processor_time_of_short_lived_children_counts(ground: Ground) -> None:
    """Each of them stays below what the kernel looks at."""
    ran = await ground.run(
        """
import os

def main():
    while True:
        if os.fork() == 0:
            sum(range(3_000_000))
            os._exit(0)
        os.wait()
""",
        limits={"cpu_seconds": 1},
    )
    assert (ran.outcome.kind, ran.outcome.reason) == ("failed", "cpu"), ran.output


async def test_open_files_are_bounded(own_ground: Ground) -> None:
    ran = await own_ground.run(
        "def main():\n    files = [open('/dev/null') for _ in range(100)]\n",
        limits={"open_files": 50},
    )
    assert (ran.outcome.kind, ran.outcome.error_type) == ("error", "OSError")
    assert "Too many open files" in (ran.outcome.error or "")
