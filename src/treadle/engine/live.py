"""Telling others that something changed: NOTIFY at the commit, one LISTEN for a whole process.

What arrives is a hint to look again, never the thing itself. Hints can be lost (while a connection
is away) and come more often than anything changed, so whoever waits reads the tables again, and a
poll stands behind every wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

import structlog

from treadle.db.database import Database
from treadle.db.listener import listen
from treadle.db.transaction import Transaction

log = structlog.get_logger()

CHANNEL = "treadle_live"
POLL_SECONDS = 2.0
LONGEST_MESSAGE = 4000
"""Bytes of topic and payload together; PostgreSQL takes less than 8,000."""


async def publish(tx: Transaction, topic: str, payload: str = "") -> None:
    """Wakes whoever subscribes to `topic`, in every process, once `tx` is committed.

    The same topic and payload twice in a transaction arrive once. A topic has no white space.
    """
    await tx.execute("SELECT pg_notify($1, $2)", CHANNEL, message(topic, payload))


def message(topic: str, payload: str = "") -> str:
    """What goes through the channel, for statements that notify on their own."""
    if not topic or topic != "".join(topic.split()):
        raise ValueError("a topic is a word without white space")
    text = f"{topic} {payload}"
    if len(text.encode()) > LONGEST_MESSAGE:
        raise ValueError(f"topic and payload have more than {LONGEST_MESSAGE} bytes")
    return text


class Changes:
    """What a subscriber waits on. Of however many hints it remembers only that there were any."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    async def wait(self, *, poll_seconds: float = POLL_SECONDS) -> bool:
        """True when there was a hint since the last wait or `clear`; False when the poll is due."""
        try:
            async with asyncio.timeout(poll_seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True

    def clear(self) -> None:
        """Forgets earlier hints. Call it *before* reading: a hint that comes after is kept."""
        self._event.clear()

    def hint(self) -> None:
        """Something may have changed."""
        self._event.set()


class LiveHub:
    """Hands the notifications of one LISTEN connection to the subscribers of this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watchers: dict[str, list[Callable[[], None]]] = {}
        self._listening: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to listen, and goes on through every loss of the connection."""
        if self._listening is not None:
            raise RuntimeError("the hub has been started before")
        self._listening = asyncio.create_task(
            listen(self._database, [CHANNEL], self._on_message, on_reconnect=self._wake_all),
            name="live-hub",
        )

    async def stop(self) -> None:
        """Listens no more; subscribers then have only their poll."""
        if self._listening is None:
            return
        self._listening.cancel()
        with suppress(asyncio.CancelledError):
            await self._listening

    @asynccontextmanager
    async def subscribe(self, topic: str) -> AsyncGenerator[Changes]:
        """Hints for `topic` from now on; read the state after subscribing, not before."""
        changes = Changes()
        unwatch = self.watch(topic, changes.hint)
        try:
            yield changes
        finally:
            unwatch()

    def watch(self, topic: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Calls `callback` for each hint, quick as it must be; the answer ends that."""
        watchers = self._watchers.setdefault(topic, [])
        watchers.append(callback)

        def unwatch() -> None:
            watchers.remove(callback)
            if not watchers and self._watchers.get(topic) is watchers:
                del self._watchers[topic]

        return unwatch

    def _on_message(self, channel: str, text: str) -> None:
        topic, _, _ = text.partition(" ")
        for callback in tuple(self._watchers.get(topic, ())):
            _call(callback)

    def _wake_all(self) -> None:
        """What was notified while nobody listened is unknown."""
        for watchers in tuple(self._watchers.values()):
            for callback in tuple(watchers):
                _call(callback)


def _call(callback: Callable[[], None]) -> None:
    """One faulty watcher must not keep the others from hearing."""
    try:
        callback()
    except Exception:
        log.exception("live_callback_failed")
