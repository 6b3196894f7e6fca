"""Blocking work that must not be left running behind a cancelled task."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def finish_in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run the function in a thread; a cancel is delivered only once it has returned.

    A thread cannot be stopped: without this, one that unpacks would go on writing into the folder
    that the cancelled task is deleting.
    """
    work = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        # Looked at, so that a failure nobody waits for any more is not reported as forgotten.
        if not work.cancelled():
            work.exception()
        raise
