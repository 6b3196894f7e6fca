"""How a call to another system fails; each kind has a name that workflows catch and retry by.

A message tells its reader what to do. It never holds a secret: of a URL it names only the host,
because paths and queries carry tokens (a Slack webhook's is all token), and it never says which
address a name resolved to.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import anyio


class OutboundError(Exception):
    """A call that did not come to a whole answer."""

    name: str = "OutboundError"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class OutboundRefused(OutboundError):
    """Nothing was sent: the call itself, or where it leads, is not allowed."""

    name = "OutboundRefused"


class ConnectFailed(OutboundError):
    """There is no such host, or nobody answers at its port."""

    name = "ConnectFailed"


class TlsFailed(OutboundError):
    """The other side speaks no TLS, or its certificate is not to be trusted."""

    name = "TlsFailed"


class Timeout(OutboundError):
    """No whole answer within the time that the caller gave."""

    name = "Timeout"


class TooLarge(OutboundError):
    """The answer is over the size that the caller gave."""

    name = "TooLarge"


class BrokenAnswer(OutboundError):
    """The connection ended early, or what came is not what the protocol says."""

    name = "BrokenAnswer"


class TooManyRedirects(OutboundError):
    """The other side sent the call on more often than the caller allows."""

    name = "TooManyRedirects"


class Rejected(OutboundError):
    """The other side answered, and its answer is no; `name` says how: `Http.404`, `Smtp.550`."""

    def __init__(self, message: str, *, name: str) -> None:
        super().__init__(message)
        self.name = name


@contextmanager
def deadline(seconds: float, *, place: str) -> Generator[None]:
    """Ends the block after so many seconds. Raises Timeout.

    The clock is anyio's, not asyncio's: httpcore shields its own cleaning up from anyio's only.
    """
    try:
        with anyio.fail_after(seconds):
            yield
    except TimeoutError:
        raise Timeout(f"no whole answer from {place} within {seconds:g} s") from None
