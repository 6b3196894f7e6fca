"""What the client comes in with."""

from __future__ import annotations

import os
from collections.abc import Mapping

from treadle.client.errors import TreadleError

URL_VARIABLE = "TREADLE_URL"
KEY_VARIABLE = "TREADLE_API_KEY"


def headers_of(*, api_key: str | None, token: str | None) -> dict[str, str]:
    """The headers of every request. Raises ValueError for two credentials."""
    if api_key is not None and token is not None:
        raise ValueError("give an api_key or a token, not both")
    if api_key is not None:
        return {"X-Api-Key": api_key}
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def from_environment(environ: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """The address and the API key of the variables. Raises TreadleError that names the missing."""
    found = {name: environ.get(name, "") for name in (URL_VARIABLE, KEY_VARIABLE)}
    missing = [name for name, value in found.items() if not value]
    if missing:
        raise TreadleError(f"set {' and '.join(missing)}")
    return found[URL_VARIABLE], found[KEY_VARIABLE]
