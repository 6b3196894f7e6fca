from __future__ import annotations

import hashlib
import io
import os
import random
import stat
import subprocess
import sys
import threading
import zipapp
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packages.attack_archives import build, deflated, stored
from packages.samples import SAMPLE_PACKAGE, make_zip
from treadle.core.errors import BadInput, TooLarge
from treadle.packages.archives import PackageInfo, inspect_package, unpack
from treadle.packages.limits import ArchiveLimits

MIB = 1024 * 1024
LIMITS = ArchiveLimits()
Write = Callable[[str, bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Put an upload on the disk under a name of the server's own."""

    def write(name: str, data: bytes) -> Path:
        path = tmp_path / f"upload-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        path.write_bytes(data)
        return path

    return write


def _inspect(write: Write, data: bytes, name: str = "package.zip") -> PackageInfo:
    return inspect_package(write(name, data), name, LIMITS)


def _tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_inspect_tells_what_the_package_is(write: Write) -> None:
    data = make_zip(
        {
            **SAMPLE_PACKAGE,
            "META-INF/MANIFEST.MF": "Main-Process: integrateXYZ.process\r\n",
            "pyproject.toml": (
                "[project]\nrequires-python = '>=3.9'\ndependencies = ['Six>1', 'idna']\n"
            ),
        }
    )

    info = _inspect(write, data, "samplePackage.djar")

    assert info == PackageInfo(
        name="samplePackage.djar",
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        kind="archive",
        files=("META-INF/MANIFEST.MF", "README.txt", "integrateXYZ.py", "pyproject.toml"),
        entry_points=("integrateXYZ.process",),
        default_entry_point="integrateXYZ.process",
        requires_python=">=3.9",
        dependencies=("idna", "six>1"),
    )


def test_package_without_a_default_entry_point_is_taken(write: Write) -> None:
    info = _inspect(write, make_zip(SAMPLE_PACKAGE))

    assert info.default_entry_point is None
    assert info.entry_points == ("integrateXYZ.process",)
    assert info.dependencies == ()


def test_default_entry_point_that_is_not_there_is_refused(write: Write) -> None:
    manifest = "Main-Process: integrateXYZ.proces\n"
    data = make_zip({**SAMPLE_PACKAGE, "META-INF/MANIFEST.MF": manifest})

    with pytest.raises(BadInput, match=r"no function 'proces' \(it has 'process'\)"):
        _inspect(write, data)


def test_single_source_file(write: Write) -> None:
    source = b"# /// script\n# dependencies = ['six']\n# ///\ndef process():\n    return 1\n"

    info = _inspect(write, source, "script.py")

    assert info.kind == "python"
    assert info.files == ("script.py",)
    assert info.default_entry_point == "script.py"
    assert info.entry_points == ("script.py", "script.process")
    assert info.dependencies == ("six",)


@pytest.mark.parametrize("source", [b"a\0b", b"\xff\xfe\xfa", b"# coding: no-such\n"])
def test_source_file_that_is_no_text_is_refused(write: Write, source: bytes) -> None:
    with pytest.raises(BadInput, match=r"'script\.py' is not a text file"):
        _inspect(write, source, "script.py")


def test_source_file_in_another_encoding(write: Write) -> None:
    source = "# coding: latin-1\n# caf\u00e9\ndef process(): pass\n".encode("latin-1")

    assert _inspect(write, source, "script.py").entry_points == ("script.py", "script.process")


def test_other_file_is_stored_but_no_package(write: Write, tmp_path: Path) -> None:
    info = _inspect(write, b"\x00\xff", "data.json")

    assert (info.kind, info.files, info.entry_points) == ("file", (), ())
    with pytest.raises(BadInput, match="is not a package"):
        unpack(tmp_path / "x", name="data.json", into=tmp_path / "y", limits=LIMITS)


def test_upload_over_the_limit(write: Write) -> None:
    path = write("data.json", b"x" * 11)

    assert inspect_package(path, "data.json", ArchiveLimits(archive_bytes=11)).size == 11
    with pytest.raises(TooLarge, match="over 10 bytes"):
        inspect_package(path, "data.json", ArchiveLimits(archive_bytes=10))


def test_name_is_checked_first(write: Write) -> None:
    with pytest.raises(BadInput, match="is a path"):
        _inspect(write, make_zip(SAMPLE_PACKAGE), "../package.zip")


# Honest archives of all kinds


def test_nested_archive_is_only_a_file(write: Write, tmp_path: Path) -> None:
    bomb = make_zip({"zeros": bytes(50 * MIB)})
    path = write("package.zip", make_zip({"__main__.py": "", "data/bomb.zip": bomb}))

    assert inspect_package(path, "package.zip", LIMITS).files == ("__main__.py", "data/bomb.zip")
    unpack(path, name="package.zip", into=tmp_path / "package", limits=LIMITS)
    assert _tree(tmp_path / "package") == {"__main__.py": b"", "data/bomb.zip": bomb}


def test_well_packed_text_is_no_bomb(write: Write) -> None:
    assert _inspect(write, make_zip({"table.csv": b"0,0,0,0\n" * MIB})).files == ("table.csv",)


def test_streamed_archive_with_descriptors(write: Write, tmp_path: Path) -> None:
    class Pipe(io.RawIOBase):
        """A file that cannot seek, so that sizes come behind the data."""

        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, chunk: bytes) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
            self.data += bytes(chunk)
            return len(chunk)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.py", b"print(1)\n" * 100)
        with archive.open("b.py", "w", force_zip64=True) as file:
            file.write(b"print(2)\n" * 100)
        archive.writestr("empty/", b"")
        archive.writestr("empty.txt", b"")

    path = write("package.zip", pipe.data)
    assert inspect_package(path, "package.zip", LIMITS).files == ("a.py", "b.py", "empty.txt")
    unpack(path, name="package.zip", into=tmp_path / "package", limits=LIMITS)
    assert (tmp_path / "package" / "b.py").read_bytes() == b"print(2)\n" * 100
    assert (tmp_path / "package" / "empty").is_dir()


def test_long_sizes_of_small_entries(write: Write, tmp_path: Path) -> None:
    content = b"print(1)\n"
    extra = b"\x01\x00\x10\x00" + len(content).to_bytes(8, "little") * 2
    part = replace(stored("main.py", content), extra=extra, packed_size=0xFFFFFFFF, size=0xFFFFFFFF)
    path = write("package.zip", build([part, stored("b.py")]))

    unpack(path, name="package.zip", into=tmp_path / "package", limits=LIMITS)
    assert _tree(tmp_path / "package")["main.py"] == content


def test_comment_is_allowed(write: Write) -> None:
    data = build([stored("main.py")], comment=b"made by a tool")
    assert _inspect(write, data).files == ("main.py",)


def test_entries_in_another_order_than_the_directory(write: Write, tmp_path: Path) -> None:
    honest = build([stored("first.py", b"1"), stored("second.py", b"22")])
    start = honest.index(b"PK\x01\x02")
    middle = honest.index(b"PK\x01\x02", start + 4)
    end = honest.index(b"PK\x05\x06")
    reordered = honest[:start] + honest[middle:end] + honest[start:middle] + honest[end:]
    path = write("package.zip", reordered)

    unpack(path, name="package.zip", into=tmp_path / "package", limits=LIMITS)
    assert _tree(tmp_path / "package") == {"first.py": b"1", "second.py": b"22"}


@pytest.mark.parametrize("interpreter", [None, "/usr/bin/env python3"])
def test_zipapp_with_and_without_a_shebang(tmp_path: Path, interpreter: str | None) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "__main__.py").write_text("print(1)\n")
    target = tmp_path / "app.pyz"
    zipapp.create_archive(source, target, interpreter=interpreter)

    info = inspect_package(target, "app.pyz", LIMITS)

    assert info.default_entry_point == "__main__.py"
    unpack(target, name="app.pyz", into=tmp_path / "package", limits=LIMITS)
    assert _tree(tmp_path / "package") == {"__main__.py": b"print(1)\n"}


def test_shebang_put_before_a_finished_zip(write: Write) -> None:
    data = b"#!/usr/bin/python3\n" + make_zip({"__main__.py": "print(1)\n"})

    assert _inspect(write, data, "app.pyz").files == ("__main__.py",)


def test_data_that_needs_several_reads(write: Write, tmp_path: Path) -> None:
    noise = random.Random(2).randbytes(MIB)
    content = noise + bytes(MIB) + noise
    files = {"deflated.bin": content, "small.txt": b"x"}
    path = write("package.zip", make_zip(files))

    inspect_package(path, "package.zip", LIMITS)
    unpack(path, name="package.zip", into=tmp_path / "package", limits=LIMITS)
    assert _tree(tmp_path / "package") == files


# Unpacking


def test_unpacked_files_are_readable_by_all_and_never_executable(
    write: Write, tmp_path: Path
) -> None:
    executable = replace(stored("bin/run.sh"), attributes=(stat.S_IFREG | 0o4777) << 16)
    path = write("package.zip", build([executable]))
    before = os.umask(0o077)
    try:
        unpack(path, name="package.zip", into=tmp_path / "package", limits=LIMITS)
    finally:
        os.umask(before)

    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in [tmp_path / "package", *(tmp_path / "package").rglob("*")]
    }
    assert modes == {"package": 0o755, "bin": 0o755, "run.sh": 0o644}


def test_unpack_source_file(write: Write, tmp_path: Path) -> None:
    path = write("Script.PY", b"print(1)\n")
    unpack(path, name="Script.PY", into=tmp_path / "package", limits=LIMITS)

    assert _tree(tmp_path / "package") == {"Script.py": b"print(1)\n"}


def test_unpack_again_keeps_the_first(write: Write, tmp_path: Path) -> None:
    path = write("package.zip", make_zip(SAMPLE_PACKAGE))
    unpack(path, name="package.zip", into=tmp_path / "package", limits=LIMITS)
    inode = (tmp_path / "package").stat().st_ino
    unpack(path, name="package.zip", into=tmp_path / "package", limits=LIMITS)

    assert (tmp_path / "package").stat().st_ino == inode
    assert len(list(tmp_path.iterdir())) == 2


def test_many_unpack_the_same_at_once(write: Write, tmp_path: Path) -> None:
    files = {f"pkg/m{n}.py": f"x = {n}\n" for n in range(200)}
    path = write("package.zip", make_zip(files))
    place = tmp_path / "place"
    place.mkdir()
    start = threading.Barrier(8)

    def race() -> None:
        start.wait(timeout=30)
        unpack(path, name="package.zip", into=place / "package", limits=LIMITS)

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(race) for _ in range(8)]:
            done.result(timeout=60)

    assert [entry.name for entry in place.iterdir()] == ["package"]
    assert _tree(place / "package") == {name: text.encode() for name, text in files.items()}


def test_process_killed_in_the_middle_leaves_no_package(write: Write, tmp_path: Path) -> None:
    path = write("package.zip", make_zip({f"m{n}.py": "x = 1\n" for n in range(50)}))
    into = tmp_path / "place" / "package"
    into.parent.mkdir()
    # The process stops itself, as kill -9 would, when half of the files are written.
    script = f"""
import os, signal
from pathlib import Path
from treadle.packages import archives
from treadle.packages.limits import ArchiveLimits
write_file, written = archives._write_file, []
def write_and_die(*args):
    write_file(*args)
    written.append(1)
    if len(written) == 25:
        os.kill(os.getpid(), signal.SIGKILL)
archives._write_file = write_and_die
archives.unpack(Path({str(path)!r}), name="package.zip", into=Path({str(into)!r}),
                limits=ArchiveLimits())
"""
    killed = subprocess.run([sys.executable, "-c", script], timeout=60, check=False)
    assert killed.returncode == -9
    assert not into.exists()

    unpack(path, name="package.zip", into=into, limits=LIMITS)
    assert len(_tree(into)) == 50


# Whatever comes


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(
        st.one_of(
            st.text(max_size=12),
            st.text(alphabet="./\\aA:~-\0", max_size=10),
            st.sampled_from(["..", "../x", "/x", "a/../../x", "a", "a/", "A", "C:x"]),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_no_name_escapes_the_folder(names: list[str], tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(build([stored(name.encode("utf-8", "surrogatepass")) for name in names]))
    place = tmp_path / f"place-{random.SystemRandom().getrandbits(64)}"
    place.mkdir()
    outside = sorted(tmp_path.iterdir())

    try:
        unpack(path, name="package.zip", into=place / "package", limits=LIMITS)
    except BadInput:
        assert list(place.iterdir()) == []
    else:
        assert [entry.name for entry in place.iterdir()] == ["package"]
        wanted = {name for name in names if not name.endswith("/")}
        assert set(_tree(place / "package")) == wanted
    assert sorted(tmp_path.iterdir()) == outside


FUZZED = build(
    [
        stored("a.py", b"def f(): pass\n"),
        deflated("pkg/b.py", b"def g(): pass\n" * 30),
        deflated("pyproject.toml", b"[project]\ndependencies=['six']\n"),
    ],
    comment=b"comment",
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(FUZZED) - 1), st.integers(0, 255)), min_size=1, max_size=4
    ),
    cut=st.integers(0, 40),
)
def test_damaged_archive_is_refused_or_whole(
    changes: list[tuple[int, int]], cut: int, tmp_path: Path
) -> None:
    data = bytearray(FUZZED)
    for position, value in changes:
        data[position] = value
    path = tmp_path / "upload"
    path.write_bytes(data[: len(data) - cut] if cut > 30 else data)

    try:
        info = inspect_package(path, "package.zip", LIMITS)
    except BadInput as error:
        assert error.message.isprintable()
    else:
        # Whoever reads it with Python's own reader sees the same files and sound content.
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            assert tuple(sorted(archive.namelist())) == info.files


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.dictionaries(
        st.text(alphabet="abcdefg/\u00e9", min_size=1, max_size=8)
        .map(lambda text: "/".join(part for part in text.split("/") if part))
        .filter(bool),
        st.binary(max_size=3000),
        min_size=1,
        max_size=5,
    ),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
)
def test_honest_archive_unpacks_to_what_was_packed(
    files: dict[str, bytes], method: int, tmp_path: Path
) -> None:
    folders = {path.rpartition("/")[0] for path in files}
    above = {"/".join(folder.split("/")[:n]) for folder in folders for n in range(1, 9)}
    files = {path: content for path, content in files.items() if path not in above}
    path = tmp_path / "upload"
    path.write_bytes(make_zip(files, method=method))
    into = tmp_path / f"package-{random.SystemRandom().getrandbits(64)}"

    unpack(path, name="package.zip", into=into, limits=LIMITS)
    assert _tree(into) == files
