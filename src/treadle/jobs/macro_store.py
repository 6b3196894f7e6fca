"""SQL of macros and macro sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from treadle.core.ids import new_id
from treadle.db.rows import row, row_or_none, rows
from treadle.db.transaction import Transaction
from treadle.jobs.model import Macro, MacroSet, Place

_MACRO = ", ".join(field.name for field in fields(Macro))


async def put_macro(
    tx: Transaction,
    place: Place,
    name: str,
    *,
    value: str | None,
    secret: bytes | None,
    description: str,
    now: datetime,
) -> None:
    """Adds the macro or replaces the one of this name."""
    await tx.execute(
        "INSERT INTO macros"
        " (id, tenant_id, scope, scope_id, name, value, secret, description, modified_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (tenant_id, scope, scope_id, name) DO UPDATE SET value = excluded.value,"
        " secret = excluded.secret, description = excluded.description,"
        " modified_at = excluded.modified_at",
        new_id(),
        tx.tenant,
        place.scope,
        place.id,
        name,
        value,
        secret,
        description,
        now,
    )


async def list_macros(tx: Transaction, place: Place) -> list[Macro]:
    """The macros of one place, by name."""
    records = await tx.fetch(
        f"SELECT {_MACRO} FROM macros WHERE scope = $1 AND scope_id = $2 ORDER BY name",
        place.scope,
        place.id,
    )
    return rows(Macro, records)


async def hold_secret(tx: Transaction, place: Place, name: str) -> bytes | None:
    """The sealed value of this name. Until the transaction ends nobody seals it anew: what is
    written back is never older than what stands there.
    """
    return await tx.fetchval(
        "SELECT secret FROM macros WHERE scope = $1 AND scope_id = $2 AND name = $3 FOR UPDATE",
        place.scope,
        place.id,
        name,
    )


async def delete_macro(tx: Transaction, place: Place, name: str) -> bool:
    """Whether there was such a macro."""
    done = await tx.execute(
        "DELETE FROM macros WHERE scope = $1 AND scope_id = $2 AND name = $3",
        place.scope,
        place.id,
        name,
    )
    return done == 1


async def delete_macros(tx: Transaction, place: Place, *, except_names: Sequence[str] = ()) -> None:
    """Removes the macros of the place but for these."""
    await tx.execute(
        "DELETE FROM macros WHERE scope = $1 AND scope_id = $2 AND NOT name = ANY($3::text[])",
        place.scope,
        place.id,
        list(except_names),
    )


@dataclass(frozen=True, slots=True)
class PlaceContent:
    """How many macros a place has, and the bytes of their names and values."""

    macros: int
    size: int


async def content_of(tx: Transaction, place: Place) -> PlaceContent:
    """What the place holds. A sealed value counts a little more than a plain one."""
    record = await tx.fetchrow(
        "SELECT count(*)::int AS macros, coalesce(sum(octet_length(name)"
        " + coalesce(octet_length(value), octet_length(secret))), 0)::int AS size"
        " FROM macros WHERE scope = $1 AND scope_id = $2",
        place.scope,
        place.id,
    )
    return row(PlaceContent, record)


async def list_in_order(
    tx: Transaction, places: Sequence[Place]
) -> list[tuple[Place, list[Macro]]]:
    """The macros of several places, in the order of the places."""
    records = await tx.fetch(
        f"SELECT w.ordinality, {_MACRO}"
        " FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(w_scope, w_id, ordinality)"
        " JOIN macros ON scope = w.w_scope AND scope_id = w.w_id"
        " ORDER BY w.ordinality, name",
        [place.scope for place in places],
        [place.id for place in places],
    )
    found: list[tuple[Place, list[Macro]]] = [(place, []) for place in places]
    for record in records:
        values = dict(record)
        found[values.pop("ordinality") - 1][1].append(Macro(**values))
    return found


async def put_set(tx: Transaction, name: str, *, description: str, now: datetime) -> MacroSet:
    """The set of this name, made if it is new."""
    record = await tx.fetchrow(
        "INSERT INTO macro_sets (tenant_id, name, description, created_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (tenant_id, name) DO UPDATE SET description = excluded.description"
        " RETURNING name, description, created_at",
        tx.tenant,
        name,
        description,
        now,
    )
    return row(MacroSet, record)


async def list_sets(tx: Transaction) -> list[MacroSet]:
    """All sets by name."""
    records = await tx.fetch("SELECT name, description, created_at FROM macro_sets ORDER BY name")
    return rows(MacroSet, records)


async def count_sets(tx: Transaction) -> int:
    """How many sets there are."""
    return await tx.fetchval("SELECT count(*) FROM macro_sets")


async def find_set(tx: Transaction, name: str) -> MacroSet | None:
    """The set of this name."""
    record = await tx.fetchrow(
        "SELECT name, description, created_at FROM macro_sets WHERE name = $1", name
    )
    return row_or_none(MacroSet, record)


async def missing_sets(tx: Transaction, names: Sequence[str]) -> list[str]:
    """Which of these names no set has."""
    records = await tx.fetch(
        "SELECT name FROM unnest($1::text[]) AS wanted(name)"
        " WHERE NOT EXISTS (SELECT 1 FROM macro_sets s WHERE s.name = wanted.name)",
        list(names),
    )
    return [record["name"] for record in records]


async def delete_set(tx: Transaction, name: str) -> bool:
    """Removes the set and its macros; whether there was one."""
    await delete_macros(tx, Place("set", name))
    return await tx.execute("DELETE FROM macro_sets WHERE name = $1", name) == 1


async def jobs_with_set(tx: Transaction, name: str) -> list[int]:
    """Ids of live jobs that take this set."""
    records = await tx.fetch(
        "SELECT id FROM jobs WHERE $1 = ANY(macro_sets) AND deleted_at IS NULL LIMIT 10", name
    )
    return [record["id"] for record in records]
