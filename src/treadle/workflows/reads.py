"""What an expression reads of its variables, and how often at most, by looking at its text.

Two things are made of it. The library copies all data that it is given, so it is given only the
paths that an expression names: reading one key of a large payload costs that key. And an expression
whose macros read much, again and again, is refused before it runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

ROOTS = frozenset({"input", "payload", "steps", "item", "index", "execution"})
_MACROS = frozenset({"map", "filter", "exists", "all", "exists_one", "existsOne"})

_TOKEN = re.compile(
    r"""
    (?P<blank>\s+|//[^\n]*)
  | (?P<raw>[bB]?[rR][bB]?(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\n]*"|'[^'\n]*'))
  | (?P<text>[bB]?(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}
        |"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
  | (?P<number>0[xX][0-9a-fA-F]+[uU]?|(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?[uU]?)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<quoted>`[^`\n]*`)
  | (?P<sign>&&|\|\||[<>=!]=|.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str


Trie = dict[str, Any]
"""Keys to tries; an empty trie is everything from there on."""


@dataclass(slots=True)
class Reads:
    """What an expression reads."""

    paths: Trie = field(default_factory=dict)
    """Everything, by root variable."""
    repeated: Trie = field(default_factory=dict)
    """What a macro reads anew in each of its iterations, beside its own element."""
    crosses: bool = False
    """Whether a macro reads the element of a macro around it: that may be all there is."""
    macros: int = 0
    operations: int = 1
    growth: int = 1
    """How many times over its macros can repeat what they are given."""
    only_path: tuple[str | int, ...] | None = None
    """The keys and indexes after the root, if the expression is nothing but a path."""
    root: str = ""
    """The root of that path."""


@dataclass(slots=True)
class _Macro:
    """A macro whose parentheses are open."""

    variable: str
    maps: bool
    uses: int = 0


def tokens(text: str) -> list[Token]:
    """The tokens of an expression that the library has accepted, without blanks and comments."""
    return [
        Token(match.lastgroup or "", match.group())
        for match in _TOKEN.finditer(text)
        if match.lastgroup != "blank"
    ]


def reads_of(text: str) -> Reads:
    """What the expression `text`, which compiles, reads."""
    found = Reads()
    parts = tokens(text)
    # One entry for each open parenthesis: the macro that it belongs to, or None.
    opened: list[_Macro | None] = []
    for index, token in enumerate(parts):
        if token.text == "(":
            opened.append(_macro_at(parts, index))
            found.macros += opened[-1] is not None
            found.operations += 1
        elif token.text == ")" and opened:
            macro = opened.pop()
            if macro is not None and macro.maps:
                found.growth *= max(1, macro.uses)
        elif token.kind == "sign" and token.text not in ".,)]}":
            found.operations += 1
        elif token.kind == "name" and not _is_selected(parts, index):
            _note_name(found, parts, index, [macro for macro in opened if macro])
    _note_only_path(found, parts)
    return found


def _macro_at(parts: list[Token], index: int) -> _Macro | None:
    """The macro whose parenthesis opens at `index`: `.map(x, …`."""
    if not (_is(parts, index - 2, ".") and index >= 1 and parts[index - 1].text in _MACROS):
        return None
    variable = parts[index + 1].text if index + 1 < len(parts) else ""
    # The variable's own mention is no use of it.
    return _Macro(variable, parts[index - 1].text == "map", uses=-1)


def _note_name(found: Reads, parts: list[Token], index: int, macros: list[_Macro]) -> None:
    name = parts[index].text
    for depth, macro in enumerate(reversed(macros)):
        if macro.variable == name:
            macro.uses += 1
            found.crosses = found.crosses or depth > 0
            return  # even where it bears the name of a root: it hides that one
    if name in ROOTS and not _is(parts, index + 1, "("):
        keys = list(_keys(parts, index + 1))
        _add(found.paths, [name, *keys])
        if macros:
            _add(found.repeated, [name, *keys])


def _keys(parts: list[Token], index: int) -> Iterator[str]:
    """The keys that follow a name, as far as they are plain to see."""
    while True:
        key, index = _key(parts, index)
        if not isinstance(key, str):
            return
        yield key


def _key(parts: list[Token], index: int) -> tuple[str | int | None, int]:
    """The key or index at `index` and where it ends; None if there is none, or no plain one."""
    if _is(parts, index, ".") and index + 1 < len(parts) and parts[index + 1].kind == "name":
        if _is(parts, index + 2, "("):
            return None, index  # a method
        return parts[index + 1].text, index + 2
    if _is(parts, index, "[") and _is(parts, index + 2, "]"):
        inner = parts[index + 1]
        if inner.kind == "text" and "\\" not in inner.text and inner.text[0] in "\"'":
            quotes = 3 if inner.text[:3] in ('"""', "'''") else 1
            return inner.text[quotes:-quotes], index + 3
        if inner.kind == "number" and inner.text.isdigit() and len(inner.text) < 10:
            return int(inner.text), index + 3
    return None, index


def _note_only_path(found: Reads, parts: list[Token]) -> None:
    if not parts or parts[0].text not in ROOTS:
        return
    keys: list[str | int] = []
    index = 1
    while index < len(parts):
        key, index = _key(parts, index)
        if key is None:
            return
        keys.append(key)
    found.root, found.only_path = parts[0].text, tuple(keys)


def _is_selected(parts: list[Token], index: int) -> bool:
    """Whether a name is the field of something; after a dot that begins an operand it is not."""
    if not _is(parts, index - 1, "."):
        return False
    return index >= 2 and (parts[index - 2].kind != "sign" or parts[index - 2].text in ")]}")


def _is(parts: list[Token], index: int, text: str) -> bool:
    return 0 <= index < len(parts) and parts[index].text == text


def _add(trie: Trie, keys: list[str]) -> None:
    """Adds a path; a shorter one takes in all that are longer."""
    for position, key in enumerate(keys):
        last = position == len(keys) - 1
        if key not in trie:
            trie[key] = {}
            if last:
                return
        elif not trie[key]:
            return  # everything from here on is read already
        elif last:
            trie[key].clear()
            return
        trie = trie[key]


def cutting(trie: Trie) -> Callable[[Any], Any]:
    """`pruned` for this trie, made ready: most expressions read a key or two of a variable."""
    if any(trie.values()):
        return lambda value: pruned(value, trie)
    if not trie:
        return lambda value: value
    keys = tuple(trie)

    def cut(value: Any) -> Any:
        if type(value) is not dict:
            return value
        return {key: value[key] for key in keys if key in value}

    return cut


def pruned(value: Any, trie: Trie) -> Any:
    """`value` without what `trie` doesn't name; the parts themselves are not copied."""
    if not trie or type(value) is not dict:
        return value
    return {key: pruned(value[key], inner) for key, inner in trie.items() if key in value}


def literal_end(text: str, position: int) -> int:
    """Where the literal that begins with the quote at `position` ends: the end, if it is open."""
    raw = re.search(r"(?<![A-Za-z0-9_])([bB]?[rR][bB]?)$", text[max(0, position - 3) : position])
    begin = position - len(raw.group(1)) if raw else position
    match = _TOKEN.match(text, begin)
    if match is None or match.lastgroup not in ("raw", "text"):
        return len(text)
    return match.end()
