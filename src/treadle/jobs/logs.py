"""From the bytes that code writes to the text that is kept: decoded, bounded, without secrets.

Pure: bytes go in as they come, in pieces of any size; text comes out.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection

MASK = "***"
SHORTEST_SECRET = 4  # a shorter one would mask half of every log, and hides nothing


class Scrubber:
    """Replaces secrets in a text that comes in pieces.

    A piece that ends with the beginning of a secret is held back by that much, until the next piece
    shows whether it is one.
    """

    def __init__(self, secrets: Collection[str]) -> None:
        worth = {secret for secret in secrets if len(secret) >= SHORTEST_SECRET}
        # A secret of several lines is usually printed line by line.
        lines = {line for secret in worth for line in secret.splitlines()}
        worth |= {line for line in lines if len(line) >= SHORTEST_SECRET}
        longest_first = sorted(worth, key=lambda secret: (-len(secret), secret))
        self._secrets = longest_first
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if worth else None
        self._held = ""

    def feed(self, text: str) -> str:
        """What can be shown by now."""
        if self._pattern is None:
            return text
        text = self._held + text
        cut = len(text) - self._beginning_at_end(text)
        for match in self._pattern.finditer(text):
            if match.start() < cut < match.end():  # a whole secret ends the text: show it masked
                cut = match.end()
        self._held = text[cut:]
        return self._pattern.sub(MASK, text[:cut])

    def close(self) -> str:
        """What was held back, when nothing more comes."""
        held, self._held = self._held, ""
        return self._pattern.sub(MASK, held) if self._pattern else held

    def _beginning_at_end(self, text: str) -> int:
        """Length of the longest ending of the text that a secret begins with."""
        longest = 0
        for secret in self._secrets:
            at = text.find(secret[0], max(0, len(text) - len(secret) + 1))
            while at != -1 and len(text) - at > longest:
                if secret.startswith(text[at:]):
                    longest = len(text) - at
                    break
                at = text.find(secret[0], at + 1)
        return longest


class LogText:
    """One attempt's log: UTF-8 (what is not becomes U+FFFD), without NUL, at most so many bytes."""

    def __init__(self, *, secrets: Collection[str], max_bytes: int) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._scrubber = Scrubber(secrets)
        self._left = max_bytes
        self._dropped = 0

    def feed(self, data: bytes) -> str:
        """The text to keep of these bytes and those before."""
        return self._bounded(self._scrubber.feed(self._decode(data)))

    def close(self) -> str:
        """The rest, and a line that says how much was left out, if anything was."""
        text = self._scrubber.feed(self._decode(b"", final=True)) + self._scrubber.close()
        text = self._bounded(text)
        if self._dropped:
            text += f"\n[treadle] the log was cut here: {self._dropped} bytes more are not kept\n"
        return text

    def _decode(self, data: bytes, *, final: bool = False) -> str:
        # PostgreSQL's text holds every character but NUL.
        return self._decoder.decode(data, final).replace("\0", "\ufffd")

    def _bounded(self, text: str) -> str:
        raw = text.encode()
        if len(raw) <= self._left:
            self._left -= len(raw)
            return text
        kept = raw[: self._left].decode("utf-8", "ignore")
        self._dropped += len(raw) - len(kept.encode())
        self._left = 0
        return kept
