"""The people and keys behind the references that rows keep (`user:1`), with a name to show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from treadle.core.ids import parse_id, parse_number
from treadle.db.transaction import Transaction
from treadle.identity import api_key_store, user_store
from treadle.identity.model import Actor


async def names_of(tx: Transaction, refs: Iterable[str]) -> dict[str, Actor]:
    """An Actor for every reference, with one query for users and one for keys; who is unknown here
    is named by the id, and what is nobody (`workflow`) by itself. A key's name is its description.
    """
    actors = {ref: _unnamed(ref) for ref in refs}
    user_ids = {
        number
        for actor in actors.values()
        if actor.kind == "user" and (number := parse_number(actor.id)) is not None
    }
    client_ids = {
        client_id
        for actor in actors.values()
        if actor.kind == "api_key" and (client_id := parse_id(actor.id)) is not None
    }
    known: dict[str, str] = {}
    if user_ids:
        usernames = await user_store.list_usernames(tx, user_ids)
        known |= {f"user:{user_id}": username for user_id, username in usernames.items()}
    if client_ids:
        descriptions = await api_key_store.list_descriptions(tx, client_ids)
        known |= {f"api_key:{client_id}": text for client_id, text in descriptions.items()}
    return {
        ref: Actor(actor.kind, actor.id, known.get(ref, actor.name))
        for ref, actor in actors.items()
    }


def name_of(names: Mapping[str, Actor], ref: str | None) -> str | None:
    """The name of who is referred to; None for nobody."""
    return None if ref is None else names[ref].name


def _unnamed(ref: str) -> Actor:
    kind, _, principal_id = ref.partition(":")
    return Actor(kind, principal_id, principal_id or ref)
