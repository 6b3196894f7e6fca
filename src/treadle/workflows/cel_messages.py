"""What the expression library says when an expression can't be compiled or run, in plainer words.

Its own words tell of its inside: of tokens, overloads and types with their sizes. What is not known
here is passed on as it is. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_END: Final = "<EOF>"
_MEANT: Final = {"=": "==", "and": "&&", "or": "||", "not": "!", "&": "&&", "|": "||"}
"""What those write who come from another language."""
_TOKEN: Final = re.compile(r"'([^']+)'")
_OPERATORS: Final = {"_[_]": "[]", "_?_:_": "?:"}
_NO_CONDITION: Final = "what stands before ? is neither true nor false"
_MOST_NAMED: Final = 3


def in_words(message: str) -> str:
    """The message, as it is told to the author."""
    kind, mark, rest = message.partition("Syntax error: ")
    if mark and not kind:
        return mark + _first(_SYNTAX, rest)
    return _first(_MEANING, message)


def _unexpected(match: re.Match[str]) -> str:
    if match["found"] != _END:
        return _stray(match["found"])
    wanted = _TOKEN.findall(match["wanted"])
    told = "the expression ends too early"
    # A long list of what may follow helps nobody.
    if not 0 < len(wanted) <= _MOST_NAMED:
        return told
    return f"{told}: {' or '.join(map(repr, wanted))} is missing"


def _stray(found: str) -> str:
    meant = _MEANT.get(found.strip())
    return f"unexpected {found.strip()!r}" + (f": write {meant}" if meant else "")


def _unread(match: re.Match[str]) -> str:
    found = match["found"]
    if found.startswith(("'", '"')):
        return f"a text that begins with {found[0]} does not end, or has a bad escape"
    return _stray(found)


def _missing(match: re.Match[str]) -> str:
    place = "at the end" if match["found"] == _END else f"before {match['found']!r}"
    return f"{match['wanted']!r} is missing {place}"


def _no_overload(match: re.Match[str]) -> str:
    name = match["name"]
    shown = _OPERATORS.get(name) or name.strip("_@")
    types = (match["types"] or "").replace("int64", "int")
    if types:
        return f"{shown!r} does not take {types}"
    return f"{shown!r} takes nothing but true and false"


def _no_key(match: re.Match[str]) -> str:
    return f"there is no key {match['key']!r}"


def _no_place(match: re.Match[str]) -> str:
    return f"there is no [{match['index']}]: the list has {match['size']} values"


_Words = Callable[[re.Match[str]], str]
_Known = list[tuple[re.Pattern[str], _Words]]


def _known(*known: tuple[str, _Words]) -> _Known:
    return [(re.compile(pattern, re.DOTALL), words) for pattern, words in known]


_SYNTAX: Final = _known(
    (r"(mismatched|extraneous) input '(?P<found>.+?)' expecting (?P<wanted>.+)", _unexpected),
    (r"token recognition error at: '(?P<found>.+)'", _unread),
    (r"missing '(?P<wanted>.+?)' at '(?P<found>.+)'", _missing),
    (r"no viable alternative at input '(?P<found>.+)'", lambda match: _stray(match["found"])),
)
_APPLIED: Final = r"found no matching overload for '(?P<name>.+)' applied to '\((?P<types>.*)\)'"
_MEANING: Final = _known(
    (_APPLIED, _no_overload),
    (r"No matching overloads found : <jump_condition>", lambda _: _NO_CONDITION),
    (r"No matching overloads found : (?P<name>[^(]+)(\((?P<types>.*)\))?", _no_overload),
    (r'Key not found in map : "(?P<key>.*)"', _no_key),
    (r"Applying SELECT to non-message type", lambda _: "a key is read of what is no object"),
    (r"Index error: index=(?P<index>-?\d+) size=(?P<size>\d+)", _no_place),
)


def _first(known: _Known, message: str) -> str:
    for pattern, words in known:
        if match := pattern.fullmatch(message):
            return words(match)
    return message
