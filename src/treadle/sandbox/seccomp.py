"""The system call filter of a sandbox: a BPF program, built here, installed by bubblewrap.

It is the second wall behind the namespaces: what code in a sandbox has no business with is refused
before the kernel's own (large, often attacked) implementation of it is reached.

- A call made for another architecture (32-bit, x32) kills the process: its numbers mean other
  calls.
- What makes namespaces, mounts, reads other processes, loads code into the kernel or reaches
  kernel keyrings fails with EPERM.
- Memory that no accounting of ours sees (memfd, System V IPC) and `clone3`, whose flags lie behind
  a pointer that BPF cannot follow, fail with ENOSYS: programs know that answer and fall back.
- Hiding from the watcher (`prctl(PR_SET_DUMPABLE, 0)`) seems to succeed and does nothing.
- By argument: no namespace flags to `clone`, no set-user-id bits on files, no characters pushed
  into a terminal, only unix, IP and netlink sockets (AF_VSOCK would reach the hypervisor).

Everything else is allowed: the filter is a list of the dangerous, not of the known.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from dataclasses import dataclass
from enum import IntEnum

from treadle.sandbox.errors import SandboxUnavailable

# struct seccomp_data { int nr; u32 arch; u64 instruction_pointer; u64 args[6]; }, little endian.
_NUMBER = 0
_ARCHITECTURE = 4
_ARGUMENTS = 16

_X32_BIT = 0x4000_0000
_CLONE_NAMESPACES = 0x7E02_0000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET."""
_TERMINAL_INPUT = (0x5412, 0x541C)
"""TIOCSTI, TIOCLINUX."""
_SOCKET_FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK (`getaddrinfo` lists the interfaces through it)."""
_SET_DUMPABLE = 4
"""PR_SET_DUMPABLE, the first argument of such a `prctl`."""
_PRIVILEGE_BITS = stat.S_ISUID | stat.S_ISGID


class _Code(IntEnum):
    """The BPF instructions that the filter is made of."""

    LOAD = 0x20  # A = the 32-bit word at offset k
    EQUAL = 0x15  # A == k: skip jt instructions, else jf
    AT_LEAST = 0x35  # A >= k
    ANY_BIT = 0x45  # A & k
    RETURN = 0x06


_ALLOW = 0x7FFF_0000
_KILL_PROCESS = 0x8000_0000


@dataclass(frozen=True, slots=True)
class Architecture:
    """The numbers of one machine type. `None`: this machine has no such call."""

    audit: int
    forbidden: tuple[int, ...]
    missing: tuple[int, ...]
    clone: int
    ioctl: int
    prctl: int
    socket: int
    mode_arguments: tuple[tuple[int, int], ...]
    """(call, index of its `mode` argument) of what sets a file's mode."""


# Numbers from 424 on are the same on every machine.
_FORBIDDEN_EVERYWHERE = (
    *(425, 426, 427),  # io_uring_setup, _enter, _register: calls that the filter would not see
    *(428, 429, 430, 431, 432, 433, 442, 467),  # open_tree, move_mount, fs*, mount_setattr, …
    *(438, 448),  # pidfd_getfd, process_mrelease
    443,  # quotactl_fd
)
_MISSING_EVERYWHERE = (
    435,  # clone3
    437,  # openat2: its mode is behind a pointer
    447,  # memfd_secret
    452,  # fchmodat2: the C library falls back to fchmodat, which is filtered
)

X86_64 = Architecture(
    audit=0xC000_003E,
    forbidden=(
        *(165, 166, 155, 161),  # mount, umount2, pivot_root, chroot
        *(272, 308),  # unshare, setns
        *(101, 310, 311, 312),  # ptrace, process_vm_readv, process_vm_writev, kcmp
        *(248, 249, 250),  # add_key, request_key, keyctl
        *(321, 298, 323),  # bpf, perf_event_open, userfaultfd
        *(246, 320, 175, 313, 176),  # kexec_load, kexec_file_load, *_module
        *(167, 168, 169, 163, 179, 180),  # swapon, swapoff, reboot, acct, quotactl, nfsservctl
        *(170, 171, 164, 227),  # sethostname, setdomainname, settimeofday, clock_settime
        *(103, 212, 304, 300),  # syslog, lookup_dcookie, open_by_handle_at, fanotify_init
        *(134, 135, 153, 154, 156),  # uselib, personality, vhangup, modify_ldt, _sysctl
        *(172, 173),  # iopl, ioperm
        *_FORBIDDEN_EVERYWHERE,
    ),
    missing=(
        *(319, 29, 64, 68),  # memfd_create, shmget, semget, msgget
        *_MISSING_EVERYWHERE,
    ),
    clone=56,
    ioctl=16,
    prctl=157,
    socket=41,
    mode_arguments=(
        *((90, 1), (91, 1), (268, 2)),  # chmod, fchmod, fchmodat
        *((2, 2), (257, 3), (85, 1)),  # open, openat, creat
        *((133, 1), (259, 2)),  # mknod, mknodat
    ),
)

AARCH64 = Architecture(
    audit=0xC000_00B7,
    forbidden=(
        *(40, 39, 41, 51),  # mount, umount2, pivot_root, chroot
        *(97, 268),  # unshare, setns
        *(117, 270, 271, 272),  # ptrace, process_vm_readv, process_vm_writev, kcmp
        *(217, 218, 219),  # add_key, request_key, keyctl
        *(280, 241, 282),  # bpf, perf_event_open, userfaultfd
        *(104, 294, 105, 273, 106),  # kexec_load, kexec_file_load, *_module
        *(224, 225, 142, 89, 60, 42),  # swapon, swapoff, reboot, acct, quotactl, nfsservctl
        *(161, 162, 170, 112),  # sethostname, setdomainname, settimeofday, clock_settime
        *(116, 18, 265, 262),  # syslog, lookup_dcookie, open_by_handle_at, fanotify_init
        *(92, 58),  # personality, vhangup
        *_FORBIDDEN_EVERYWHERE,
    ),
    missing=(
        *(279, 194, 190, 186),  # memfd_create, shmget, semget, msgget
        *_MISSING_EVERYWHERE,
    ),
    clone=220,
    ioctl=29,
    prctl=167,
    socket=198,
    mode_arguments=(
        *((52, 1), (53, 2)),  # fchmod, fchmodat
        (56, 3),  # openat
        (33, 2),  # mknodat
    ),
)

ARCHITECTURES = {"x86_64": X86_64, "aarch64": AARCH64}
"""By the name that `uname -m` gives."""


def filter_program(machine: str | None = None) -> bytes:
    """The filter for `machine` (this one) as an array of `struct sock_filter`.

    Raises SandboxUnavailable for a machine type whose system calls are not listed here.
    """
    name = machine or os.uname().machine
    architecture = ARCHITECTURES.get(name)
    if architecture is None:
        raise SandboxUnavailable(
            f"the sandbox has no system call filter for {name}; it runs on "
            f"{' and '.join(ARCHITECTURES)}"
        )
    return b"".join(_instructions(architecture))


def _instructions(architecture: Architecture) -> list[bytes]:
    program = [
        _instruction(_Code.LOAD, _ARCHITECTURE),
        _instruction(_Code.EQUAL, architecture.audit, if_true=1),
        _return(_KILL_PROCESS),
        _instruction(_Code.LOAD, _NUMBER),
    ]
    if architecture is X86_64:
        program += [
            _instruction(_Code.AT_LEAST, _X32_BIT, if_false=1),
            _return(_KILL_PROCESS),
        ]
    for number in architecture.forbidden:
        program += _when_call(number, [_return(_fail(errno.EPERM))])
    for number in architecture.missing:
        program += _when_call(number, [_return(_fail(errno.ENOSYS))])
    program += _when_call(
        architecture.clone, _refuse_bits(argument=0, bits=_CLONE_NAMESPACES, error=errno.EPERM)
    )
    for number, argument in architecture.mode_arguments:
        program += _when_call(
            number, _refuse_bits(argument=argument, bits=_PRIVILEGE_BITS, error=errno.EPERM)
        )
    program += _when_call(architecture.ioctl, _refuse_terminal_input())
    program += _when_call(architecture.prctl, _pretend_to_hide())
    program += _when_call(architecture.socket, _allow_families())
    return [*program, _return(_ALLOW)]


def _when_call(number: int, block: list[bytes]) -> list[bytes]:
    """`block` for this call, which it must end with a return; any other call skips it."""
    return [_instruction(_Code.EQUAL, number, if_false=len(block)), *block]


def _refuse_bits(*, argument: int, bits: int, error: int) -> list[bytes]:
    return [
        _load_argument(argument),
        _instruction(_Code.ANY_BIT, bits, if_false=1),
        _return(_fail(error)),
        _return(_ALLOW),
    ]


def _refuse_terminal_input() -> list[bytes]:
    block = [_load_argument(1)]
    for request in _TERMINAL_INPUT:
        block += [_instruction(_Code.EQUAL, request, if_false=1), _return(_fail(errno.EPERM))]
    return [*block, _return(_ALLOW)]


def _pretend_to_hide() -> list[bytes]:
    return [
        _load_argument(0),
        _instruction(_Code.EQUAL, _SET_DUMPABLE, if_false=3),
        _load_argument(1),
        _instruction(_Code.EQUAL, 0, if_false=1),
        _return(_fail(0)),
        _return(_ALLOW),
    ]


def _allow_families() -> list[bytes]:
    block = [_load_argument(0)]
    for family in _SOCKET_FAMILIES:
        block += [_instruction(_Code.EQUAL, family, if_false=1), _return(_ALLOW)]
    return [*block, _return(_fail(errno.EAFNOSUPPORT))]


def _load_argument(index: int) -> bytes:
    """The lower half: the kernel reads flags, modes and requests as 32-bit values too."""
    return _instruction(_Code.LOAD, _ARGUMENTS + 8 * index)


def _fail(error: int) -> int:
    return 0x0005_0000 | error


def _return(action: int) -> bytes:
    return _instruction(_Code.RETURN, action)


def _instruction(code: _Code, k: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, k)
