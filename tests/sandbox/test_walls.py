"""What code in a sandbox cannot see or do, tried by code that tries."""

from __future__ import annotations

import os

import pytest

from sandbox.conftest import Ground
from treadle.sandbox import server_python
from treadle.sandbox.interpreter import find_interpreter
from treadle.sandbox.seccomp import ARCHITECTURES

SECRET = "hunter2-of-the-server"


async def test_the_servers_environment_and_processes_are_invisible(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TREADLE_DATABASE_URL", SECRET)
    ground.environ["TREADLE_DATABASE_URL"] = SECRET
    ran = await ground.run(
        """
import os
from pathlib import Path

def read(path):
    try:
        return path.read_bytes().decode("latin-1")
    except OSError as error:
        return str(error)

def main():
    processes = [path for path in Path("/proc").iterdir() if path.name.isdigit()]
    return {
        "own": dict(os.environ),
        "pids": sorted(int(path.name) for path in processes),
        "texts": [read(path / name) for path in processes for name in ("environ", "cmdline")],
    }
""",
        environ={"MACRO": "value"},
    )
    assert ran.outcome.kind == "finished", ran.output
    assert isinstance(ran.outcome.result, dict)
    assert ran.outcome.result["pids"] == [1, 2]
    assert ran.outcome.result["own"]["MACRO"] == "value"
    assert SECRET not in str(ran.outcome.result)
    assert "TREADLE_DATABASE_URL" not in str(ran.outcome.result)


async def test_the_hosts_files_are_invisible(ground: Ground) -> None:
    secret = ground.place / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o644)
    ran = await ground.run(
        """
import os
from pathlib import Path

def main(paths):
    return {
        "root": os.listdir("/"),
        "there": [path for path in paths if os.path.lexists(path)],
        "passwd": Path("/etc/passwd").read_text(),
        "etc": os.listdir("/etc"),
        "everything": [str(path) for path in Path("/etc").rglob("*") if path.is_file()],
    }
""",
        input={
            "paths": [
                str(secret),
                str(ground.place),
                *("/etc/shadow", "/etc/hostname", "/etc/ssl/private", "/etc/ssh", "/var", "/home"),
                *("/run", "/sys", "/boot", "/mnt", "/opt", "/srv", "/media", "/root/.bashrc"),
                *("/dev/sda", "/dev/vda", "/dev/mem", "/dev/kmsg", "/dev/tty", "/dev/ptmx"),
            ]
        },
    )
    assert ran.outcome.kind == "finished", ran.output
    seen = ran.outcome.result
    assert isinstance(seen, dict)
    assert seen["there"] == []
    interpreter = find_interpreter(server_python()).folder
    assert set(seen["root"]) <= {
        *("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "dev", "proc", "etc", "tmp"),
        *("package", "work", "output", "treadle"),
        *(interpreter.parts[1:2] if interpreter else ()),
    }
    assert seen["passwd"].count("\n") == 1
    assert seen["passwd"].startswith("treadle:x:")
    assert {"passwd", "group", "hosts", "nsswitch.conf"} <= set(seen["etc"])
    assert set(seen["etc"]) <= {
        *("passwd", "group", "hosts", "nsswitch.conf", "ld.so.cache", "alternatives"),
        *("ssl", "pki"),
    }
    assert not [path for path in seen["everything"] if path.startswith("/etc/ssl/")]


async def test_a_run_sees_nothing_of_another_run(ground: Ground) -> None:
    code = """
import os
from pathlib import Path

def main():
    before = [os.listdir(path) for path in ("/work", "/output", "/tmp", "/dev/shm")]
    for path in ("/work", "/output", "/tmp"):
        Path(path, "left-behind").write_text("mine")
    return before
"""
    first = await ground.run(code)
    second = await ground.run(code)
    assert first.outcome.result == [[], [], [], []], first.output
    assert second.outcome.result == [[], [], [], []], second.output
    assert (first.output_dir / "left-behind").read_text() == "mine"


async def test_only_work_output_and_tmp_can_be_written(ground: Ground) -> None:
    ran = await ground.run(
        """
import os, sys, sysconfig

FOLDERS = ["/", "/package", "/usr", "/usr/bin", "/treadle", "/etc", "/dev", "/bin", "/proc",
           sysconfig.get_path("stdlib"), os.path.dirname(sys.executable)]

def writable(path):
    try:
        open(os.path.join(path, "mine"), "w").close()
    except OSError:
        return False
    return True

def changed(path):
    try:
        os.chmod(path, 0o777)
    except OSError:
        return False
    return True

def main():
    return {
        "writable": [p for p in (*FOLDERS, "/work", "/output", "/tmp", "/dev/shm") if writable(p)],
        "changed": [p for p in (*FOLDERS, "/package/main.py", "/etc/passwd") if changed(p)],
    }
"""
    )
    assert ran.outcome.result == {
        "writable": ["/work", "/output", "/tmp", "/dev/shm"],
        "changed": [],
    }, ran.output


async def test_there_are_no_rights_to_gain(ground: Ground) -> None:
    ran = await ground.run(
        """
import os, re, stat

def attempt(call, *arguments):
    try:
        return str(call(*arguments))
    except OSError as error:
        return error.strerror

def main():
    status = dict(re.findall(r"^(\\w+):\\t(.*)$", open("/proc/self/status").read(), re.M))
    open("/work/program", "w").close()
    return {
        "status": {name: status[name] for name in
                   ("Uid", "Groups", "CapEff", "CapPrm", "CapAmb", "NoNewPrivs", "Seccomp")},
        "root": attempt(os.setuid, 0),
        "mode": attempt(os.chmod, "/work/program", 0o4755),
        "created": attempt(os.open, "/work/other", os.O_CREAT, 0o6755),
        "chroot": attempt(os.chroot, "/work"),
        "device": attempt(os.mknod, "/work/disk", stat.S_IFBLK | 0o600, os.makedev(8, 0)),
        "usable": os.access("/work", os.W_OK),
        "init": re.search(r"^CapEff:\\t(.*)$", open("/proc/1/status").read(), re.M)[1],
        "kill": attempt(os.kill, 1, 9),
    }
"""
    )
    assert ran.outcome.kind == "finished", ran.output
    seen = ran.outcome.result
    assert isinstance(seen, dict)
    status = seen["status"]
    assert [status[name] for name in ("CapEff", "CapPrm", "CapAmb")] == ["0" * 16] * 3
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    uids = {int(uid) for uid in status["Uid"].split()}
    assert len(uids) == 1
    assert 0 not in uids
    if ground.as_root:
        assert status["Groups"].split() == []
        assert seen["kill"] == os.strerror(1)
    # Process 1 changes the user and passes signals on, where that takes a right.
    assert int(seen["init"], 16) == (1 << 5 | 1 << 6 | 1 << 7 if ground.as_root else 0)
    assert seen["root"] in (os.strerror(1), os.strerror(22))
    assert {seen[name] for name in ("mode", "created", "chroot", "device")} == {os.strerror(1)}


async def test_dangerous_system_calls_fail(ground: Ground) -> None:
    architecture = ARCHITECTURES[os.uname().machine]
    ran = await ground.run(
        """
import ctypes, errno, os

libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) for a in arguments))
    return ctypes.get_errno() if result == -1 else 0

def main(forbidden, missing, clone, ioctl, socket):
    return {
        "forbidden": [n for n in forbidden if call(n, 0, 0, 0, 0, 0, 0) != errno.EPERM],
        "missing": [n for n in missing if call(n, 0, 0, 0, 0, 0, 0) != errno.ENOSYS],
        "clone": [call(clone, flag | 17, 0, 0, 0, 0) for flag in
                  (0x10000000, 0x20000, 0x20000000, 0x40000000, 0x8000000)],
        "ioctl": call(ioctl, 0, 0x5412, 0),
        "socket": [call(socket, family, 1, 0) for family in (40, 38, 17, 44)],
        "allowed": [call(socket, family, 1, 0) for family in (1, 2)],
    }
""",
        input={
            "forbidden": architecture.forbidden,
            "missing": architecture.missing,
            "clone": architecture.clone,
            "ioctl": architecture.ioctl,
            "socket": architecture.socket,
        },
    )
    assert ran.outcome.result == {
        "forbidden": [],
        "missing": [],
        "clone": [1] * 5,
        "ioctl": 1,
        "socket": [97] * 4,
        "allowed": [0, 0],
    }, ran.output


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="x32 is a mode of x86_64")
async def test_a_call_of_another_architecture_kills(ground: Ground) -> None:
    ran = await ground.run(
        "import ctypes\ndef main(number):\n    ctypes.CDLL(None).syscall(ctypes.c_long(number))\n",
        input={"number": 0x4000_0000 | 39},
    )
    assert ran.outcome.kind == "error"
    assert ran.outcome.error == "ended by SIGSYS"


async def test_no_descriptor_and_no_terminal_of_the_server_is_handed_over(ground: Ground) -> None:
    ran = await ground.run(
        """
import os

def main():
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[name] = os.readlink(f"/proc/self/fd/{name}").split(":")[0]
        except FileNotFoundError:
            pass  # the listing itself
    return {"found": sorted(found.values()), "terminal": [os.isatty(n) for n in range(3)]}
"""
    )
    assert ran.outcome.result == {
        "found": ["/dev/null", "pipe", "pipe", "socket"],
        "terminal": [False, False, False],
    }, ran.output


async def test_ordinary_python_works(ground: Ground) -> None:
    """Threads, programs, processes of both kinds, shared memory, temporary files, who am I."""
    ran = await ground.run(
        {
            "main.py": """
import asyncio, concurrent.futures, getpass, multiprocessing, pwd, os, subprocess, tempfile
from multiprocessing import shared_memory
from work import double

def main():
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        threads = list(pool.map(double, range(4)))
    processes = {}
    for kind in ("fork", "spawn"):
        with multiprocessing.get_context(kind).Pool(2) as pool:
            processes[kind] = pool.map(double, range(4))
    memory = shared_memory.SharedMemory(create=True, size=4096)
    memory.buf[0] = 7
    memory.close()
    memory.unlink()
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"x")
    script = "echo $HOME; pwd; id -un"
    program = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    return {
        "threads": threads, "processes": processes, "program": program.stdout.split(),
        "user": [getpass.getuser(), pwd.getpwuid(os.getuid()).pw_dir],
        "async": asyncio.run(asyncio.sleep(0, "slept")),
    }
""",
            "work.py": "def double(n):\n    return n * 2\n",
        }
    )
    assert ran.outcome.result == {
        "threads": [0, 2, 4, 6],
        "processes": {"fork": [0, 2, 4, 6], "spawn": [0, 2, 4, 6]},
        "program": ["/work", "/work", "treadle"],
        "user": ["treadle", "/work"],
        "async": "slept",
    }, ran.output


async def test_the_result_cannot_be_told_by_the_log_or_forged_from_below(ground: Ground) -> None:
    """Whatever code writes where, the host reads at most a wrong result of that code itself."""
    ran = await ground.run(
        """
import os

def main():
    print('{"result": "from the log"}', flush=True)
    for fd in range(3, 64):
        for message in (b"", b"E0 1", b"H", b"E nonsense", b"rgarbage", b"R"):
            try:
                os.write(fd, message)
            except OSError:
                break
    os._exit(3)
"""
    )
    assert ran.outcome.kind == "error"
    assert ran.outcome.exit_code == 3
    assert ran.outcome.result is None


async def test_a_flood_on_the_control_socket_ends_the_run(ground: Ground) -> None:
    ran = await ground.run(
        """
import os, socket

def main():
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        try:
            while fd > 2:
                os.write(fd, b"r" + b"x" * 30000)
        except OSError:
            pass
"""
    )
    assert (ran.outcome.kind, ran.outcome.reason) == ("error", "bad_result")
