"""What a sandbox uses at this moment, seen from the outside through its own /proc."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
from dataclasses import dataclass

_MEMORY = re.compile(rb"^(?:RssAnon|RssShmem):\s+(\d+) kB$", re.MULTILINE)
_SHARES = re.compile(rb"^Pss_(Anon|Shmem):\s+(\d+) kB$", re.MULTILINE)
_THREADS = re.compile(rb"^Threads:\s+(\d+)$", re.MULTILINE)
_INODE_BYTES = 1024
_TICKS = os.sysconf("SC_CLK_TCK")
_GONE = (FileNotFoundError, ProcessLookupError)


@dataclass(frozen=True, slots=True)
class ProcessUsage:
    """Sums over all processes of a sandbox. `tasks` are threads, `unlinked_bytes` files without a
    name that somebody still holds open.
    """

    memory_bytes: int
    tasks: int
    cpu_seconds: float
    unlinked_bytes: int


def measure_processes(*, proc: int, tmp: int, memory_limit: int) -> ProcessUsage:
    """Measures through `proc`, an open /proc of the sandbox, and `tmp`, its open /tmp.

    Memory is what nobody else can be charged for: anonymous and shared memory, and the files in
    /tmp. Forked processes share pages, which the quick sum counts for each of them; only when
    that sum passes `memory_limit` is the exact (slow) one made.
    """
    pids = [name for name in os.listdir(proc) if name.isdigit()]
    filesystem = os.fstatvfs(tmp)
    temporary = (filesystem.f_blocks - filesystem.f_bfree) * filesystem.f_frsize
    # Names without content take the kernel's memory too.
    temporary += (filesystem.f_files - filesystem.f_ffree) * _INODE_BYTES
    memory = temporary
    tasks = 0
    cpu = 0.0
    for pid in pids:
        status = _read(f"{pid}/status", proc)
        memory += 1024 * sum(int(size) for size in _MEMORY.findall(status))
        tasks += sum(int(count) for count in _THREADS.findall(status))
        cpu += _cpu_seconds(_read(f"{pid}/stat", proc))
    if memory > memory_limit:
        memory = int(min(memory, _exact_memory(pids, proc=proc, temporary=temporary)))
    return ProcessUsage(
        memory_bytes=memory,
        tasks=tasks,
        cpu_seconds=cpu,
        unlinked_bytes=_unlinked_bytes(pids, proc=proc, tmp_device=os.fstat(tmp).st_dev),
    )


def _exact_memory(pids: list[str], *, proc: int, temporary: int) -> float:
    """Every page once; infinite where the kernel (before 5.4) does not tell.

    A file of /tmp that is also mapped is in both figures for shared memory: the larger counts.
    """
    sizes = {b"Anon": 0, b"Shmem": 0}
    told = False
    for pid in pids:
        for kind, size in _SHARES.findall(_read(f"{pid}/smaps_rollup", proc)):
            sizes[kind] += int(size) * 1024
            told = True
    return sizes[b"Anon"] + max(sizes[b"Shmem"], temporary) if told else float("inf")


def _cpu_seconds(line: bytes) -> float:
    """Of a process and its children that it has waited for."""
    fields = line.rpartition(b")")[2].split()  # the name before it may hold anything
    return sum(int(field) for field in fields[11:15]) / _TICKS


def _unlinked_bytes(pids: list[str], *, proc: int, tmp_device: int) -> int:
    """Files on the disk that have no name any more, which no walk through the folders finds.

    Beyond every limit where a process hides what it has open. It can, from a server that is not
    root, by running a program that its user may execute but not read.
    """
    found: dict[tuple[int, int], int] = {}
    for pid in pids:
        files = _open_files(pid, proc)
        if files is None:
            return sys.maxsize
        for status in files:
            on_disk = stat.S_ISREG(status.st_mode) and status.st_dev != tmp_device
            if on_disk and status.st_nlink == 0:
                found[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(found.values())


def _open_files(pid: str, proc: int) -> list[os.stat_result] | None:
    """None where a living process hides them; one that is ending is closed to us too."""
    found: list[os.stat_result] = []
    try:
        folder = os.open(f"{pid}/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=proc)
    except _GONE:
        return found
    except PermissionError:
        return None if _MEMORY.search(_read(f"{pid}/status", proc)) else found
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(*_GONE):  # closed meanwhile
                    found.append(os.stat(entry.name, dir_fd=folder))
    except _GONE:
        pass  # the process ended meanwhile, and its files are closed
    finally:
        os.close(folder)
    return found


def _read(name: str, proc: int) -> bytes:
    """A file of /proc; empty where its process has ended."""
    try:
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
    except _GONE:
        return b""
    try:
        parts: list[bytes] = []
        while part := os.read(fd, 65536):
            parts.append(part)
        return b"".join(parts)
    except _GONE:
        return b""
    finally:
        os.close(fd)
