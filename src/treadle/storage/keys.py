"""Keys: the relative, slash-separated names under which files are stored.

A key is made by our own code, so a bad one is a bug; it is refused all the same before it reaches
a folder, because a key may carry a part that came from outside.
"""

from __future__ import annotations

import unicodedata

from treadle.storage.errors import InvalidKey

# A file name holds 255 bytes; the folder store writes "<name>#<n>" first, so some are left over.
MAX_SEGMENT_BYTES = 240
# S3 allows 1,024 bytes for the whole key, the installation's prefix included.
MAX_KEY_BYTES = 800


def validate_key(key: str) -> str:
    """Return the key as it is stored; InvalidKey when it is not safe in a folder and in S3 alike.

    `#` is stored as `%23` (and so `%` as `%25`): the folder store keeps names that end in `#1`
    for its own unfinished files.
    """
    if not key:
        raise InvalidKey("a storage key is empty")
    if any(_is_unprintable(character) for character in key):
        raise InvalidKey(f"storage key {key!r} has a control character")
    stored = key.replace("%", "%25").replace("#", "%23")
    if len(stored.encode()) > MAX_KEY_BYTES:
        raise InvalidKey(f"storage key {key[:60]!r}… is over {MAX_KEY_BYTES} bytes")
    for segment in stored.split("/"):
        if segment in ("", ".", ".."):
            raise InvalidKey(f"storage key {key!r} has the segment {segment!r}")
        if len(segment.encode()) > MAX_SEGMENT_BYTES:
            raise InvalidKey(
                f"storage key {key[:60]!r}… has a segment over {MAX_SEGMENT_BYTES} bytes"
            )
    return stored


def _is_unprintable(character: str) -> bool:
    # Cs are lone surrogates: they have no UTF-8 form.
    return unicodedata.category(character) in ("Cc", "Cs")
