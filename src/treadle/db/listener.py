"""Being told at once: LISTEN on a connection of its own, for as long as the process lives.

A notification only shortens a wait. Those that were sent while the connection was lost are gone, so
whoever listens also polls, and polls at once when listening begins again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import asyncpg
import structlog

from treadle.db.database import Database

log = structlog.get_logger()

SHORTEST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0
CHECK_SECONDS = 10.0
"""A host that vanished closes nothing: so often the connection is asked whether it lives."""

ANSWER_SECONDS = 5.0


async def listen(
    database: Database,
    channels: Sequence[str],
    callback: Callable[[str, str], None],
    *,
    on_reconnect: Callable[[], None],
) -> None:
    """Calls `callback(channel, payload)` for each notification, until cancelled.

    `on_reconnect` is called each time listening begins, the first time too: what was notified
    before is unknown, look now. Both must be quick; what they raise is logged.
    """
    pause = SHORTEST_PAUSE_SECONDS
    while True:
        try:
            connection = await database.open_connection()
            try:
                await _listen_on(connection, channels, callback, on_reconnect)
            finally:
                # Not closed politely: nothing of the session is worth a round trip that may hang.
                connection.terminate()
            pause = SHORTEST_PAUSE_SECONDS
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("listener_failed", error=repr(error))
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        await asyncio.sleep(pause)


async def _listen_on(
    connection: asyncpg.Connection,
    channels: Sequence[str],
    callback: Callable[[str, str], None],
    on_reconnect: Callable[[], None],
) -> None:
    """Returns when the connection is lost; raises when it cannot be used."""
    lost = asyncio.Event()

    def on_termination(_: object) -> None:
        lost.set()

    def on_notification(_: object, process: object, channel: object, payload: object) -> None:
        _call("listener_callback_failed", callback, str(channel), str(payload))

    connection.add_termination_listener(on_termination)
    async with asyncio.timeout(ANSWER_SECONDS):
        for channel in channels:
            await connection.add_listener(channel, on_notification)
    _call("listener_on_reconnect_failed", on_reconnect)
    while not lost.is_set():
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await lost.wait()
        except TimeoutError:
            async with asyncio.timeout(ANSWER_SECONDS):
                await connection.execute("SELECT 1")
    log.warning("listener_lost")


def _call(event: str, function: Callable[..., None], *args: str) -> None:
    """A listener that throws must not end the listening of all the others."""
    try:
        function(*args)
    except Exception:
        log.exception(event)
