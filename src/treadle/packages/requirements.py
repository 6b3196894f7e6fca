"""What a package needs installed: read from its metadata, never by running it (pure).

An archive says so in its root `pyproject.toml` (`[project]`), a wheel in its METADATA (extras
left out), a single source file in its PEP 723 block. Lock files in an archive are not read.

Only requirements that a package index answers are taken: an address or a path could make the
server read its own disk or call inside its own network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from treadle.core.errors import BadInput
from treadle.packages.contents import Contents
from treadle.packages.declarations import (
    PYPROJECT,
    Table,
    parse_toml,
    read_pyproject,
    read_table,
)
from treadle.packages.names import show
from treadle.packages.python_source import decode_source

MAX_REQUIREMENTS = 200
_MAX_REQUIREMENT_LENGTH = 500
_MAX_SCRIPT_BYTES = 8 * 1024 * 1024
_MAX_METADATA_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Requirements:
    """What must be there before the package runs. Normalised, sorted, each once."""

    requires_python: str | None = None
    dependencies: tuple[str, ...] = ()


def read_requirements(contents: Contents) -> Requirements:
    """The package's requirements; BadInput, naming the faulty one, when they cannot be met as
    written."""
    if contents.is_single_file:
        path = contents.files[0]
        source = decode_source(contents.read(path, max_bytes=_MAX_SCRIPT_BYTES), path=path)
        return _from_table(_script_metadata(source), where="the script's metadata block")
    if PYPROJECT in contents.files:
        project = read_table(read_pyproject(contents), "project")
        dynamic = project.get("dynamic", [])
        if isinstance(dynamic, list) and "dependencies" in dynamic:
            raise BadInput(f"{PYPROJECT}: dependencies cannot be dynamic", field="file")
        return _from_table(project, where=PYPROJECT)
    if contents.name.lower().endswith(".whl"):
        return _from_wheel(contents)
    return Requirements()


def normalise_requirements(texts: tuple[str, ...] | list[str], *, where: str) -> tuple[str, ...]:
    """The requirements in one spelling, sorted, each once; BadInput for one that is refused."""
    if len(texts) > MAX_REQUIREMENTS:
        raise BadInput(f"{where} has more than {MAX_REQUIREMENTS} dependencies", field="file")
    return tuple(sorted({_spell(_parse(text, where)) for text in texts}))


def check_python(requires_python: str | None, *, version: str) -> None:
    """Return when this Python version satisfies the package; BadInput otherwise."""
    if requires_python is None:
        return
    if not SpecifierSet(requires_python).contains(version):
        raise BadInput(
            f"the package requires Python {requires_python}, runs have Python {version}",
            field="file",
        )


def _from_table(table: Table, *, where: str) -> Requirements:
    texts = table.get("dependencies", [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise BadInput(f"{where}: dependencies must be a list of texts", field="file")
    return Requirements(
        requires_python=_python_specifier(table.get("requires-python"), where),
        dependencies=normalise_requirements(cast(list[str], texts), where=where),
    )


def _from_wheel(contents: Contents) -> Requirements:
    paths = [
        path
        for path in contents.files
        if path.endswith(".dist-info/METADATA") and path.count("/") == 1
    ]
    if len(paths) != 1:
        raise BadInput("the wheel must have exactly one *.dist-info/METADATA", field="file")
    metadata, _ = parse_email(contents.read(paths[0], max_bytes=_MAX_METADATA_BYTES))
    wanted = [text for text in metadata.get("requires_dist", []) if not _is_extra(text)]
    return Requirements(
        requires_python=_python_specifier(metadata.get("requires_python"), "METADATA"),
        dependencies=normalise_requirements(wanted, where="METADATA"),
    )


def _is_extra(text: str) -> bool:
    """Whether a wheel's requirement is only for one of its extras."""
    marker = _parse(text, "METADATA").marker
    return marker is not None and "extra" in str(marker) and not marker.evaluate({"extra": ""})


def _script_metadata(source: str) -> Table:
    """The table of the PEP 723 `script` block, empty when there is none."""
    where = "the script's metadata block"
    lines = source.replace("\r\n", "\n").split("\n")
    starts = [number for number, line in enumerate(lines) if line == "# /// script"]
    blocks = [block for start in starts if (block := _block_from(lines, start + 1)) is not None]
    if not blocks:
        return {}
    if len(blocks) > 1:
        raise BadInput("the script has more than one metadata block", field="file")
    return parse_toml("\n".join(blocks[0]).encode(), where)


def _block_from(lines: list[str], start: int) -> list[str] | None:
    """The block's text; None when no `# ///` ends it. The last one before other lines counts."""
    end = None
    for number in range(start, len(lines)):
        line = lines[number]
        if line != "#" and not line.startswith("# "):
            break
        if line == "# ///":
            end = number
    return None if end is None else [line[2:] for line in lines[start:end]]


def _python_specifier(value: Any, where: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _MAX_REQUIREMENT_LENGTH:
        raise BadInput(f"{where}: requires-python must be a short text", field="file")
    try:
        return str(SpecifierSet(value)) or None
    except InvalidSpecifier:
        raise BadInput(
            f"{where}: requires-python {show(value)} is not valid", field="file"
        ) from None


def _parse(text: str, where: str) -> Requirement:
    if len(text) > _MAX_REQUIREMENT_LENGTH:
        raise BadInput(f"{where}: dependency {show(text)} is too long", field="file")
    try:
        requirement = Requirement(text)
    except (InvalidRequirement, RecursionError):
        raise BadInput(
            f"{where}: dependency {show(text)} is not 'name', 'name>=1.0' or the like", field="file"
        ) from None
    if requirement.url is not None:
        raise BadInput(
            f"{where}: dependency {show(text)} names an address or a path; "
            "only packages of the index can be installed",
            field="file",
        )
    return requirement


def _spell(requirement: Requirement) -> str:
    extras = f"[{','.join(sorted(map(canonicalize_name, requirement.extras)))}]"
    marker = f" ; {requirement.marker}" if requirement.marker else ""
    return (
        canonicalize_name(requirement.name)
        + (extras if requirement.extras else "")
        + str(requirement.specifier)
        + marker
    )
