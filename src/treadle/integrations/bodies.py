"""An answer's body, bounded while it comes, before and after it is unpacked."""

from __future__ import annotations

import zlib
from typing import Final

from treadle.integrations.errors import BrokenAnswer, TooLarge

ACCEPTED_ENCODING: Final = "gzip"
"""The one encoding that is asked for, so that there is one way to be bombed."""
_GZIP: Final = 16 + zlib.MAX_WBITS


class BodyReader:
    """Takes a body in pieces and gives it whole; never holds more than `max_bytes` of it.

    What comes in is counted as well as what it unpacks to: a stream of empty members unpacks to
    nothing for ever.
    """

    def __init__(self, *, encoding: str, max_bytes: int, place: str) -> None:
        """Raises BrokenAnswer for an encoding that was not asked for."""
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise BrokenAnswer(f"{place} answers in an encoding that was not asked for")
        self._unpacks = encoding.endswith("gzip")
        self._inflater = zlib.decompressobj(_GZIP)
        self._max_bytes = max_bytes
        self._place = place
        self._came = 0
        self._body = bytearray()

    def feed(self, piece: bytes) -> None:
        """Raises TooLarge, BrokenAnswer."""
        self._came += len(piece)
        if self._came > self._max_bytes:
            raise self._too_large()
        if self._unpacks:
            self._unpack(piece)
        else:
            self._body += piece

    def finish(self) -> bytes:
        """The body. Raises BrokenAnswer where its end is missing."""
        if self._unpacks and self._came and not self._inflater.eof:
            raise BrokenAnswer(f"the compressed answer of {self._place} ends early")
        return bytes(self._body)

    def _unpack(self, piece: bytes) -> None:
        while piece:
            if self._inflater.eof:  # another member follows the one that ended
                self._inflater = zlib.decompressobj(_GZIP)
            room = self._max_bytes - len(self._body) + 1
            try:
                self._body += self._inflater.decompress(piece, room)
            except zlib.error:
                raise BrokenAnswer(f"the compressed answer of {self._place} is broken") from None
            if len(self._body) > self._max_bytes:
                raise self._too_large()
            piece = self._inflater.unconsumed_tail or self._inflater.unused_data

    def _too_large(self) -> TooLarge:
        return TooLarge(f"{self._place} answers with more than {self._max_bytes} bytes")
