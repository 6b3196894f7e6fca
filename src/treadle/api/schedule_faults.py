"""What is wrong with a schedule, in the words of the contract that it was sent by."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from treadle.core.errors import BadInput, Unprocessable

_ELEMENT = re.compile(r"\.([0-9]+)")


@contextmanager
def told_as(names: Mapping[str, str]) -> Generator[None]:
    """What the schedules' domain refuses as 422 is BadInput here, and begins with the field.

    `names` says how the contract calls the domain's fields: `schedule_expression` is `cronSchedule`
    in one of them.
    """
    try:
        yield
    except Unprocessable as error:
        field = names.get(error.field or "", error.field or "body")
        field = _ELEMENT.sub(r"[\1]", field)
        message = error.message
        for ours, theirs in names.items():
            message = message.replace(ours, theirs)
        raise BadInput(f"{field}: {message}", field=field) from None
