"""The configuration that the guide gives to assistants starts what the guide says."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

from docs.test_guides import (
    ADDRESS,
    PASSWORD,
    ROOT,
    own_commands,
    reader_folder,
    run_in_order,
    steps_of,
)
from fixtures.server import ServeProcess

PAGE = (ROOT / "docs" / "guides" / "assistants.md").read_text(encoding="utf-8")
_CONFIG = re.compile(r"^```json\n(.*?)^```", re.DOTALL | re.MULTILINE)
_TOOL = re.compile(r"`([a-z]+(?:_[a-z]+)+)`")


def tools_of(column: int) -> set[str]:
    """The tools that the guide's table has in a column."""
    rows = [line.split("|") for line in PAGE.splitlines() if line.startswith("| ")]
    return {name for row in rows for name in _TOOL.findall(row[column])}


@pytest.mark.timeout(300)
async def test_the_configuration_starts_the_tools_of_the_table(
    serve: Callable[..., ServeProcess], tmp_path: Path
) -> None:
    running = serve("--port", "0", TREADLE_ADMIN_PASSWORD=PASSWORD)
    await running.ready()
    folder = reader_folder(tmp_path / "reader")
    environ = own_commands(folder)
    steps = steps_of(PAGE.replace(ADDRESS, running.url))
    await asyncio.to_thread(run_in_order, steps, folder=folder, environ=environ)
    (config,) = _CONFIG.findall(PAGE)
    told = json.loads(config)["mcpServers"]["treadle"]
    path = str(Path(environ["PATH"].partition(":")[0]) / told["command"])
    command = StdioServerParameters(command=path, args=told["args"], env=environ)
    async with Client(command) as client:
        hints = {tool.name: tool.annotations for tool in (await client.list_tools()).tools}
        looks = {name for name, hint in hints.items() if hint and hint.read_only_hint}
        assert (tools_of(2), tools_of(3)) == (looks, hints.keys() - looks)
        who = await client.call_tool("who_am_i", {})
        assert not who.is_error
