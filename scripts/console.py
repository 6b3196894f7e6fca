"""Builds, checks and measures the web console, with the Node.js that uv.lock pins.

.venv/bin/python scripts/console.py build    into src/treadle/console/dist, unless it is current
.venv/bin/python scripts/console.py check    types against our OpenAPI document, lint, unit tests
.venv/bin/python scripts/console.py size     what the first page loads
.venv/bin/python scripts/console.py dev      the development server, before a running Treadle
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from nodejs import install_locked, is_stamped, node, npm, say

from treadle.app import openapi_document

ROOT: Final = Path(__file__).resolve().parent.parent
CONSOLE: Final = ROOT / "console"
DIST: Final = ROOT / "src" / "treadle" / "console" / "dist"
MODULES: Final = CONSOLE / "node_modules"
VENDOR: Final = CONSOLE / "vendor"
DOCUMENT: Final = CONSOLE / "openapi.json"
_MADE: Final = frozenset({"node_modules", "vendor", "openapi.json", "schema.gen.ts"})


def tool(name: str, *arguments: str) -> None:
    """Runs a program that a package brings."""
    manifest = json.loads((MODULES / name / "package.json").read_text())
    binary = manifest["bin"]
    script = binary if isinstance(binary, str) else binary[_BINARIES.get(name, name)]
    node(str(MODULES / name / script), *arguments, folder=CONSOLE)


_BINARIES: Final = {"typescript": "tsc"}


def digest(paths: Iterator[Path]) -> str:
    """What the content of these files comes to, and their names."""
    found = hashlib.sha256()
    for path in sorted(paths):
        found.update(f"{path.relative_to(CONSOLE)}\0{path.stat().st_size}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def sources(folder: Path = CONSOLE) -> Iterator[Path]:
    """Every file that somebody wrote."""
    for path in folder.iterdir():
        if path.name in _MADE:
            continue
        if path.is_dir():
            yield from sources(path)
        else:
            yield path


def install() -> None:
    """The packages that package-lock.json pins, and those of which one file is used."""
    install_locked(CONSOLE, saying="Fetching what the console is built with")
    manifest = json.loads((CONSOLE / "package.json").read_text())
    for name, wanted in manifest["treadle"]["singleFiles"].items():
        fetch_single_file(name, wanted)


def fetch_single_file(name: str, wanted: dict[str, str]) -> None:
    """One file of a package, without the hundreds of packages that this one is itself built from.

    npm checks what it fetched against the registry, and we check it against package.json.
    """
    target, stamp = VENDOR / wanted["as"], VENDOR / f"{wanted['as']}.stamp"
    if target.is_file() and is_stamped(stamp, wanted["integrity"]):
        return
    folder = VENDOR / "fetched"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    wanted_version = f"{name}@{wanted['version']}"
    npm("pack", wanted_version, f"--pack-destination={folder}", "--silent", folder=CONSOLE)
    (archive,) = folder.iterdir()
    kind, _, expected = wanted["integrity"].partition("-")
    found = hashlib.new(kind, archive.read_bytes()).digest()
    if found.hex() != bytes_of(expected).hex():
        sys.exit(f"{name} {wanted['version']} is not what package.json says it is")
    with tarfile.open(archive) as packed:
        member = packed.extractfile(f"package/{wanted['file']}")
        if member is None:
            sys.exit(f"{name} {wanted['version']} has no {wanted['file']}")
        target.write_bytes(member.read())
    shutil.rmtree(folder)
    stamp.write_text(wanted["integrity"])


def bytes_of(base64_text: str) -> bytes:
    """The bytes that an integrity names."""
    return base64.b64decode(base64_text)


def build() -> None:
    """The built console, made again only if something of it has changed."""
    current = digest(sources())
    stamp = DIST / "stamp.txt"
    if is_stamped(stamp, current):
        return
    install()
    say("Building the console")
    tool("vite", "build", "--logLevel", "warn")
    stamp.write_text(current)


def check() -> None:
    """Types, lint and unit tests."""
    install()
    write_types()
    tool("typescript", "--noEmit", "--incremental", "--tsBuildInfoFile", "node_modules/.tsbuild")
    cache = ("--cache", "--cache-strategy", "content", "--cache-location", "node_modules/.eslint/")
    tool("eslint", *cache, "--max-warnings", "0", ".")
    tool("vitest", "run", "--reporter=dot", "--silent=passed-only")


def write_types() -> None:
    """TypeScript's types of our HTTP contracts, made of the OpenAPI document as it is now."""
    types = CONSOLE / "src" / "api" / "schema.gen.ts"
    text = json.dumps(openapi_document(), indent=1)
    if types.is_file() and DOCUMENT.is_file() and DOCUMENT.read_text() == text:
        return
    DOCUMENT.write_text(text)
    # A field with a default may be left out of what is sent.
    optional = ("--default-non-nullable", "false")
    tool("openapi-typescript", str(DOCUMENT), *optional, "--output", str(types))


def size() -> None:
    """Prints what a browser loads before the first page is there, compressed."""
    build()
    page = (DIST / "index.html").read_text()
    names: dict[str, list[str]] = {
        "script": re.findall(r'(?:src|modulepreload"[^>]*href)="/(assets/[^"]+\.js)"', page),
        "style": re.findall(r'href="/(assets/[^"]+\.css)"', page),
    }
    for kind, files in names.items():
        for encoding in ("br", "gz"):
            total = sum((DIST / f"{name}.{encoding}").stat().st_size for name in files)
            print(f"first page, {kind}, {encoding}: {total / 1000:.1f} kB in {len(files)} files")


def dev() -> None:
    """The development server; TREADLE_URL says where Treadle answers."""
    install()
    write_types()
    tool("vite")


COMMANDS: Final[dict[str, Any]] = {"build": build, "check": check, "size": size, "dev": dev}


def main() -> None:
    """Carries out one command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("command", choices=sorted(COMMANDS))
    try:
        COMMANDS[parser.parse_args().command]()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode or 1)


if __name__ == "__main__":
    main()
