"""Would this key be let in, and why not: the questions of a request, asked in its order. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from treadle.core.errors import NotFound, TreadleError
from treadle.identity.firewall import rule_for
from treadle.identity.model import ApiKey, Principal
from treadle.identity.principals import principal_of_key
from treadle.identity.rights import (
    MISSING,
    PROJECT_RIGHTS,
    Right,
    require,
    require_a_role,
    require_somewhere,
)

Reason: TypeAlias = Literal["allowed", "expired", "firewall", "no_role", "invisible", "right"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a request with the key would come to."""

    allowed: bool
    reason: Reason
    status: int
    """Of the refusal; 200 for none."""
    message: str
    rule_name: str | None = None
    """The firewall rule that lets the address in; None where none is needed or none does."""


def is_of_a_project(right: Right) -> bool:
    """Whether the right is held in projects, and not in the tenant."""
    return right in PROJECT_RIGHTS["Owner"]


def judge(
    key: ApiKey, *, address: str, right: Right | None, project_id: UUID | None, now: datetime
) -> Verdict:
    """What becomes of a request from the address that needs the right.

    Without a right the key has only to see the project; without a project the right is asked in the
    tenant, or in any project. A tenant's right with a project is a ValueError.
    """
    if key.expires_at <= now:
        return Verdict(False, "expired", 401, "The key has expired.")
    rule = rule_for(key.firewall_rules, address)
    if key.firewall_rules and rule is None:
        return Verdict(False, "firewall", 403, "No firewall rule lets this address in.")
    rule_name = None if rule is None else rule.rule_name
    principal = principal_of_key(key)
    refusal = _refusal(principal, right, project_id)
    if refusal is None:
        return Verdict(True, "allowed", 200, "The key would be let in.", rule_name)
    reason, error = refusal
    return Verdict(False, reason, error.status, error.message, rule_name)


def _refusal(
    principal: Principal, right: Right | None, project_id: UUID | None
) -> tuple[Reason, TreadleError] | None:
    try:
        require_a_role(principal)
    except TreadleError as error:
        return "no_role", error
    try:
        if project_id is not None:
            require(principal, right or Right.PROJECT_READ, project_id)
        elif right is not None and is_of_a_project(right):
            if not require_somewhere(principal, right):
                return "invisible", NotFound(MISSING)
        elif right is not None:
            require(principal, right)
    except TreadleError as error:
        return ("invisible" if error.status == 404 else "right"), error
    return None
