"""API keys on the wire."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, Field

from treadle.api.lists import ListBody, list_example
from treadle.api.wire import Whole, exact, snake_case
from treadle.core.clock import iso, iso_or_none
from treadle.core.errors import BadInput
from treadle.identity.api_keys import MAX_DESCRIPTION, MAX_OVERLAP, KeyDraft
from treadle.identity.firewall import MAX_RULES, FirewallRule, parse_cidr, parse_ipv4
from treadle.identity.key_check import Reason, Verdict
from treadle.identity.key_reservations import Reservation
from treadle.identity.model import ApiKey, IssuedKey

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EXPIRY_RULE: Final = "must be a date and time like 2027-06-30T18:00:00Z, or a date"

_RULE_EXAMPLE: Final = {
    "rule_name": "Office",
    "start_ipv4": "192.0.2.16",
    "end_ipv4": "192.0.2.31",
}
_INPUT_EXAMPLE: Final = {
    "description": "Nightly import from the warehouse",
    "expires_at": "2027-06-30T18:00:00.000Z",
    "firewall_rules": [_RULE_EXAMPLE],
}
_CLIENT_ID: Final = "3f2b7c1e-9a54-4d0c-8f6e-5b1a2c3d4e5f"
_ROLE_EXAMPLE: Final = {
    "id": "0198f0a0-5b7e-7cc3-9d3f-3b1f0c5e2a11",
    "role": "Manager",
    "project_id": "0198f0a0-1111-7cc3-9d3f-3b1f0c5e2a11",
}
_SECRETS_EXAMPLE: Final = {
    "client_secret": "tdl_cs_3YyVbXh0kQ9ZtqL7mWcR2sDfGpJ5uN8aEvT1xKoB6iHCzAr4MP0nQ7e",
    "api_key": "tdl_key_3f2b7c1e9a544d0c8f6e5b1a2c3d4e5f"
    "_3YyVbXh0kQ9ZtqL7mWcR2sDfGpJ5uN8aEvT1xKoB6iHCzAr5b1XcW",
}
KEY_EXAMPLE: Final = {
    "id": _CLIENT_ID,
    "client_id": _CLIENT_ID,
    **_INPUT_EXAMPLE,
    "roles": [_ROLE_EXAMPLE],
    "old_secret_until": None,
    "created_at": "2026-11-21T09:00:00.000Z",
    "last_used_at": "2026-11-21T09:12:00.000Z",
    "last_used_from": "192.0.2.20",
}


def read_expiry(value: Any) -> datetime:
    """The instant from which the key is dead. A date is meant whole: it ends with the day, in UTC;
    a time without a zone is UTC. Raises ValueError.
    """
    if not isinstance(value, str):
        raise ValueError(_EXPIRY_RULE)
    text = value.strip()
    try:
        if _DATE.fullmatch(text):
            following = date.fromisoformat(text) + timedelta(days=1)
            return datetime.combine(following, time(), tzinfo=UTC)
        instant = datetime.fromisoformat(text)
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(_EXPIRY_RULE) from None


Description = Annotated[
    str, Field(description=f"How the key is used; 1 to {MAX_DESCRIPTION} characters.")
]
Expiry = Annotated[
    datetime,
    BeforeValidator(read_expiry),
    Field(
        description="In the future; the key is dead from then on. A date alone is taken whole: the "
        "key is dead when the day is over in UTC."
    ),
]


class RuleBody(BaseModel):
    """A range of addresses, both ends included."""

    model_config = snake_case(example=_RULE_EXAMPLE)

    rule_name: str
    start_ipv4: str
    end_ipv4: str


class RuleInput(BaseModel):
    """A range of addresses: first and last, one alone, or a CIDR range."""

    model_config = exact(example=_RULE_EXAMPLE)

    rule_name: str = Field(description="Unique in the key, 1 to 100 characters.")
    start_ipv4: str | None = None
    end_ipv4: str | None = Field(None, description="Left out: the same as `start_ipv4`.")
    cidr: str | None = Field(None, description="Instead of start and end: `192.0.2.0/24`.")


class _KeyFields(BaseModel):
    description: Description
    expires_at: Expiry
    firewall_rules: list[RuleInput] = Field(
        [], max_length=MAX_RULES, description="None: the key may be used from anywhere."
    )


class KeyInput(_KeyFields):
    """A key to be made."""

    model_config = exact(example=_INPUT_EXAMPLE)

    reservation: str | None = Field(
        None,
        max_length=1000,
        description="Of `POST /v1/api-keys/reservations`; none: a fresh client id and secret.",
    )


class KeyReplacement(_KeyFields):
    """All that can be said of a key. The rules have to be named: left out by mistake, they would
    open the key to everywhere."""

    model_config = snake_case(example=_INPUT_EXAMPLE)

    firewall_rules: list[RuleInput] = Field(
        max_length=MAX_RULES, description="An empty list: the key may be used from anywhere."
    )


class RotationInput(BaseModel):
    """How the secret is replaced."""

    model_config = exact(example={"overlap_seconds": 86400})

    overlap_seconds: Annotated[
        Whole,
        Field(
            ge=0,
            le=int(MAX_OVERLAP.total_seconds()),
            description="How long the old secret, and the tokens made with it, are still taken.",
        ),
    ] = 0


class ClientAddressInput(BaseModel):
    """The rule that is made of the caller's own address."""

    model_config = exact(example={"rule_name": "My desk"})

    rule_name: str | None = Field(None, description="Left out: `Client` and the address.")


class CheckInput(BaseModel):
    """A request that the key could make."""

    model_config = exact(
        example={"address": "192.0.2.20", "permission": "jobs_run", "project": "default"}
    )

    address: str = Field(description="IPv4 or IPv6 address of the caller.")
    permission: str | None = Field(None, description="A right, as `GET /v1/roles` names it.")
    project: str | None = Field(None, description="Id or name; left out: in any project.")


class CheckBody(BaseModel):
    """Whether the key would be let in."""

    model_config = snake_case(
        example={
            "allowed": False,
            "reason": "right",
            "status": 403,
            "message": "Your role does not allow you to run jobs.",
            "rule_name": "Office",
        }
    )

    allowed: bool
    reason: Reason
    status: int = Field(description="What the request would be answered with; 200 if let in.")
    message: str
    rule_name: str | None = Field(description="The firewall rule that lets the address in.")


class KeyRoleBody(BaseModel):
    """A role that the key holds."""

    model_config = snake_case(example=_ROLE_EXAMPLE)

    id: str = Field(description="The member's id, for `DELETE /v1/members/{id}`.")
    role: str
    project_id: str | None = Field(description="Where; null: in the whole tenant.")


class KeyBody(BaseModel):
    """An API key."""

    model_config = snake_case(example=KEY_EXAMPLE)

    id: str = Field(description="The client id.")
    client_id: str
    description: str
    expires_at: str
    firewall_rules: list[RuleBody]
    roles: list[KeyRoleBody] = Field(description="None: the key is refused everything.")
    old_secret_until: str | None = Field(
        description="Until when the secret before the last rotation is taken; null: it is dead."
    )
    created_at: str
    last_used_at: str | None = Field(description="To the minute.")
    last_used_from: str | None


class IssuedKeyBody(KeyBody):
    """An API key with its secret, which is shown this once."""

    model_config = snake_case(
        example={
            **KEY_EXAMPLE,
            **_SECRETS_EXAMPLE,
        }
    )

    client_secret: str = Field(description="For `POST /connect/token`.")
    api_key: str = Field(description="For the header `X-Api-Key`.")


class ReservationBody(BaseModel):
    """The client id and secret of a key that is about to be made."""

    model_config = snake_case(
        example={
            "client_id": _CLIENT_ID,
            **_SECRETS_EXAMPLE,
            "reservation": "AQIDBAWr3Jq0bTzX0m2v5cU8yR1kLwPd7hGfNsEaQxYtZiOuCvBnMj==",
            "reserved_until": "2026-11-21T10:00:00.000Z",
        }
    )

    client_id: str
    client_secret: str = Field(description="For `POST /connect/token`, once the key is made.")
    api_key: str = Field(description="For the header `X-Api-Key`, once the key is made.")
    reservation: str = Field(description="To be sent with `POST /v1/api-keys`.")
    reserved_until: str


class KeyList(ListBody[KeyBody]):
    """Some of the API keys."""

    model_config = snake_case(example=list_example(KEY_EXAMPLE))


def draft_of(body: KeyInput | KeyReplacement) -> KeyDraft:
    """What the body says. Raises BadInput for ranges that are none."""
    return KeyDraft(
        description=body.description,
        expires_at=body.expires_at,
        firewall_rules=tuple(
            _rule(rule, f"firewall_rules[{number}]")
            for number, rule in enumerate(body.firewall_rules)
        ),
    )


def key_body(key: ApiKey) -> KeyBody:
    """The key on the wire, without any secret."""
    return KeyBody(**_fields(key))


def issued_key_body(issued: IssuedKey) -> IssuedKeyBody:
    """The key on the wire, with its fresh secret."""
    return IssuedKeyBody(
        **_fields(issued.key), client_secret=issued.client_secret, api_key=issued.api_key
    )


def reservation_body(reservation: Reservation) -> ReservationBody:
    """The reservation on the wire."""
    return ReservationBody(
        client_id=str(reservation.client_id),
        client_secret=reservation.client_secret,
        api_key=reservation.api_key,
        reservation=reservation.text,
        reserved_until=iso(reservation.until),
    )


def check_body(verdict: Verdict) -> CheckBody:
    """The verdict on the wire."""
    return CheckBody(
        allowed=verdict.allowed,
        reason=verdict.reason,
        status=verdict.status,
        message=verdict.message,
        rule_name=verdict.rule_name,
    )


def _rule(rule: RuleInput, place: str) -> FirewallRule:
    if rule.cidr is not None:
        if rule.start_ipv4 is not None or rule.end_ipv4 is not None:
            raise BadInput(f"{place}: either cidr, or start and end", field="firewall_rules")
        start, end = parse_cidr(rule.cidr, field=f"{place}.cidr")
        return FirewallRule(rule.rule_name, start, end)
    if rule.start_ipv4 is None:
        raise BadInput(f"{place}.start_ipv4: is required", field="firewall_rules")
    start = parse_ipv4(rule.start_ipv4, field=f"{place}.start_ipv4")
    if rule.end_ipv4 is None:
        return FirewallRule(rule.rule_name, start, start)
    return FirewallRule(rule.rule_name, start, parse_ipv4(rule.end_ipv4, field=f"{place}.end_ipv4"))


def _fields(key: ApiKey) -> dict[str, Any]:
    return {
        "id": str(key.client_id),
        "client_id": str(key.client_id),
        "description": key.description,
        "expires_at": iso(key.expires_at),
        "firewall_rules": [
            RuleBody(
                rule_name=rule.rule_name,
                start_ipv4=str(rule.start_ipv4),
                end_ipv4=str(rule.end_ipv4),
            )
            for rule in key.firewall_rules
        ],
        "roles": [
            KeyRoleBody(
                id=str(member.id),
                role=member.role,
                project_id=None if member.project_id is None else str(member.project_id),
            )
            for member in key.roles
        ],
        "old_secret_until": iso_or_none(key.old_secret_until),
        "created_at": iso(key.created_at),
        "last_used_at": iso_or_none(key.last_used_at),
        "last_used_from": key.last_used_from,
    }
