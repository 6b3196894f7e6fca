"""The walls as bubblewrap's command line: what a sandbox sees, from an empty root on."""

from __future__ import annotations

import functools
import marshal
from dataclasses import dataclass
from pathlib import Path

from treadle.sandbox.inside import treadle_harness as harness
from treadle.sandbox.interpreter import Interpreter
from treadle.sandbox.model import Command

USER_MODE_UID = 1000
"""The user inside where the server is an ordinary user: itself, under another number."""

_SYSTEM_FOLDERS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_DEVICES = ("null", "zero", "full", "random", "urandom")
_ETC = ("/etc/ld.so.cache", "/etc/alternatives")
_ETC_WITH_NETWORK = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/services",
    "/etc/protocols",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust",
    "/etc/crypto-policies",
)
_PARENTS = ("/dev", "/etc", "/etc/ssl", "/etc/pki", "/etc/pki/tls")
_BOOT = (
    "import sys, marshal, posix; name = 'treadle_harness'; "
    "h = sys.modules[name] = type(sys)(name); exec({code}, h.__dict__); h.start({control})"
)
_COMPILED = "marshal.loads(posix.read({control}, {bytes}))"
_SOURCE = "compile(open({path!r}, 'rb').read(), {path!r}, 'exec')"
_HARNESS_PATH = f"{harness.HARNESS_DIR}/{Path(harness.__file__).name}"


@dataclass(frozen=True, slots=True)
class Descriptors:
    """Handed over open: bubblewrap copies `passwd` and `group` and loads `seccomp`, all to their
    end; `control` is the harness's.
    """

    control: int
    seccomp: int
    passwd: int
    group: int


def bwrap_arguments(
    command: Command,
    *,
    bwrap: str,
    interpreter: Interpreter,
    descriptors: Descriptors,
    as_root: bool,
    temporary_bytes: int,
    compiled: bool,
) -> list[str]:
    """The whole command line. `compiled`: the harness comes over the control socket."""
    return [
        bwrap,
        *_namespaces(network=command.network, as_root=as_root),
        *("--seccomp", str(descriptors.seccomp)),
        *_system(network=command.network),
        *_users(descriptors),
        *("--perms", "1777", "--size", str(temporary_bytes), "--tmpfs", "/tmp"),  # noqa: S108
        *_interpreter(interpreter),  # after /tmp: it may lie below it
        *("--ro-bind", str(Path(harness.__file__).parent), harness.HARNESS_DIR),
        *_folders(command),
        # Last: the root was writable to be filled. Where the server is an ordinary user, it
        # belongs to the sandbox's user, who could fill the machine's memory through it.
        *("--remount-ro", "/"),
        *("--chdir", "/", "--"),
        str(interpreter.executable),
        *("-I", "-S", "-B", "-X", "utf8"),
        *("-c", _boot(compiled=compiled, control=descriptors.control)),
    ]


@functools.cache
def compiled_harness() -> bytes:
    """The harness for an interpreter of the server's own version, as one message.

    Compiling it takes as long as a bare start of the interpreter, and no .pyc file can be relied
    on: the installation may be read-only, or its owner does not want any.
    """
    source = Path(harness.__file__).read_bytes()
    return marshal.dumps(compile(source, _HARNESS_PATH, "exec", dont_inherit=True))


def _boot(*, compiled: bool, control: int) -> str:
    code = (
        _COMPILED.format(control=control, bytes=len(compiled_harness()))
        if compiled
        else _SOURCE.format(path=_HARNESS_PATH)
    )
    return _BOOT.format(code=code, control=control)


def _namespaces(*, network: bool, as_root: bool) -> list[str]:
    arguments = [
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup-try",
        *("--hostname", "sandbox"),
        "--die-with-parent",
        "--new-session",
        # The harness is process 1: when it ends, the kernel kills all others before bubblewrap
        # learns of it, so that an ended bubblewrap means an empty sandbox.
        "--as-pid-1",
        *("--cap-drop", "ALL"),
    ]
    if not network:
        arguments.append("--unshare-net")
    if as_root:
        # No user namespace: inside one, root on the outside would count as unlimited for
        # RLIMIT_NPROC. The harness gives the code to a user of its own and can still signal it.
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_KILL"):
            arguments += ["--cap-add", capability]
    else:
        user = str(USER_MODE_UID)
        arguments += ["--unshare-user", "--uid", user, "--gid", user]
    return arguments


def _system(*, network: bool) -> list[str]:
    arguments = ["--ro-bind", "/usr", "/usr", "--proc", "/proc"]
    for name in _PARENTS:
        arguments += _open_folder(name)
    for name in _SYSTEM_FOLDERS:
        path = Path(name)
        if path.is_symlink():  # the merged /usr of today's distributions
            arguments += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            arguments += ["--ro-bind", name, name]
    # By hand, for `--dev` makes a terminal device (which costs a second user namespace) and a
    # writable tmpfs without a bound.
    for device in _DEVICES:
        arguments += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    arguments += ["--symlink", "/proc/self/fd", "/dev/fd", "--symlink", "/tmp", "/dev/shm"]  # noqa: S108
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        arguments += ["--symlink", f"/proc/self/fd/{number}", f"/dev/{name}"]
    for path in _ETC + (_ETC_WITH_NETWORK if network else ()):
        arguments += ["--ro-bind-try", path, path]
    arguments += ["--symlink", f"{harness.HARNESS_DIR}/etc/nsswitch.conf", "/etc/nsswitch.conf"]
    if not network:
        arguments += ["--symlink", f"{harness.HARNESS_DIR}/etc/hosts", "/etc/hosts"]
    return arguments


def _users(descriptors: Descriptors) -> list[str]:
    return [
        *("--perms", "0444", "--file", str(descriptors.passwd), "/etc/passwd"),
        *("--perms", "0444", "--file", str(descriptors.group), "/etc/group"),
    ]


def _interpreter(interpreter: Interpreter) -> list[str]:
    if interpreter.folder is None:
        return []
    arguments: list[str] = []
    for parent in reversed(interpreter.folder.parents[:-1]):
        arguments += _open_folder(str(parent))
    return [*arguments, "--ro-bind", str(interpreter.folder), str(interpreter.folder)]


def _open_folder(path: str) -> list[str]:
    """An empty folder; bubblewrap would close those that it makes itself to all but its user."""
    return ["--perms", "0755", "--dir", path]


def _folders(command: Command) -> list[str]:
    arguments = ["--ro-bind", str(command.package_dir), harness.PACKAGE_DIR]
    if command.environment_dir is not None:
        arguments += ["--ro-bind", str(command.environment_dir), harness.ENVIRONMENT_DIR]
    return [
        *arguments,
        *("--bind", str(command.work_dir), harness.WORK_DIR),
        *("--bind", str(command.output_dir), harness.OUTPUT_DIR),
    ]
