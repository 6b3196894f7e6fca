"""The chain of the audit log, and what may stand in an entry. Pure.

An entry's *digest* is the SHA-256 of its content in one spelling; its *hash* covers the hash of the
entry before it in the tenant, its number and its digest. Whoever changes, removes or moves an entry
breaks the chain there; who removes the last ones is given away by the recorded head.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, Literal, TypeAlias, cast
from uuid import UUID

from treadle.core.json import canonical

Outcome: TypeAlias = Literal["allowed", "refused"]

INSTALLATION: Final = UUID(int=0)
"""The tenant of entries that belong to none: only the operator reads them."""
STRUCK_OUT: Final = "***"
START: Final = bytes(32)
"""The hash before the first entry."""
MAX_TEXT: Final = 500
MAX_ITEMS: Final = 500
_MAX_DEPTH: Final = 8

_SECRET_NAME: Final = re.compile(
    "passw|secret|token|authorization|api[-_]?key|credential|cookie|private", re.IGNORECASE
)
_SECRET_TEXT: Final = re.compile(r"tdl_[a-z]{2,3}_[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What was done or refused, in the words that are stored. `times` counts alike refusals."""

    id: UUID
    tenant_id: UUID
    at: datetime
    actor: str
    action: str
    target: str
    outcome: Outcome
    address: str
    credential: str
    request_id: str
    times: int
    before: dict[str, Any] | None
    after: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class ChainedEntry:
    """An entry with its place in its tenant's chain."""

    entry: AuditEntry
    number: int
    digest: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a tenant's chain. An empty one ends at number 0."""

    number: int = 0
    hash: bytes = START


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where a chain does not hold. `id` is the entry that stands there, if any."""

    tenant_id: UUID
    number: int
    id: UUID | None
    reason: str


def digest_of(entry: AuditEntry) -> bytes:
    """SHA-256 of the content, the same for the entry that is written and the one that is read."""
    content = {field.name: getattr(entry, field.name) for field in fields(entry)}
    content["at"] = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    content["id"], content["tenant_id"] = str(entry.id), str(entry.tenant_id)
    return hashlib.sha256(canonical(content)).digest()


def link(before: Head, digest: bytes) -> Head:
    """The head after an entry with this digest."""
    number = before.number + 1
    linked = before.hash + number.to_bytes(8, "big") + digest
    return Head(number, hashlib.sha256(linked).digest())


def walk(tenant_id: UUID, head: Head, entries: Iterable[ChainedEntry]) -> Head | Break:
    """From `head` along the next entries in order of their numbers: the head after them, or the
    first break.
    """
    for found in entries:
        expected = link(head, found.digest)
        if found.number != expected.number:
            gap = f"entry {expected.number} is missing"
            return Break(tenant_id, expected.number, None, gap)
        if digest_of(found.entry) != found.digest:
            return Break(tenant_id, found.number, found.entry.id, "its content was changed")
        if found.hash != expected.hash:
            return Break(tenant_id, found.number, found.entry.id, "its hash does not fit")
        head = expected
    return head


def changed(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of both only what differs."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return (
        {name: before[name] for name in names if name in before},
        {name: after[name] for name in names if name in after},
    )


def redacted(value: object) -> dict[str, Any]:
    """The fields of a mapping or a dataclass as JSON, bounded, without secrets: struck out is what
    a field's name calls secret, what a dataclass hides from its `repr`, bytes, and any text that
    looks like a credential of ours.
    """
    return cast("dict[str, Any]", _plain(value, 0))


def _plain(value: object, depth: int) -> object:
    if depth > _MAX_DEPTH:
        return "…"
    if is_dataclass(value) and not isinstance(value, type):
        value = {
            field.name: getattr(value, field.name) if field.repr else STRUCK_OUT
            for field in fields(value)
        }
    if isinstance(value, Mapping):
        return _fields(cast("Mapping[object, object]", value), depth)
    if isinstance(value, (list, tuple, set, frozenset)):
        return _items(cast("Iterable[object]", value), depth)
    return _scalar(value)


def _scalar(value: object) -> object:
    match value:
        case Enum():
            return _scalar(value.value)
        case None | bool():
            return value
        case int():
            return value if -(2**63) <= value < 2**63 else str(value)
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case bytes() | bytearray() | memoryview():
            return STRUCK_OUT
        case _:
            return tidy(str(value))


def _fields(content: Mapping[Any, object], depth: int) -> dict[str, object]:
    return {
        tidy(str(name)): STRUCK_OUT
        if _SECRET_NAME.search(str(name)) and inner is not None
        else _plain(inner, depth + 1)
        for name, inner in list(content.items())[:MAX_ITEMS]
    }


def _items(content: Iterable[object], depth: int) -> list[object]:
    plain = [_plain(item, depth + 1) for item in content]
    more = len(plain) - MAX_ITEMS
    return plain if more <= 0 else [*plain[:MAX_ITEMS], f"and {more} more"]


def tidy(text: str) -> str:
    """The text as it may be stored: bounded, without secrets of ours and without characters that a
    database or JSON refuses.
    """
    text = _SECRET_TEXT.sub(STRUCK_OUT, text).replace("\0", "\ufffd")
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
