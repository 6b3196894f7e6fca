"""As whom the code runs: two ways, by what the server itself is allowed to do."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from treadle.sandbox.errors import SandboxUnavailable

_NEEDED_AS_ROOT = {
    "CAP_CHOWN": 0,
    "CAP_KILL": 5,
    "CAP_SETGID": 6,
    "CAP_SETUID": 7,
    "CAP_NET_ADMIN": 12,
    "CAP_SYS_CHROOT": 18,
    "CAP_SYS_ADMIN": 21,
}

_FIRST_USER = 0x7000_0000
"""Below the 31st bit, above what distributions, containers and systemd give to anybody."""
_MAX_PIDS = 1 << 22
"""What the kernel allows for kernel.pid_max."""
_SMALL_FIRST_USER = 30_000
_SMALL_USERS = 30_000
_ID_MAPS = (Path("/proc/self/uid_map"), Path("/proc/self/gid_map"))
_COUNTED_BY_NAMESPACE = (5, 14)


def runs_as_root() -> bool:
    """Whether sandboxes are made with root's rights, each run under a user of its own.

    Else in a user namespace, by an ordinary user. Raises SandboxUnavailable for root without its
    rights, as in most containers: in a user namespace a run would still be root to the kernel,
    who owns /proc/sys and for whom limits do not count.
    """
    if os.geteuid() != 0:
        return False
    missing = missing_rights(Path("/proc/self/status").read_text())
    if missing:
        raise SandboxUnavailable(
            "the server runs as root, but without the rights to make sandboxes "
            f"({', '.join(missing)}): run it as an ordinary user, or give it these capabilities"
        )
    return True


def missing_rights(status: str) -> list[str]:
    """The capabilities that a process with this /proc/…/status lacks for making sandboxes."""
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    effective = int(found[1], 16) if found else 0
    return [name for name, bit in _NEEDED_AS_ROOT.items() if not effective >> bit & 1]


def run_user(pid: int, *, maps: Iterable[Path] = _ID_MAPS) -> int:
    """The user (and group) for the run whose bubblewrap is `pid`.

    A live process's number is nobody else's, so no two live runs of this machine share a user and
    its count of processes; no register, no lock, no leftovers. In a container that has only the
    usual 65,536 users the numbers repeat, and two runs may come to share one count: no wall between
    them falls, they see neither each other's processes nor files.
    """
    highest = min(_highest_id(path) for path in maps)
    if highest >= _FIRST_USER + _MAX_PIDS:
        return _FIRST_USER + pid
    if highest >= _SMALL_FIRST_USER + _SMALL_USERS:
        return _SMALL_FIRST_USER + pid % _SMALL_USERS
    raise SandboxUnavailable(
        f"the server runs as root of a container whose highest user number is {highest}; runs "
        "need users of their own: map at least 65,536 users, or run the server as a user"
    )


def process_limit_works(*, as_root: bool) -> bool:
    """Whether RLIMIT_NPROC counts the processes of one sandbox only.

    Before Linux 5.14 it counts, in a user namespace, all of the server user's processes: the
    watcher alone holds the limit then.
    """
    if as_root:
        return True
    release = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return release is not None and (int(release[1]), int(release[2])) >= _COUNTED_BY_NAMESPACE


def _highest_id(map_file: Path) -> int:
    """The last user of the first range, the one that has root."""
    first, _, count = map_file.read_text().split()[:3]
    return int(first) + int(count) - 1
