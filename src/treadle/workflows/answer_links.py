"""Links by which a wait for a response can be answered, by whoever has one.

A link is signed, not stored: tenant, execution, attempt and step, and a MAC over them. It answers
one wait; once that is over, by whatever, the link answers nothing any more. A step that is sent
anew after a crash therefore carries the same link as before.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final
from uuid import UUID

_MAC: Final = 20
"""Bytes of HMAC-SHA256: nobody guesses 160 bits."""
MAX_TOKEN: Final = 1_000


@dataclass(frozen=True, slots=True)
class Wait:
    """The wait that a link answers."""

    tenant_id: UUID
    execution_id: UUID
    step: str
    attempt: int


class AnswerLinks:
    """Makes and reads the tokens of links, under a key that all processes share."""

    def __init__(self, key: bytes, *, public_url: str = "") -> None:
        if len(key) < 32:
            raise ValueError("the key needs at least 32 bytes")
        self._key = key
        self._public_url = public_url.rstrip("/")

    def url(self, wait: Wait) -> str:
        """The address of the page behind the link."""
        return f"{self._public_url}/v1/workflows/answers/{self.token(wait)}"

    def token(self, wait: Wait) -> str:
        """Always the same for the same wait; URL-safe."""
        said = (
            wait.tenant_id.bytes
            + wait.execution_id.bytes
            + wait.attempt.to_bytes(4)
            + wait.step.encode()
        )
        return base64.urlsafe_b64encode(self._mac(said) + said).rstrip(b"=").decode()

    def wait(self, token: str) -> Wait | None:
        """The wait that a token is for; None for one that we did not sign."""
        if len(token) > MAX_TOKEN or not token.isascii():
            return None
        try:
            content = base64.b64decode(
                token + "=" * (-len(token) % 4), altchars=b"-_", validate=True
            )
        except (binascii.Error, ValueError):
            return None
        mac, said = content[:_MAC], content[_MAC:]
        if not hmac.compare_digest(mac, self._mac(said)):
            return None
        return Wait(
            UUID(bytes=said[:16]),
            UUID(bytes=said[16:32]),
            said[36:].decode(),
            int.from_bytes(said[32:36]),
        )

    def _mac(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, hashlib.sha256)[:_MAC]
