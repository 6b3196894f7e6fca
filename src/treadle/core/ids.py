"""Identifiers and random secrets."""

from __future__ import annotations

import hashlib
import secrets
from uuid import UUID

import uuid_utils


def new_id() -> UUID:
    """A fresh UUIDv7 (RFC 9562): grows with time, so that index pages fill in order."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


def parse_id(text: str) -> UUID | None:
    """The UUID that `text` spells, or None: an id that nobody could have is simply not found."""
    try:
        return UUID(text)
    except ValueError:
        return None


def parse_number(text: str) -> int | None:
    """The positive 63-bit number that `text` spells in plain decimal digits, or None."""
    if not (text.isascii() and text.isdigit() and len(text) <= 19) or text != str(int(text)):
        return None
    number = int(text)
    return number if 0 < number < 2**63 else None


def new_secret(prefix: str) -> str:
    """A secret of 256 random bits behind a recognisable prefix, URL-safe."""
    return f"{prefix}{secrets.token_urlsafe(32)}"


def secret_hash(secret: str) -> bytes:
    """What is stored of a random secret: SHA-256. Enough because the secret has 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()
