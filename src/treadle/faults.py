"""Why a process cannot start or go on, for the operator who started it."""

from __future__ import annotations

from treadle.core.errors import TreadleError
from treadle.db.errors import DatabaseSetupError
from treadle.listening import CannotListen
from treadle.sandbox.errors import SandboxUnavailable
from treadle.storage.errors import StorageError


class StartFault(Exception):
    """Something about the installation has to be changed; the message says what, in one line."""


OPERATOR_FAULTS: tuple[type[Exception], ...] = (
    StartFault,
    CannotListen,
    DatabaseSetupError,
    SandboxUnavailable,
    StorageError,
    TreadleError,
)
"""Faults whose message is all that an operator needs: printed without a traceback."""
