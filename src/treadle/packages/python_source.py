"""What a Python source file defines at its top level, read without running it (pure)."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from treadle.core.errors import BadInput
from treadle.packages.names import show

# Parsing holds the interpreter lock, up to three seconds a megabyte: the server must still answer.
MAX_PARSED_BYTES = 128 * 1024
# The file name that the parser sees, so that its warnings about foreign code can be told apart.
_FILE_NAME = "<uploaded package>"


@dataclass(frozen=True, slots=True)
class SourceNames:
    """The names that a module binds at its top level."""

    # In the order of the source.
    functions: tuple[str, ...]
    classes: frozenset[str]
    # Imported or assigned: what they are shows only when the module runs.
    others: frozenset[str]
    # `from x import *`, or a module `__getattr__`: any name may be there.
    is_open: bool
    # `if __name__ == "__main__":`
    has_main_guard: bool


def read_names(source: bytes, *, path: str) -> SourceNames:
    """The names bound by a source file; BadInput, naming the line, when it does not parse."""
    tree = _parse(source, path)
    functions: dict[str, None] = {}
    classes: set[str] = set()
    others: set[str] = set()
    has_main_guard = False
    for statement in _top_level(tree):
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                functions[name] = None
            case ast.ClassDef(name=name):
                classes.add(name)
            case ast.If(test=test):
                has_main_guard = has_main_guard or _is_main_test(test)
            case _:
                others.update(_bound_names(statement))
    return SourceNames(
        functions=tuple(functions),
        classes=frozenset(classes),
        others=frozenset(others),
        is_open="*" in others or "__getattr__" in functions,
        has_main_guard=has_main_guard,
    )


def decode_source(source: bytes, *, path: str) -> str:
    """The text of a source file, by its coding line or as UTF-8; BadInput when it is not text."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        text = source.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        raise BadInput(f"{show(path)} is not a text file", field="file") from None
    if "\0" in text:
        raise BadInput(f"{show(path)} is not a text file", field="file")
    return text


def _parse(source: bytes, path: str) -> ast.Module:
    # Foreign code may hold invalid escapes. The filter is for this file name alone; putting it
    # in again is a no-op, while `catch_warnings` would not be safe between threads.
    warnings.filterwarnings("ignore", module=r"<uploaded package>\Z")
    try:
        return ast.parse(source, filename=_FILE_NAME)
    except SyntaxError as error:
        line = f" in line {error.lineno}" if error.lineno else ""
        raise BadInput(f"{show(path)} has a syntax error{line}", field="file") from None
    except ValueError:
        raise BadInput(f"{show(path)} is not a text file", field="file") from None
    except (RecursionError, MemoryError):
        raise BadInput(f"{show(path)} is nested too deeply to be read", field="file") from None


def _top_level(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements that run when the module is imported, those within `if` and `try` too."""
    waiting: list[ast.stmt] = tree.body[::-1]
    while waiting:
        statement = waiting.pop()
        yield statement
        inner: list[ast.stmt] = []
        match statement:
            case ast.If(body=body, orelse=orelse):
                inner = [*body, *orelse]
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
                handled = [line for handler in handlers for line in handler.body]
                inner = [*body, *handled, *orelse, *finalbody]
            case ast.With(body=body):
                inner = body
            case _:
                pass
        waiting.extend(reversed(inner))


def _bound_names(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.Import(names=names):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
        case ast.ImportFrom(names=names):
            yield from (alias.asname or alias.name for alias in names)
        case ast.Assign(targets=targets):
            yield from (target.id for target in targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
            yield name
        case _:
            pass


def _is_main_test(test: ast.expr) -> bool:
    match test:
        case ast.Compare(
            left=ast.Name(id="__name__"), ops=[ast.Eq()], comparators=[ast.Constant("__main__")]
        ):
            return True
        case _:
            return False
