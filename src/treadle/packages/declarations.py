"""What a package says about itself in its manifest and its `pyproject.toml` (pure)."""

from __future__ import annotations

import tomllib
from typing import Any, cast

from treadle.core.errors import BadInput
from treadle.packages.contents import Contents

PYPROJECT = "pyproject.toml"
MANIFEST = "META-INF/MANIFEST.MF"
_MAIN_PROCESS = "main-process"
_MAX_DECLARATION_BYTES = 64 * 1024
# The parser takes quadratic time for a key of many parts: `a.a.a…` of 120 KB keeps it two minutes.
_MAX_DOTS_IN_LINE = 500

Table = dict[str, Any]


def declared_entry_point(contents: Contents) -> str | None:
    """The entry point that the manifest names, else `pyproject.toml`, else None."""
    if contents.is_single_file:
        return None
    if MANIFEST in contents.files:
        raw = contents.read(MANIFEST, max_bytes=_MAX_DECLARATION_BYTES)
        named = parse_manifest(raw).get(_MAIN_PROCESS)
        if named:
            return named
    named = read_table(read_pyproject(contents), "tool", "treadle").get("entrypoint")
    if named is None:
        return None
    if not isinstance(named, str) or not named.strip():
        raise _bad("[tool.treadle] entrypoint must be a text")
    return named.strip()


def read_pyproject(contents: Contents) -> Table:
    """The archive's root `pyproject.toml`, empty when there is none; BadInput for bad TOML."""
    if contents.is_single_file or PYPROJECT not in contents.files:
        return {}
    return parse_toml(contents.read(PYPROJECT, max_bytes=_MAX_DECLARATION_BYTES), PYPROJECT)


def parse_toml(raw: bytes, where: str) -> Table:
    """The document as plain data; BadInput, saying where and what, when it is not TOML."""
    if len(raw) > _MAX_DECLARATION_BYTES:
        raise BadInput(f"{where} is over {_MAX_DECLARATION_BYTES} bytes", field="file")
    if any(line.count(b".") > _MAX_DOTS_IN_LINE for line in raw.split(b"\n")):
        raise BadInput(f"{where} has a line with over {_MAX_DOTS_IN_LINE} dots", field="file")
    try:
        return tomllib.loads(raw.decode())
    except UnicodeDecodeError:
        raise BadInput(f"{where} is not UTF-8", field="file") from None
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{where} is not valid TOML: {error}", field="file") from None
    except RecursionError:
        raise BadInput(f"{where} is nested too deeply", field="file") from None


def read_table(document: Table, *names: str) -> Table:
    """A table within the document, empty when it is missing; BadInput when it is not a table."""
    for position, name in enumerate(names):
        value = document.get(name, {})
        if not isinstance(value, dict):
            raise _bad(f"[{'.'.join(names[: position + 1])}] must be a table")
        document = cast(Table, value)
    return document


def parse_manifest(raw: bytes) -> dict[str, str]:
    """The main section of a Java-style manifest, names in lower case.

    A line that begins with a blank continues the one before: lines are cut at 72 bytes, which may
    fall within a character, so text is decoded last.
    """
    lines: list[bytes] = []
    for line in raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"):
        if not line:
            if lines:
                break
            continue
        if line.startswith(b" ") and lines:
            lines[-1] += line[1:]
        else:
            lines.append(line)
    attributes: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon:
            raise BadInput(f"{MANIFEST} has a line that is not 'Name: value'", field="file")
        try:
            attributes[name.decode().strip().lower()] = value.decode().strip()
        except UnicodeDecodeError:
            raise BadInput(f"{MANIFEST} is not UTF-8", field="file") from None
    return attributes


def _bad(rule: str) -> BadInput:
    return BadInput(f"{PYPROJECT}: {rule}", field="file")
