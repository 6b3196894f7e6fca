"""Entry points: what of a package runs, found in its files without importing them (pure).

    integrateXYZ.process     module integrateXYZ, function process
    pkg.mod:process          the same, with a colon
    main.py  bin/run.sh      a file of the archive
    process                  in a single source file: its function

Without one: `Main-Process` of the archive's manifest, `[tool.treadle] entrypoint` of its
`pyproject.toml`, or its `__main__.py`; a single source file runs as a program.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from treadle.core.errors import BadInput
from treadle.packages.contents import Contents
from treadle.packages.declarations import PYPROJECT, declared_entry_point
from treadle.packages.names import show
from treadle.packages.python_source import MAX_PARSED_BYTES, SourceNames, read_names

MAX_LISTED = 1_000
# All sources together that a listing parses.
_MAX_LISTED_BYTES = 1024 * 1024
_MAX_TEXT = 1_100
_NAMED_IN_MESSAGE = 10
_MAIN = "__main__.py"


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """Where a run starts."""

    kind: Literal["function", "python_file", "shell_file"]
    # The file of the package that holds it.
    path: str
    # The folders to search for modules, first to last; "" is the package's own.
    import_roots: tuple[str, ...]
    # Both are None for a file.
    module: str | None = None
    function: str | None = None


def resolve(entry_point: str | None, contents: Contents) -> EntryPoint:
    """The place that an entry point names; the package's own default for None.

    BadInput, naming what was looked for and some of what there is. A name that a module imports
    or assigns is taken on trust; so is everything in a module too large to parse.
    """
    if entry_point is None:
        entry_point = default_entry_point(contents)
        if entry_point is None:
            raise _bad("the package names no entry point and has no __main__.py: name one")
    text = entry_point.strip()
    if not text or len(text) > _MAX_TEXT or not text.isprintable():
        raise _bad("the entry point is empty, too long or has control characters")
    path = text.removeprefix("./")
    if contents.is_single_file and path == contents.name:
        path = contents.files[0]
    if path in contents.files and path.endswith((".py", ".sh")):
        return _file(path, contents)
    if path.endswith((".py", ".sh")) or "/" in path:
        # `mod.sh` may be the function `sh` of the module `mod`, but a slash is always a file.
        function = None if "/" in path else _find_function(text, contents)
        if function is None:
            raise _missing_file(path, contents)
        return function
    found = _find_function(text, contents)
    if found is None:
        raise _missing_module(text, contents)
    return found


def default_entry_point(contents: Contents) -> str | None:
    """The entry point of a package whose job names none, or None when it has none.

    BadInput when the package declares one that it does not have.
    """
    if contents.is_single_file:
        return contents.files[0]
    declared = declared_entry_point(contents)
    if declared is not None:
        resolve(declared, contents)
        return declared
    return _MAIN if _MAIN in contents.files else None


def list_entry_points(contents: Contents) -> tuple[str, ...]:
    """What a job could name: `__main__.py`, functions, programs and shell scripts.

    Public top-level functions only; modules that do not parse are left out. At most MAX_LISTED,
    those nearest to the root first.
    """
    found: dict[str, None] = {}
    roots = import_roots(contents)
    left = _MAX_LISTED_BYTES
    for path in sorted(contents.files, key=_listing_order):
        if len(found) >= MAX_LISTED:
            break
        if path.endswith(".sh") or path == _MAIN or contents.is_single_file:
            found[path] = None
        size = contents.size(path)
        if path.endswith(".py") and size <= min(left, MAX_PARSED_BYTES):
            left -= size
            found.update(dict.fromkeys(_list_module(path, contents, roots)))
    return tuple(found)[:MAX_LISTED]


def import_roots(contents: Contents) -> tuple[str, ...]:
    """The folders of the package to search for its modules: `src` first in a `src` layout."""
    has_src = any(path.startswith("src/") for path in contents.files)
    return ("src", "") if PYPROJECT in contents.files and has_src else ("",)


def _file(path: str, contents: Contents) -> EntryPoint:
    if path.endswith(".sh"):
        return EntryPoint(kind="shell_file", path=path, import_roots=import_roots(contents))
    # A program finds the modules beside it first, as Python has it.
    beside = path.rpartition("/")[0]
    roots = dict.fromkeys((beside, *import_roots(contents)))
    return EntryPoint(kind="python_file", path=path, import_roots=tuple(roots))


def _find_function(text: str, contents: Contents) -> EntryPoint | None:
    """The function that the text names; None when there is no such module."""
    module, function = _split(text, contents)
    if not _is_identifier(function):
        raise _bad(f"{show(text)} is no entry point: use module.function or a .py or .sh file")
    roots = import_roots(contents)
    path = _module_path(module, contents, roots)
    if path is None:
        return None
    _check_function(function, path, contents)
    return EntryPoint(
        kind="function", path=path, import_roots=roots, module=module, function=function
    )


def _split(text: str, contents: Contents) -> tuple[str, str]:
    """Module and function; in a single source file the module may be left out."""
    module, colon, function = text.partition(":")
    if not colon:
        module, _, function = text.rpartition(".")
    if not module and contents.is_single_file:
        module = _stem(contents.files[0])
    return module, function


def _module_path(module: str, contents: Contents, roots: tuple[str, ...]) -> str | None:
    if contents.is_single_file:
        # Its name need not be an identifier: it is imported by name all the same.
        return contents.files[0] if module == _stem(contents.files[0]) else None
    if not all(_is_identifier(part) for part in module.split(".")):
        return None
    within = module.replace(".", "/")
    for root in roots:
        base = f"{root}/{within}" if root else within
        # Python prefers the package to the module of the same name.
        for path in (f"{base}/__init__.py", f"{base}.py"):
            if path in contents.files:
                return path
    return None


def _check_function(function: str, path: str, contents: Contents) -> None:
    names = _read_names(path, contents)
    if names is None or names.is_open or function in names.functions or function in names.others:
        return
    if function in names.classes:
        raise _bad(f"{show(function)} in {show(path)} is a class: an entry point is a function")
    raise _bad(f"{show(path)} has no function {show(function)}{_some(names.functions)}")


def _read_names(path: str, contents: Contents) -> SourceNames | None:
    if contents.size(path) > MAX_PARSED_BYTES:
        return None
    return read_names(contents.read(path, max_bytes=MAX_PARSED_BYTES), path=path)


def _list_module(path: str, contents: Contents, roots: tuple[str, ...]) -> Iterator[str]:
    try:
        names = _read_names(path, contents)
    except BadInput:
        # A broken module hides its functions; naming one of them says why.
        return
    if names is None:
        return
    if names.has_main_guard:
        yield path
    module = _module_name(path, contents, roots)
    if module is not None:
        yield from (f"{module}.{name}" for name in names.functions if not name.startswith("_"))


def _module_name(path: str, contents: Contents, roots: tuple[str, ...]) -> str | None:
    """The dotted name under which the file is imported; None when it cannot be."""
    if contents.is_single_file:
        return _stem(path)
    for root in roots:
        inside = path.removeprefix(f"{root}/") if root else path
        if root and inside == path:
            continue
        parts = inside.removesuffix(".py").split("/")
        if parts[-1] == "__init__" and len(parts) > 1:
            parts.pop()
        if parts[-1] != "__main__" and all(_is_identifier(part) for part in parts):
            return ".".join(parts)
    return None


def _listing_order(path: str) -> tuple[bool, int, str]:
    return path != _MAIN, path.count("/"), path


def _stem(path: str) -> str:
    return PurePosixPath(path).stem


def _is_identifier(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)


def _missing_file(path: str, contents: Contents) -> BadInput:
    scripts = [file for file in contents.files if file.endswith((".py", ".sh"))]
    return _bad(f"the package has no file {show(path)}{_some(scripts)}")


def _missing_module(text: str, contents: Contents) -> BadInput:
    module, _ = _split(text, contents)
    if not module:
        return _bad(f"{show(text)} is no entry point: use module.function or a .py or .sh file")
    roots = import_roots(contents)
    sources = (path for path in contents.files if path.endswith(".py"))
    names = (_module_name(path, contents, roots) for path in sources)
    known = sorted(name for name in names if name is not None)
    return _bad(f"the package has no module {show(module)}{_some(known)}")


def _some(names: list[str] | tuple[str, ...]) -> str:
    if not names:
        return " (it has none)"
    more = ", …" if len(names) > _NAMED_IN_MESSAGE else ""
    return f" (it has {', '.join(show(name) for name in names[:_NAMED_IN_MESSAGE])}{more})"


def _bad(message: str) -> BadInput:
    return BadInput(message, field="entryPoint")
