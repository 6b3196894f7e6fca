"""How a process is asked to end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager

import structlog

log = structlog.get_logger()

_ASKING = (signal.SIGTERM, signal.SIGINT)


class StopRequest:
    """`asked` is set by the first SIGTERM or SIGINT, `hurried` by the second."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurried = asyncio.Event()

    def ask(self) -> None:
        """As a signal does it."""
        if self.asked.is_set():
            self.hurried.set()
        self.asked.set()

    @contextmanager
    def on_signals(self) -> Generator[None]:
        """Signals ask, as long as the block runs. Only in the main thread."""
        loop = asyncio.get_running_loop()
        for number in _ASKING:
            loop.add_signal_handler(number, self._received, number)
        try:
            yield
        finally:
            for number in _ASKING:
                loop.remove_signal_handler(number)

    def _received(self, number: signal.Signals) -> None:
        log.info("stop_asked", signal=signal.Signals(number).name, again=self.asked.is_set())
        self.ask()
