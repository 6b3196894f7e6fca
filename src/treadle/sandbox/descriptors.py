"""Waiting for file descriptors on the event loop, without threads or polling."""

from __future__ import annotations

import asyncio
from typing import Any


async def readable(fd: int, *, or_done: asyncio.Future[Any] | None = None) -> None:
    """Returns when `fd` can be read (a pidfd: its process has ended) or `or_done` is done."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()

    def wake(_: object = None) -> None:
        ready.set()

    loop.add_reader(fd, wake)
    if or_done is not None:
        or_done.add_done_callback(wake)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(fd)
        if or_done is not None:
            or_done.remove_done_callback(wake)


async def writable(fd: int) -> None:
    """Returns when `fd` takes more."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(fd, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(fd)
