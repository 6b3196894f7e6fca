"""Schedules of a file of `treadle apply`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from treadle.cli.changes import Change, differences
from treadle.cli.desired import DesiredSchedule
from treadle.cli.targets import Targets, to_be_made
from treadle.client import Schedule, Treadle

_FIXED: Final = ("schedule_type", "action_type")
"""What a schedule keeps as long as it lives."""
_TIMING: Final = frozenset({"schedule_expression", "timezone", "start_at", "end_at"})
_GIVEN: Final = {"job": "input", "workflow": "payload"}
"""What an action gives to what it starts."""


def plan_schedule(
    treadle: Treadle, wanted: DesiredSchedule, found: Schedule | None, targets: Targets
) -> Change:
    """What is done to the schedule. Raises ValueError for what a schedule never changes."""
    after = dict(wanted.fields)
    kind, target, place = wanted.kind, wanted.target, f"{wanted.place}.{wanted.kind}"
    if target is not None:
        after["action_type"] = f"run_{kind}"
        id_ = targets.find(kind, target, place=place) or to_be_made(kind)
        after["action_config"] = _action(wanted, id_)
    before = {} if found is None else {name: found.raw.get(name) for name in after}
    if found is not None and target is not None:
        config = found.action_config
        before["action_config"] = {name: config.get(name) for name in after["action_config"]}
    different = differences(before, after)
    fixed = [each.field for each in different if each.field in _FIXED]
    if found is not None and fixed:
        raise ValueError(f"schedule {wanted.name!r}: {fixed[0]} cannot change; delete it first")

    def work() -> None:
        if target is not None:
            # If the file has it too, it stands before this.
            after["action_config"] = _action(wanted, targets.made(kind, target, place=place))
        if found is None:
            expression = after.pop("schedule_expression", None)
            treadle.schedules.create(wanted.name, expression, **after)
        elif different:
            changed = {each.field: after[each.field] for each in different}
            treadle.schedules.update(found.id, **changed)

    is_timed = found is None or any(each.field in _TIMING for each in different)
    due = _due(treadle, after) if is_timed else ()
    verb = "create" if found is None else "change" if different else "keep"
    return Change(verb, "schedule", wanted.name, tuple(different), due, work)


def _action(wanted: DesiredSchedule, id_: str) -> dict[str, Any]:
    """What the API is told of what the schedule starts."""
    config: dict[str, Any] = {f"{wanted.kind}_id": id_}
    if wanted.given is not None:
        config[_GIVEN[wanted.kind]] = wanted.given
    return config


def _due(treadle: Treadle, fields: Mapping[str, Any]) -> tuple[datetime, ...]:
    """The next three due times of a schedule as it becomes; a relative one goes by its records."""
    if fields["schedule_type"] == "relative":
        return ()
    names = ("schedule_type", "schedule_expression", "timezone", "start_at", "end_at", "calendars")
    body = {name: _plain(fields[name]) for name in names if fields.get(name) is not None}
    found = treadle.request("POST", "/v1/schedules/preview", json={**body, "count": 3})
    return tuple(datetime.fromisoformat(moment) for moment in found["next"])


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value
