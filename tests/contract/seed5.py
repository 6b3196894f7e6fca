"""The five steps of the integration manager's tutorial, as it shows them: requests and answers.

`SHAPES` holds for each step the answer's fields. A value is the type that the field has, a nested
shape, or the very text that the tutorial's answer has.
"""

from __future__ import annotations

from typing import Any

NAME = "sample config"
DESCRIPTION = "this is sample config created from API"
PACKAGE = "samplePackage.djar"
ENTRY_POINT = "integrateXYZ.process"

# Step 4's body as the tutorial prints it, the comma that it lacks put in; it is sent with the
# Content-Type that the tutorial gives it.
STEP_4_BODY = """{
"active": true,
"name": "sample config",
"description": "this is sample config created from API",
"runtimeConfig": {
"packageName": "samplePackage.djar",
"entryPoint": "integrateXYZ.process"
}
}"""

ACTOR: dict[str, Any] = {"id": str, "name": "admin", "href": str}
JOB_CONFIG: dict[str, Any] = {
    "id": str,
    "active": True,
    "name": NAME,
    "description": DESCRIPTION,
    "href": str,
    "user": ACTOR,
    "created": str,
    "createdByUser": ACTOR,
    "lastModified": str,
    "lastModifiedByUser": ACTOR,
}
LOGIN: dict[str, Any] = {
    "access_token": str,
    "token_type": "bearer",
    "refresh_token": str,
    "expires_in": 36000,
}
UPLOAD: dict[str, Any] = {
    "name": PACKAGE,
    "href": str,
    "metadata": {"size": int, "lastModified": str},
}
UPDATED_JOB_CONFIG: dict[str, Any] = {
    **JOB_CONFIG,
    "runtimeConfig": {
        "packageName": PACKAGE,
        "entryPoint": ENTRY_POINT,
        "packagePrefix": str,
        "packageArtifactOverride": False,
    },
}
RUN: dict[str, Any] = {
    "href": str,
    "id": str,
    "scheduled": str,
    "status": "QUEUED",
    "finalDestinationId": str,
    "jobConfig": {"id": str, "name": NAME, "href": str},
    "submittedByUser": ACTOR,
}


def differences(answer: object, shape: object, place: str = "") -> list[str]:
    """What of the shape the answer does not have; more than the shape is let be."""
    if isinstance(shape, type):
        return [] if type(answer) is shape else [f"{place}: {answer!r} is no {shape.__name__}"]
    if not isinstance(shape, dict):
        return [] if answer == shape else [f"{place}: {answer!r} is not {shape!r}"]
    if not isinstance(answer, dict):
        return [f"{place}: {answer!r} is no object"]
    found: list[str] = []
    for name, inner in shape.items():
        if name not in answer:
            found.append(f"{place}.{name}: is missing")
        else:
            found += differences(answer[name], inner, f"{place}.{name}")
    return found
