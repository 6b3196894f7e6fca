"""`treadle mcp`: lets an assistant use a server, with the caller's login."""

from __future__ import annotations

import asyncio
import os

from treadle import __version__
from treadle.assistants.server import serve
from treadle.cli.calling import ProfileName, faults_as_codes, find_profile
from treadle.cli.profiles import Profile
from treadle.client import AsyncTreadle


def mcp(profile: ProfileName = None) -> None:
    """Serve the Model Context Protocol on standard input and output, for an assistant."""
    with faults_as_codes():
        found = find_profile(profile, os.environ)
        asyncio.run(_serve(found))


async def _serve(profile: Profile) -> None:
    async with AsyncTreadle(profile.url, api_key=profile.api_key, token=profile.token) as treadle:
        await serve(treadle, version=__version__)
