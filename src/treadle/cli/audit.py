"""`treadle audit`: what stands in the audit log, and whether it is whole."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Final

import typer

from treadle.cli.calling import AsJson, ProfileName, calling
from treadle.cli.loading import Place, lazy_group
from treadle.cli.printing import print_list
from treadle.cli.runs import Limit

VERIFY: Final = Place(
    "verify",
    "treadle.cli.verify:verify",
    "Walk the chain of every tenant; names the first broken entry and ends with 1 if there is one.",
)
app: Final = typer.Typer(cls=lazy_group(VERIFY), help="The audit log.", no_args_is_help=True)

_COLUMNS: Final = {
    "AT": "at",
    "ACTOR": "actor",
    "ACTION": "action",
    "TARGET": "target",
    "OUTCOME": "outcome",
    "FROM": "address",
    "TIMES": "times",
}


@app.callback()
def root() -> None:
    """The audit log."""


@app.command("list")
def list_entries(
    actor: Annotated[str | None, typer.Option(help="Such as user:1.")] = None,
    action: Annotated[str | None, typer.Option(help="Such as role.give.")] = None,
    outcome: Annotated[str | None, typer.Option(help="allowed or refused.")] = None,
    limit: Limit = 25,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """List entries of your tenant's audit log, the newest first. Asks a server."""
    with calling(profile) as treadle:
        found = treadle.audit.list(
            actor=actor, action=action, outcome=outcome, page_size=min(limit, 100)
        )
        shown = islice(found, limit)
        print_list(shown, _COLUMNS, as_json=as_json, empty="There is no such entry.")
