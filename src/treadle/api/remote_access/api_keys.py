"""API keys: made, shown, changed, rotated, deleted and asked about by Administrators."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request, Response

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Base, Context, Tx, client_address_of, needs
from treadle.api.lists import ListWindow
from treadle.api.remote_access.api_key_bodies import (
    CheckBody,
    CheckInput,
    ClientAddressInput,
    IssuedKeyBody,
    KeyBody,
    KeyInput,
    KeyList,
    KeyReplacement,
    ReservationBody,
    RotationInput,
    check_body,
    draft_of,
    issued_key_body,
    key_body,
    reservation_body,
)
from treadle.core.ids import parse_id
from treadle.identity import api_keys
from treadle.identity.key_reservations import read_reservation, reserve_key
from treadle.identity.model import Principal
from treadle.identity.rights import Right

router: Final = APIRouter(route_class=EdgeRoute, tags=["API keys"])

Reader = Annotated[Principal, needs(Right.KEYS_READ)]
Writer = Annotated[Principal, needs(Right.KEYS_WRITE)]
KeyId = Annotated[
    str,
    Path(
        alias="id", description="The client id.", examples=["3f2b7c1e-9a54-4d0c-8f6e-5b1a2c3d4e5f"]
    ),
]


@router.post(
    "/v1/api-keys", summary="Create an API key", operation_id="createApiKey", status_code=201
)
async def create_key(
    body: KeyInput, response: Response, caller: Writer, tx: Tx, base: Base, context: Context
) -> IssuedKeyBody:
    """Makes a key, and shows its secret this once. Without a role (`POST /v1/members`) the key is
    refused everything.
    """
    now = context.clock()
    reserved = (
        None
        if body.reservation is None
        else read_reservation(context.sealer, caller, body.reservation, now=now)
    )
    issued = await api_keys.create_key(tx, caller, draft_of(body), reserved=reserved, now=now)
    response.headers["Location"] = f"{base}/v1/api-keys/{issued.key.client_id}"
    return issued_key_body(issued)


@router.post(
    "/v1/api-keys/reservations",
    summary="Reserve a client id and secret",
    operation_id="reserveApiKey",
)
async def reserve_api_key(caller: Writer, context: Context) -> ReservationBody:
    """A client id and a secret that can be noted before their key is made. Nothing is stored:
    `POST /v1/api-keys` with the `reservation` makes the key of them, within an hour and once.
    """
    return reservation_body(reserve_key(context.sealer, caller, now=context.clock()))


@router.get("/v1/api-keys", summary="List API keys", operation_id="listApiKeys")
async def list_keys(caller: Reader, tx: Tx, window: ListWindow) -> KeyList:
    """The keys of the tenant, the newest first, without their secrets."""
    found = await api_keys.list_keys(tx, caller, window)
    return KeyList.of(found, [key_body(key) for key in found.items])


@router.get("/v1/api-keys/{id}", summary="Get an API key", operation_id="getApiKey")
async def get_key(key_id: KeyId, caller: Reader, tx: Tx) -> KeyBody:
    """One key, without its secret."""
    return key_body(await api_keys.get_key(tx, caller, parse_id(key_id)))


@router.put("/v1/api-keys/{id}", summary="Replace an API key", operation_id="replaceApiKey")
async def replace_key(
    key_id: KeyId, body: KeyReplacement, caller: Writer, tx: Tx, context: Context
) -> KeyBody:
    """Sets description, expiry and firewall rules; from the next request on they hold everywhere.
    Client id and secret stay.
    """
    key = await api_keys.change_key(
        tx, caller, parse_id(key_id), draft_of(body), now=context.clock()
    )
    return key_body(key)


@router.delete(
    "/v1/api-keys/{id}",
    summary="Delete an API key",
    operation_id="deleteApiKey",
    status_code=204,
)
async def delete_key(key_id: KeyId, caller: Writer, tx: Tx, context: Context) -> None:
    """The key, its roles and all tokens that it made are gone at once, for good: the client id can
    never be used again.
    """
    await api_keys.delete_key(tx, caller, parse_id(key_id), now=context.clock())


@router.post(
    "/v1/api-keys/{id}/rotate",
    summary="Replace the secret of an API key",
    operation_id="rotateApiKey",
)
async def rotate_key(
    key_id: KeyId,
    caller: Writer,
    tx: Tx,
    context: Context,
    body: RotationInput | None = None,
) -> IssuedKeyBody:
    """Makes a new secret, and shows it this once. The old one is dead at once, or after
    `overlap_seconds`; a second rotation ends an overlap that is under way.
    """
    overlap = timedelta(seconds=(body or RotationInput()).overlap_seconds)
    issued = await api_keys.rotate_key(
        tx, caller, parse_id(key_id), overlap=overlap, now=context.clock()
    )
    return issued_key_body(issued)


@router.post(
    "/v1/api-keys/{id}/client-address",
    summary="Let the own address in",
    operation_id="addClientAddress",
)
async def add_client_address(
    key_id: KeyId,
    request: Request,
    caller: Writer,
    tx: Tx,
    context: Context,
    body: ClientAddressInput | None = None,
) -> KeyBody:
    """Adds a firewall rule for the IPv4 address that this request comes from. The first rule of a
    key shuts out everybody else.
    """
    key = await api_keys.add_client_address(
        tx,
        caller,
        parse_id(key_id),
        address=client_address_of(request),
        rule_name=None if body is None else body.rule_name,
        now=context.clock(),
    )
    return key_body(key)


@router.post(
    "/v1/api-keys/{id}/check",
    summary="Ask whether a key would be let in",
    operation_id="checkApiKey",
)
async def check_key(
    key_id: KeyId, body: CheckInput, caller: Reader, tx: Tx, context: Context
) -> CheckBody:
    """Says what a request with this key would come to, and why: `expired`, `firewall`, `no_role`,
    `invisible` (it does not see the project) or `right` (its role is too low).
    """
    verdict = await api_keys.check_key(
        tx,
        caller,
        parse_id(key_id),
        address=body.address,
        permission=body.permission,
        project=body.project,
        now=context.clock(),
    )
    return check_body(verdict)
