"""What is wrong with a schedule's expression, said so that its writer can mend it."""

from __future__ import annotations

from treadle.core.errors import Unprocessable

SHOWN_CHARACTERS = 40
"""A message quotes at most this much of what the caller wrote."""


class ExpressionError(Unprocessable):
    """A field of the request does not parse or can never fire; `field` is the request's name of it.

    The message starts with the part that is at fault where there is one: `minute: 61 is not …`.
    """

    field: str

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message, field=field)


class InvalidText(Exception):
    """Raised by the readers of one form; `parse_expression` knows which field the text is of."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def quoted(text: str) -> str:
    """The caller's own text, short enough and printable for a message."""
    short = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
    return repr(short)
