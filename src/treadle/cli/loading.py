"""Commands whose module is imported when they are used.

Who asks a server for its jobs does not wait until the whole server has been imported. What a list
of commands says of each stands where it is listed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command is: `module:name` of a function, or of the Typer of a group. `help` is the
    first sentence of what it says of itself.
    """

    name: str
    target: str
    help: str

    def load(self) -> Any:
        """The command itself."""
        module, _, attribute = self.target.partition(":")
        found: typer.Typer | Callable[..., Any] = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            group = get_group(found)
            group.name = self.name
            return group
        alone = typer.Typer(add_completion=False)
        alone.command(self.name)(found)
        return get_command(alone)


class _Listed(TyperCommand):
    """A command as its group lists it."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.name, help=place.help)
        self.place = place


def lazy_group(*places: Place) -> type[TyperGroup]:
    """The class of a group that has these commands, beside those that it is given."""

    class LazyGroup(_LazyGroup):
        listed = places

    return LazyGroup


class _LazyGroup(TyperGroup):
    listed: ClassVar[tuple[Place, ...]] = ()

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        for place in self.listed:
            self.add_command(_Listed(place))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As all groups; what is found is loaded: it is run now, or its options are completed."""
        name, command, rest = super().resolve_command(ctx, args)
        if isinstance(command, _Listed):
            command = command.place.load()
        return name, command, rest
