"""API keys: what programs come in with. Only Administrators see and change them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final
from uuid import UUID

from treadle.core.errors import BadInput, Conflict, NotFound
from treadle.core.ids import secret_hash
from treadle.core.pages import Slice, Window
from treadle.db.transaction import Transaction
from treadle.identity import api_key_store as store
from treadle.identity import audit, member_store, projects
from treadle.identity.firewall import MAX_RULES, FirewallRule, check_rules, ipv4_of
from treadle.identity.key_check import Verdict, is_of_a_project, judge
from treadle.identity.key_reservations import KeySecret, new_key_secret
from treadle.identity.key_texts import api_key_text, client_secret_text
from treadle.identity.model import ApiKey, IssuedKey, Principal
from treadle.identity.rights import MISSING, Right, require
from treadle.identity.texts import check_text

MAX_DESCRIPTION: Final = 500
MAX_OVERLAP: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class KeyDraft:
    """What an Administrator says of a key."""

    description: str
    expires_at: datetime
    firewall_rules: tuple[FirewallRule, ...] = ()


async def create_key(
    tx: Transaction,
    caller: Principal,
    draft: KeyDraft,
    *,
    reserved: KeySecret | None = None,
    now: datetime,
) -> IssuedKey:
    """A new key, which has no role yet: nothing is allowed to it. Its id and secret are those that
    were reserved, or fresh ones. Raises Forbidden, BadInput, and Conflict for a reservation that a
    key was made of.
    """
    require(caller, Right.KEYS_WRITE)
    checked = _checked(draft, now=now)
    fresh = reserved or new_key_secret()
    client_id, secret = fresh.client_id, fresh.secret
    is_new = await store.insert_key(
        tx,
        client_id,
        description=checked.description,
        expires_at=checked.expires_at,
        secret_hash=secret_hash(secret),
        by=caller.ref,
        now=now,
    )
    if not is_new:
        raise Conflict("A key was already made of this reservation.", field="reservation")
    await store.put_rules(tx, client_id, checked.firewall_rules)
    key = await _key(tx, client_id)
    await audit.record(tx, caller, action="key.create", target=key.ref, after=_told(key), now=now)
    return _issued(key, secret)


async def list_keys(tx: Transaction, caller: Principal, window: Window) -> Slice[ApiKey]:
    """The keys of the tenant, the newest first. Raises Forbidden."""
    require(caller, Right.KEYS_READ)
    return await store.list_keys(tx, window)


async def get_key(tx: Transaction, caller: Principal, client_id: UUID | None) -> ApiKey:
    """The key. Raises Forbidden, NotFound."""
    require(caller, Right.KEYS_READ)
    return await _key(tx, client_id)


async def change_key(
    tx: Transaction, caller: Principal, client_id: UUID | None, draft: KeyDraft, *, now: datetime
) -> ApiKey:
    """The key as the draft says, for every process at once. An expiry that is not changed may lie
    in the past. Raises Forbidden, NotFound, BadInput.
    """
    key = await _locked(tx, caller, client_id)
    checked = _checked(draft, now=now, kept=key.expires_at)
    await store.update_key(
        tx,
        key.client_id,
        description=checked.description,
        expires_at=checked.expires_at,
        by=caller.ref,
        now=now,
    )
    await store.put_rules(tx, key.client_id, checked.firewall_rules)
    changed = await _key(tx, key.client_id)
    await audit.record(
        tx,
        caller,
        action="key.change",
        target=key.ref,
        before=_told(key),
        after=_told(changed),
        now=now,
    )
    return changed


async def rotate_key(
    tx: Transaction,
    caller: Principal,
    client_id: UUID | None,
    *,
    overlap: timedelta = timedelta(0),
    now: datetime,
) -> IssuedKey:
    """The key with a fresh secret. The old one and its tokens live on for `overlap`; what was
    rotated before dies in any case. Raises Forbidden, NotFound, BadInput.
    """
    key = await _locked(tx, caller, client_id)
    if not timedelta(0) <= overlap <= MAX_OVERLAP:
        most = int(MAX_OVERLAP.total_seconds())
        raise BadInput(f"overlap_seconds must be 0 to {most}", field="overlap_seconds")
    secret, old_until = new_key_secret().secret, now + overlap if overlap else None
    await store.replace_secret(
        tx,
        key.client_id,
        secret_hash=secret_hash(secret),
        old_until=old_until,
        by=caller.ref,
        now=now,
    )
    after = {"old_one_lives_until": old_until}
    await audit.record(tx, caller, action="key.rotate", target=key.ref, after=after, now=now)
    return _issued(await _key(tx, key.client_id), secret)


async def delete_key(
    tx: Transaction, caller: Principal, client_id: UUID | None, *, now: datetime
) -> None:
    """The key is gone for good, with its roles and tokens. Its client id never comes back.

    Raises Forbidden, NotFound.
    """
    key = await _locked(tx, caller, client_id)
    await store.delete_key(tx, key.client_id)
    # After the key, which whoever gives it a role holds on to: no role is left behind.
    await member_store.delete_roles(tx, member_type="api_key", member_id=str(client_id))
    roles = [{"role": member.role, "project_id": member.project_id} for member in key.roles]
    before = {**_told(key), "roles": roles}
    await audit.record(tx, caller, action="key.delete", target=key.ref, before=before, now=now)


async def add_client_address(
    tx: Transaction,
    caller: Principal,
    client_id: UUID | None,
    *,
    address: str,
    rule_name: str | None = None,
    now: datetime,
) -> ApiKey:
    """The key with one more rule: for the caller's own address. Nothing changes if it is there.

    Raises Forbidden, NotFound, BadInput for a caller without an IPv4 address, and Conflict for a
    name that is taken or a key that has as many rules as it may.
    """
    key = await _locked(tx, caller, client_id)
    own = ipv4_of(address)
    if own is None:
        raise BadInput(f"Your address {address} is not an IPv4 address.", field="address")
    rule = FirewallRule(rule_name or f"Client {own}", own, own)
    if rule in key.firewall_rules:
        return key
    if any(other.rule_name.casefold() == rule.rule_name.casefold() for other in key.firewall_rules):
        raise Conflict("There is a rule of this name.", field="rule_name")
    if len(key.firewall_rules) >= MAX_RULES:
        raise Conflict(f"The key has {MAX_RULES} rules, which is the most.", field="firewall_rules")
    draft = KeyDraft(key.description, key.expires_at, (*key.firewall_rules, rule))
    return await change_key(tx, caller, client_id, draft, now=now)


async def check_key(
    tx: Transaction,
    caller: Principal,
    client_id: UUID | None,
    *,
    address: str,
    permission: str | None = None,
    project: str | None = None,
    now: datetime,
) -> Verdict:
    """Whether the key would be let in from the address, and why not. Nothing is changed or noted.

    Raises Forbidden, NotFound, and BadInput for an address, right or project that is none.
    """
    key = await get_key(tx, caller, client_id)
    right = None if permission is None else parse_right(permission)
    project_id: UUID | None = None
    if project is not None:
        if right is not None and not is_of_a_project(right):
            raise BadInput("project: this permission is of the whole tenant", field="project")
        found = await projects.find_project(tx, project)
        if found is None:
            raise BadInput("project: there is no such project", field="project")
        project_id = found.id
    return judge(key, address=_address(address), right=right, project_id=project_id, now=now)


def parse_right(text: str) -> Right:
    """The right of this name, in any letter case. Raises BadInput."""
    try:
        return Right[text.upper()]
    except KeyError:
        raise BadInput(
            "permission: there is no such right; GET /v1/roles lists them", field="permission"
        ) from None


async def _locked(tx: Transaction, caller: Principal, client_id: UUID | None) -> ApiKey:
    """The key that the caller may change, and that nobody else changes meanwhile."""
    require(caller, Right.KEYS_WRITE)
    if client_id is None or not await store.lock_key(tx, client_id):
        raise NotFound(MISSING)
    return await _key(tx, client_id)


async def _key(tx: Transaction, client_id: UUID | None) -> ApiKey:
    key = None if client_id is None else await store.find_key(tx, client_id)
    if key is None:
        raise NotFound(MISSING)
    return key


def _checked(draft: KeyDraft, *, now: datetime, kept: datetime | None = None) -> KeyDraft:
    """The draft as it is stored. Raises BadInput."""
    # As precise as the wire, so that what is read can be sent back.
    expires_at = draft.expires_at.replace(microsecond=draft.expires_at.microsecond // 1000 * 1000)
    if expires_at <= now and expires_at != kept:
        raise BadInput("expires_at must be in the future", field="expires_at")
    return KeyDraft(
        description=check_text(
            draft.description, field="description", least=1, most=MAX_DESCRIPTION
        ),
        expires_at=expires_at,
        firewall_rules=check_rules(draft.firewall_rules),
    )


def _address(text: str) -> str:
    try:
        return str(ip_address(text.strip()))
    except ValueError:
        raise BadInput("address must be an IPv4 or IPv6 address", field="address") from None


def _told(key: ApiKey) -> dict[str, object]:
    """What the audit log tells of a key."""
    return {
        "description": key.description,
        "expires_at": key.expires_at,
        "firewall_rules": key.firewall_rules,
    }


def _issued(key: ApiKey, secret: str) -> IssuedKey:
    return IssuedKey(
        key=key,
        client_secret=client_secret_text(secret),
        api_key=api_key_text(key.client_id, secret),
    )
