"""Texts that people enter about users and projects. Pure."""

from __future__ import annotations

import unicodedata

from treadle.core.errors import BadInput

MAX_EMAIL = 254
"""Characters; what SMTP can carry."""


def check_text(text: str, *, field: str, least: int = 0, most: int) -> str:
    """The text, trimmed. Raises BadInput for a wrong length, control characters (line breaks and
    tabs too) and halves of characters."""
    trimmed = text.strip()
    if not least <= len(trimmed) <= most:
        raise BadInput(f"{field} must have {least} to {most} characters", field=field)
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in trimmed):
        raise BadInput(f"{field} must not hold control characters", field=field)
    return trimmed


def check_email(text: str, *, field: str = "email") -> str:
    """The address, trimmed, or nothing. Only mail itself can tell whether an address is real, so
    no more is asked than one @ between two parts without blanks. Raises BadInput.
    """
    address = check_text(text, field=field, most=MAX_EMAIL)
    local, _, domain = address.rpartition("@")
    if address and (not local or not domain or any(c.isspace() for c in address)):
        raise BadInput(f"{field} must be an address like name@example.com", field=field)
    return address
