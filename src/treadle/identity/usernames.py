"""User names: which are allowed, and when two of them are the same. Pure."""

from __future__ import annotations

import unicodedata

from treadle.core.errors import BadInput

MAX_USERNAME = 100
"""Characters."""


def tidy_username(text: str) -> str:
    """The name as it is stored: trimmed and composed. Raises BadInput.

    Refuses control, formatting and unassigned characters, which make two names look alike.
    """
    name = unicodedata.normalize("NFC", text.strip())
    if not 1 <= len(name) <= MAX_USERNAME:
        raise BadInput(f"username must have 1 to {MAX_USERNAME} characters", field="username")
    if any(unicodedata.category(character)[0] == "C" for character in name):
        raise BadInput("username must not hold control characters", field="username")
    return name


def fold_username(text: str) -> str:
    """How names are compared: equal for names that differ in case or in the form of a letter.

    Done here and not by the database, whose locale decides what `lower` knows of.
    """
    # A folding can bring forth what composes or folds again (Unicode, D147): hence twice.
    folded = unicodedata.normalize("NFKD", text.strip()).casefold()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", folded).casefold()).strip()
