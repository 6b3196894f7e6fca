"""Whether this machine can make sandboxes, and what it says when it cannot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from treadle.sandbox import SandboxUnavailable, check, server_python
from treadle.sandbox.check import explain
from treadle.sandbox.privileges import runs_as_root
from treadle.sandbox.seccomp import ARCHITECTURES, filter_program


async def test_this_machine_can() -> None:
    report = await check()
    assert report.bwrap.name == "bwrap"
    assert report.python == server_python()
    assert report.as_root == runs_as_root()


async def test_a_missing_bubblewrap_is_named_with_its_cure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxUnavailable, match="sudo apt-get install bubblewrap"):
        await check()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo bubblewrap 0.4.1", r"bubblewrap 0\.4\.1 is too old: 0\.7 or newer"),
        ("echo something else", "is it bubblewrap"),
        (
            'test "$1" = --version && echo bubblewrap 0.9.0 && exit 0; '
            "echo 'bwrap: No permissions to create new namespace' >&2; exit 1",
            "No permissions to create new namespace",
        ),
        ('test "$1" = --version && echo bubblewrap 0.9.0; exit 0', "said nothing"),
    ],
)
async def test_a_bubblewrap_that_does_not_do_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, said: str
) -> None:
    program = tmp_path / "bwrap"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SandboxUnavailable, match=said):
        await check()


@pytest.mark.parametrize(
    ("setting", "value", "cure"),
    [
        ("kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "sysctl user.max_user_namespaces="),
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "AppArmor profile"),
        ("kernel/unprivileged_userns_clone", "1", "seccomp=unconfined"),
    ],
)
def test_what_forbids_namespaces_is_named(
    tmp_path: Path, setting: str, value: str, cure: str
) -> None:
    path = tmp_path / setting
    path.parent.mkdir()
    path.write_text(f"{value}\n")
    words = "bwrap: setting up uid map: Permission denied"
    told = explain(words, as_root=False, sysctls=tmp_path)
    assert cure in told
    assert words in told
    assert explain(words, as_root=True, sysctls=tmp_path) == words


def test_a_machine_without_a_filter_is_refused() -> None:
    with pytest.raises(SandboxUnavailable, match="riscv64"):
        filter_program("riscv64")


@pytest.mark.parametrize("machine", list(ARCHITECTURES))
def test_every_path_through_the_filter_ends_in_a_return(machine: str) -> None:
    program = filter_program(machine)
    count = len(program) // 8
    assert count * 8 == len(program)
    assert count < 4096  # what the kernel takes
    returns = 0x06
    for index in range(count):
        code, if_true, if_false = program[index * 8], program[index * 8 + 2], program[index * 8 + 3]
        if code != returns:
            assert index + 1 + max(if_true, if_false) < count
    assert program[-8] == returns
