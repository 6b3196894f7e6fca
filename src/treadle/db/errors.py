"""What can go wrong with the database, for callers and for operators.

    DatabaseUnavailable  503  (a TreadleError) no connection in time, or it was lost: try again
    TransactionRolledBack     our bug: a failed statement was caught without a savepoint
    DatabaseSetupError        for the operator, never for a caller: nothing can start like this
    ├── EmbeddedPostgresError the embedded server cannot be made, started or stopped
    ├── RoleSetupError        the database's roles cannot be made as they must be
    └── MigrationError        the schema and the program do not fit each other

The message of a DatabaseSetupError is all that an operator needs; print it without a traceback.
"""

from __future__ import annotations

from treadle.core.errors import TreadleError


class DatabaseUnavailable(TreadleError):
    """No usable connection now. When it comes from a commit, the outcome is unknown."""

    status = 503

    def __init__(self, message: str = "The database is not available now; try again.") -> None:
        super().__init__(message)


class TransactionRolledBack(Exception):
    """Nothing was committed: a statement had failed, and its error was caught without a savepoint.

    A mistake in the program, never for a caller.
    """


class DatabaseSetupError(Exception):
    """The database cannot be used as it is; the message says what mends it."""


class EmbeddedPostgresError(DatabaseSetupError):
    """The embedded PostgreSQL cannot be made, started or stopped."""


class RoleSetupError(DatabaseSetupError):
    """The roles that the application connects as cannot be made as they must be."""


class MigrationError(DatabaseSetupError):
    """The migrations of the program and those of the database do not fit each other."""
