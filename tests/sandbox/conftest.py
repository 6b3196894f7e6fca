"""The ground that packages are run on: by this user and, if that is root, an ordinary one too."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

import treadle
from sandbox import driver
from treadle.sandbox import Outcome, remove_folder, server_python

ORDINARY_USER = 54_321
DRIVER_SECONDS = 90


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a run, and the folders that it left."""

    outcome: Outcome
    output: str
    collected: dict[str, Any]
    work_dir: Path
    output_dir: Path


@dataclass(slots=True)
class Ground:
    """Runs packages in new folders below `place`, as this process or as an ordinary user."""

    place: Path
    python: str | None = None
    environ: dict[str, str] = field(default_factory=dict[str, str])
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def as_root(self) -> bool:
        """Whether the runs are made with root's rights."""
        return self.python is None and os.geteuid() == 0

    def folder(self, name: str) -> Path:
        """A new folder that belongs to the user who runs the packages."""
        path = self.place / name
        path.mkdir()
        path.chmod(0o755)
        if self.python is not None:
            os.chown(path, ORDINARY_USER, ORDINARY_USER)
        return path

    def package(self, files: Mapping[str, str]) -> Path:
        """A new package of these files."""
        package = self.folder(f"package-{next(self.numbers)}")
        for name, text in files.items():
            path = package / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return package

    def request(
        self,
        code: str | Mapping[str, str],
        *,
        entry: str = "main.main",
        input: object = None,  # noqa: A002
        limits: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        context: Mapping[str, Any] | None = None,
        network: bool = False,
        log_level: str = "INFO",
        stop_when: str = "",
        grace_seconds: float = 2.0,
        import_roots: Sequence[str] = ("",),
        environment_dir: Path | None = None,
        python: Path | None = None,
        remove: bool = False,
    ) -> dict[str, Any]:
        """What the driver is asked to do. A text as `code` is the package's main.py."""
        files = {"main.py": code} if isinstance(code, str) else code
        number = next(self.numbers)
        return {
            "package_dir": str(self.package(files)),
            "work_dir": str(self.folder(f"work-{number}")),
            "output_dir": str(self.folder(f"output-{number}")),
            "entry": entry,
            "input": input,
            "limits": dict(limits or {}),
            "environ": dict(environ or {}),
            "context": dict(context or {}),
            "network": network,
            "log_level": log_level,
            "stop_when": stop_when,
            "grace_seconds": grace_seconds,
            "import_roots": list(import_roots),
            "environment_dir": str(environment_dir) if environment_dir else None,
            "python": str(python) if python else None,
            "remove": remove,
        }

    async def run(self, code: str | Mapping[str, str], **options: Any) -> Ran:
        """Runs a package to its end; the options are those of `request`."""
        request = self.request(code, **options)
        answer = await driver.execute(request) if self.python is None else await self._ask(request)
        return Ran(
            outcome=Outcome(**answer["outcome"]),
            output=answer["output"],
            collected=answer["collected"],
            work_dir=Path(request["work_dir"]),
            output_dir=Path(request["output_dir"]),
        )

    def driver_process(
        self, request: dict[str, Any], *, stdout: int, stderr: int | None = None
    ) -> subprocess.Popen[bytes]:
        """The driver as a process of its own, a server that one can kill."""
        path = self.place / f"request-{next(self.numbers)}.json"
        path.write_text(json.dumps(request))
        path.chmod(0o644)
        environ = dict(os.environ)
        if self.python is not None:
            environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(self.place / "library")}
        return subprocess.Popen(
            [self.python or sys.executable, self.place / "driver.py", path],
            env={**environ, **self.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=self.place,
            user=None if self.python is None else ORDINARY_USER,
            group=None if self.python is None else ORDINARY_USER,
            extra_groups=None if self.python is None else [],
            stdout=stdout,
            stderr=stderr,
        )

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        process = self.driver_process(request, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = await asyncio.to_thread(process.communicate, timeout=DRIVER_SECONDS)
        finally:
            process.kill()
            process.wait()
        assert process.returncode == 0, err.decode()
        return json.loads(out)


@pytest.fixture(scope="session")
def ordinary_python() -> str:
    """An interpreter that an ordinary user may start, of this one's version (for orjson)."""
    wanted = f"{sys.version_info.major}.{sys.version_info.minor}"
    for path in (str(server_python()), "/usr/bin/python3", f"/usr/local/bin/python{wanted}"):
        try:
            said = subprocess.run(
                [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
                user=ORDINARY_USER,
                group=ORDINARY_USER,
                extra_groups=[],
                cwd="/",
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        except (OSError, subprocess.CalledProcessError):
            continue
        if said.strip() == wanted:
            return path
    pytest.skip(f"no Python {wanted} here that an ordinary user may start")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody may enter, unlike pytest's own, gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="treadle-sandbox-test-"))
    path.chmod(0o755)
    shutil.copy(driver.__file__, path / "driver.py")
    yield path
    remove_folder(path)


@pytest.fixture
def own_ground(place: Path) -> Ground:
    """Runs by this process: for what does not depend on the user."""
    return Ground(place)


@pytest.fixture(params=["this-user", "ordinary-user"])
def ground(request: pytest.FixtureRequest, place: Path) -> Ground:
    """The same test twice: as this user, and as an ordinary one where this one is root."""
    if request.param == "this-user":
        return Ground(place)
    if os.geteuid() != 0:
        pytest.skip("this user is an ordinary one already")
    python: str = request.getfixturevalue("ordinary_python")
    os.chown(place, ORDINARY_USER, ORDINARY_USER)
    library = place / "library"
    source = Path(treadle.__file__).parent
    for part in ("core", "sandbox"):
        shutil.copytree(source / part, library / "treadle" / part)
    (library / "treadle" / "__init__.py").touch()
    shutil.copytree(Path(orjson.__file__).parent, library / "orjson")
    return Ground(place, python=python)


@pytest.fixture
def processes_with() -> Callable[[str], list[int]]:
    """Processes of the whole machine, zombies aside, whose command line holds a text."""

    def find(marker: str) -> list[int]:
        found: list[int] = []
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                line = (folder / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if marker.encode() in line:
                found.append(int(folder.name))
        return found

    return find
