"""What can go wrong, as small classes; the edge (`treadle.api.errors`) gives each contract's shape.

    TreadleError
    ├── BadInput          400  the request is readable but breaks a rule; `field` names where
    ├── Unauthenticated   401  no credential, or one that is wrong, expired or revoked
    ├── Forbidden         403  known caller, not enough right
    ├── NotFound          404  missing, or not visible to this caller: the two look the same
    ├── Conflict          409  the state of the thing forbids this now
    ├── TooLarge          413  over a size limit
    ├── Unprocessable     422  well-formed, but cannot mean what it says
    │   └── Faulty        422  the same for several reasons, each with its place
    └── TooManyRequests   429  slow down; `retry_after_seconds` says for how long

A message is for the caller: it names the field and the rule, never anything of the inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


class TreadleError(Exception):
    """Base of all errors that a caller may see."""

    status: int = 500
    code: str | None = None
    """A word for programs, where a contract has one for this case."""

    def __init__(
        self, message: str, *, field: str | None = None, reason: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.reason = reason
        """What the audit log says where the message must not tell."""


class BadInput(TreadleError):
    """The request breaks a rule that the message names."""

    status = 400


class Unauthenticated(TreadleError):
    """Nobody we know is calling. The text never says which part was wrong."""

    status = 401


class Forbidden(TreadleError):
    """The caller is known and may see the thing, but not do this to it."""

    status = 403


class NotFound(TreadleError):
    """The thing does not exist for this caller."""

    status = 404


class Conflict(TreadleError):
    """The thing is in a state that forbids this."""

    status = 409


class TooLarge(TreadleError):
    """A body, an archive or a list is over its limit."""

    status = 413


class TooDeep(BadInput):
    """JSON nests deeper than it may. Of a request's body the edge makes TooLarge."""


class Unprocessable(TreadleError):
    """A well-formed request that cannot mean what it says."""

    status = 422


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One thing that is wrong with a request: where (`("records", 3, "data")`), and the rule."""

    place: tuple[str | int, ...]
    message: str

    def below(self, *place: str | int) -> FieldFault:
        """The same fault where its place is a part of this one."""
        return FieldFault((*place, *self.place), self.message)


class Faulty(Unprocessable):
    """A request that breaks rules in one place or more of its body, or of its query."""

    def __init__(
        self, faults: Sequence[FieldFault], *, part: Literal["body", "query"] = "body"
    ) -> None:
        """`faults` has one fault at least."""
        place = ".".join(str(step) for step in faults[0].place)
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__(f"{place or part}: {faults[0].message}{more}", field=place)
        self.faults = tuple(faults)
        self.part = part


class TooManyRequests(TreadleError):
    """The caller has used up its allowance."""

    status = 429

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
