"""What the collection calls its variables. Pure."""

from __future__ import annotations

import re
from typing import Final

IDENTITY_URL: Final = "IdentityUrl"
INTEGRATE_URL: Final = "IntegrateUrl"
API_KEY: Final = "IntegrateApiKey"
JOB_ID: Final = "IntegrateJobId"
ACCESS_TOKEN: Final = "AccessToken"  # noqa: S105 - a name
SESSION_TOKEN: Final = "SessionToken"  # noqa: S105

TRIES: Final = "Tries"

OWN: Final = ("ClientId", "ClientSecret", "Username", "Password")
"""What its reader fills in besides the variables of the contract."""

_RESOURCES: Final = {"jobconfigs": "JobConfig", "jobs": "Run", "macrosets": "MacroSet"}
"""What the paths call otherwise than we do."""
_PARAMETERS: Final = {"jobId": JOB_ID, "key": "FileName", "set": "MacroSetName"}


def use(variable: str) -> str:
    """How a request names a variable."""
    return "{{" + variable + "}}"


def pascal(text: str) -> str:
    """`api-keys` and `api_keys` as `ApiKeys`."""
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", text))


def resource(segment: str) -> str:
    """What a path's segment holds, in the singular: `Calendar` of `calendars`."""
    if segment in _RESOURCES:
        return _RESOURCES[segment]
    if segment.endswith("ies"):
        return pascal(segment[:-3] + "y")
    return pascal(segment.removesuffix("s"))


def of_parameter(path: str, parameter: str) -> str:
    """The variable that stands for a parameter of a path: `CalendarId` in `/v1/calendars/{id}`."""
    if parameter in _PARAMETERS:
        return _PARAMETERS[parameter]
    before = path.partition("{" + parameter)[0].rstrip("/").rpartition("/")[2]
    if parameter in ("id", "name"):
        return resource(before) + pascal(parameter)
    return pascal(parameter)


def of_created(path: str) -> str | None:
    """The variable for the id of what a POST to this path creates; None where it does not."""
    last = path.rstrip("/").rpartition("/")[2]
    is_list = last.endswith("s") and not last.endswith("ss") and not last.startswith("{")
    return resource(last) + "Id" if is_list else None
