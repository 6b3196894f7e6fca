"""Secrets at rest: AES-256-GCM under the installation's key, bound to where they stand.

A sealed value is `version (1 byte) | key id (4 bytes) | nonce (12 bytes) | ciphertext and tag`. The
context (say `macro:<tenant>:<id>`) is authenticated: a sealed value that is copied to another row
does not open there. The key id lets several keys live side by side while one is being replaced.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"
_HEADER = 1 + 4
_NONCE = 12


class CannotUnseal(Exception):
    """The value was sealed under a key that is not here, for another place, or was altered."""


def derive_key(master: bytes, purpose: str) -> bytes:
    """A 32-byte key for one purpose, by HMAC-SHA256 of its name under the master key."""
    return hmac.new(master, f"treadle:{purpose}".encode(), hashlib.sha256).digest()


class Sealer:
    """Seals with the first of its master keys and opens with any of them."""

    def __init__(self, masters: Sequence[bytes]) -> None:
        if not masters or any(len(master) < 32 for master in masters):
            raise ValueError("a master key needs at least 32 bytes")
        keys = [derive_key(master, "seal") for master in masters]
        self._ciphers = {hashlib.sha256(key).digest()[:4]: AESGCM(key) for key in keys}
        self._newest = next(iter(self._ciphers))

    @property
    def newest(self) -> bytes:
        """How everything begins that is sealed under the first key."""
        return _VERSION + self._newest

    def seal(self, plaintext: bytes, *, context: str) -> bytes:
        """The sealed form of `plaintext`; it opens only with the same `context`."""
        nonce = os.urandom(_NONCE)
        header = _VERSION + self._newest
        cipher = self._ciphers[self._newest]
        return header + nonce + cipher.encrypt(nonce, plaintext, header + context.encode())

    def unseal(self, sealed: bytes, *, context: str) -> bytes:
        """What was sealed. Raises CannotUnseal."""
        header, nonce = sealed[:_HEADER], sealed[_HEADER : _HEADER + _NONCE]
        cipher = self._ciphers.get(header[1:])
        if header[:1] != _VERSION or cipher is None:
            raise CannotUnseal("sealed under a key that this installation does not have")
        try:
            return cipher.decrypt(nonce, sealed[_HEADER + _NONCE :], header + context.encode())
        except InvalidTag:
            raise CannotUnseal("altered, or sealed for another place") from None
