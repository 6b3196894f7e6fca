"""Versions ready to run: read once a process, compiled, and remembered for a while."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from treadle.db.transaction import Transaction
from treadle.workflows import definition_store as store
from treadle.workflows.compiled import CompiledVersions, Workflow
from treadle.workflows.model import Definition
from treadle.workflows.parsing import parse_definition
from treadle.workflows.versions import Version, VersionStatus


async def load_versions(
    tx: Transaction, compiled: CompiledVersions, version_ids: Collection[UUID]
) -> Mapping[UUID, Workflow]:
    """These versions by their ids; one that is not there is left out.

    What has been ACTIVE once never changes, so it is asked for once. A DRAFT is read each time.
    """
    found = {id_: kept for id_ in version_ids if (kept := compiled.find(id_)) is not None}
    missing = set(version_ids) - found.keys()
    if missing:
        for version in await store.versions_by_id(tx, missing):
            found[version.id] = _compiled(compiled, version)
    return found


def definition_of(version: Version) -> Definition:
    """What a stored version says. Raises ValueError for one that this program can't read any more,
    which no upgrade may bring about.
    """
    definition, faults = parse_definition(version.steps, version.connections)
    if definition is None:
        raise ValueError(f"version {version.id}: {faults[0]}")
    return definition


def _compiled(compiled: CompiledVersions, version: Version) -> Workflow:
    definition = definition_of(version)
    if version.status is VersionStatus.DRAFT:
        return Workflow(definition)
    return compiled.keep(version.id, definition)
