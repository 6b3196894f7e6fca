"""What all commands share that call a server: whom they call, and how they end.

| exit code | |
|---|---|
| 0 | done; a run or an execution that was waited for ended well |
| 1 | what was waited for did not; the command's input is wrong |
| 2 | the command was typed wrongly |
| 3 | refused: invalid, a conflict, too many requests |
| 4 | not let in, or not allowed |
| 5 | not found |
| 6 | nobody answers, or the server is ill |
| 124 | not ended in the time given |
"""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Annotated, Final

import typer

from treadle.cli.printing import complain
from treadle.cli.profiles import DEFAULT, Profile, load_profiles, profiles_path
from treadle.client import (
    ApiError,
    ConnectionFailed,
    ExecutionFailed,
    ExecutionTerminated,
    Forbidden,
    NotFound,
    RunFailed,
    ServerError,
    Treadle,
    TreadleError,
    Unauthenticated,
    UnexpectedAnswer,
    WaitTimeout,
)
from treadle.client.credentials import KEY_VARIABLE, URL_VARIABLE

FAILED: Final = 1
REFUSED: Final = 3
NOT_ALLOWED: Final = 4
NOT_FOUND: Final = 5
NO_ANSWER: Final = 6
TIMED_OUT: Final = 124
DEFAULT_URL: Final = "http://127.0.0.1:8080"

ProfileName = Annotated[
    str | None, typer.Option("--profile", envvar="TREADLE_PROFILE", help="Which login. [default]")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, as the API answers it.")]

_CODES: Final[tuple[tuple[type[TreadleError], int], ...]] = (
    (RunFailed, FAILED),
    (ExecutionFailed, FAILED),
    (ExecutionTerminated, FAILED),
    (WaitTimeout, TIMED_OUT),
    (Unauthenticated, NOT_ALLOWED),
    (Forbidden, NOT_ALLOWED),
    (NotFound, NOT_FOUND),
    (ServerError, NO_ANSWER),
    (ConnectionFailed, NO_ANSWER),
    (UnexpectedAnswer, NO_ANSWER),
    (ApiError, REFUSED),
)


@contextmanager
def calling(profile: str | None) -> Generator[Treadle]:
    """A client of the server that is meant; what goes wrong ends the command with its code."""
    with faults_as_codes():
        found = find_profile(profile, os.environ)
        with Treadle(found.url, api_key=found.api_key, token=found.token) as treadle:
            yield treadle


@contextmanager
def faults_as_codes() -> Generator[None]:
    """Errors of the client in one line, with the code that a script goes by."""
    try:
        yield
    except TreadleError as error:
        complain(_told(error))
        code = next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)
        raise typer.Exit(code) from None
    except (ValueError, OSError) as error:
        complain(str(error))
        raise typer.Exit(FAILED) from None


def find_profile(name: str | None, environ: Mapping[str, str]) -> Profile:
    """Variables win over the login of no name; a login that is named wins over both. Raises
    ValueError where nobody has logged in.
    """
    url, api_key = environ.get(URL_VARIABLE), environ.get(KEY_VARIABLE)
    if name is None and api_key:
        return Profile(url or DEFAULT_URL, api_key=api_key)
    profiles = load_profiles(profiles_path(environ))
    found = profiles.get(name or DEFAULT)
    if found is None:
        option = "" if name is None else f" --profile {name}"
        raise ValueError(f"not logged in: run `treadle login{option}`, or set {KEY_VARIABLE}")
    return found


def _told(error: TreadleError) -> str:
    if isinstance(error, Unauthenticated):
        return f"{error.message} Log in again with `treadle login`."
    if isinstance(error, ServerError) and error.request_id:
        return f"{error.message} (request {error.request_id})"
    return error.message if isinstance(error, ApiError) else str(error)
