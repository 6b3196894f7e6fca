"""How the secrets of API keys are written. Pure.

    client secret   tdl_cs_<secret><checksum>
    API key         tdl_key_<client id, 32 hex digits>_<secret><checksum>

The secret is 256 bits as 43 base62 digits. The checksum is the CRC-32 of all that stands before it,
as 6 base62 digits: a scanner can tell a real text from one that only looks alike, and a mistyped
one is refused without asking the database.
"""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID
from zlib import crc32

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SECRET_BITS: Final = 256
_SECRET_LENGTH: Final = 43
_CHECKSUM_LENGTH: Final = 6

_CLIENT_SECRET_PREFIX: Final = "tdl_cs_"  # noqa: S105 - how all of them begin
_API_KEY_PREFIX: Final = "tdl_key_"
_CLIENT_SECRET: Final = re.compile(r"tdl_cs_([0-9A-Za-z]{43})[0-9A-Za-z]{6}")
_API_KEY: Final = re.compile(r"tdl_key_([0-9a-f]{32})_([0-9A-Za-z]{43})[0-9A-Za-z]{6}")


def spell_secret(number: int) -> str:
    """The 256-bit number as base62 digits, always of the same length."""
    if not 0 <= number < 2**SECRET_BITS:
        raise ValueError(f"a secret has {SECRET_BITS} bits")
    return _base62(number, _SECRET_LENGTH)


def client_secret_text(secret: str) -> str:
    """What a client sends as `client_secret`."""
    return _with_checksum(f"{_CLIENT_SECRET_PREFIX}{secret}")


def api_key_text(client_id: UUID, secret: str) -> str:
    """What a client sends as `X-Api-Key`."""
    return _with_checksum(f"{_API_KEY_PREFIX}{client_id.hex}_{secret}")


def read_client_secret(text: str) -> str | None:
    """The secret in a client secret, or None for what can be none."""
    match = _CLIENT_SECRET.fullmatch(text)
    return match[1] if match and _has_checksum(text) else None


def read_api_key(text: str) -> tuple[UUID, str] | None:
    """The client id and the secret in an API key, or None for what can be none."""
    match = _API_KEY.fullmatch(text)
    return (UUID(match[1]), match[2]) if match and _has_checksum(text) else None


def _with_checksum(text: str) -> str:
    return text + _base62(crc32(text.encode()), _CHECKSUM_LENGTH)


def _has_checksum(text: str) -> bool:
    return _with_checksum(text[:-_CHECKSUM_LENGTH]) == text


def _base62(number: int, length: int) -> str:
    digits: list[str] = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
