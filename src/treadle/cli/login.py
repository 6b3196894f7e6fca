"""`treadle login`, `treadle logout`: which server the other commands call, and as whom."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from treadle.cli.calling import DEFAULT_URL, ProfileName, faults_as_codes
from treadle.cli.printing import complain
from treadle.cli.profiles import DEFAULT, Profile, load_profiles, profiles_path, save_profiles
from treadle.client import Treadle
from treadle.client.credentials import KEY_VARIABLE, URL_VARIABLE


def login(
    url: Annotated[
        str, typer.Argument(envvar=URL_VARIABLE, help="Where the server answers.")
    ] = DEFAULT_URL,
    username: Annotated[
        str | None, typer.Option(help="Log in as a person; the session ends by itself.")
    ] = None,
    from_stdin: Annotated[
        bool, typer.Option("--stdin", help="Read the API key or the password from the input.")
    ] = False,
    profile: ProfileName = None,
) -> None:
    """Log in with an API key, or as a person, and keep it for the other commands."""
    with faults_as_codes():
        if username is None:
            key = os.environ.get(KEY_VARIABLE) or _secret("API key", from_stdin=from_stdin)
            found = Profile(url, api_key=key)
        else:
            found = _session(url, username, _secret("Password", from_stdin=from_stdin))
        with Treadle(url, api_key=found.api_key, token=found.token) as treadle:
            me = treadle.me()
        path = profiles_path()
        save_profiles(path, {**load_profiles(path), profile or DEFAULT: found})
    typer.echo(f"Logged in to {url} as {me.name} ({me.kind})")


def logout(profile: ProfileName = None) -> None:
    """Forget a login, and end the session of a person."""
    with faults_as_codes():
        path = profiles_path()
        profiles = load_profiles(path)
        found = profiles.pop(profile or DEFAULT, None)
        if found is None:
            complain("nobody is logged in")
            raise typer.Exit(1)
        save_profiles(path, profiles)
        if found.token is not None:
            with Treadle(found.url, token=found.token) as treadle:
                treadle.request("POST", "/api/logout")
    typer.echo(f"Logged out of {found.url}")


def _session(url: str, username: str, password: str) -> Profile:
    with Treadle(url) as anonymous:
        tokens = anonymous.request(
            "POST", "/api/login", json={"username": username, "password": password}
        )
    return Profile(url, token=tokens["access_token"])


def _secret(name: str, *, from_stdin: bool) -> str:
    text = sys.stdin.readline() if from_stdin else str(typer.prompt(name, hide_input=True))
    if not text.strip():
        raise ValueError(f"no {name} was given")
    return text.strip()
