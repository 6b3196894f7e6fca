"""Dates in addresses: what `startdate` and `enddate` may say."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from treadle.core.errors import BadInput

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_instant(text: str | None, *, field: str, is_end: bool = False) -> datetime | None:
    """The instant in UTC; None for none. Without a zone it is UTC's. A date alone is the beginning
    of that day, or its end where `is_end` says so. Raises BadInput.
    """
    if text is None:
        return None
    # In an address the plus of a zone is a blank, and many who write one do not know it.
    spelt = text.strip().replace(" ", "+") if "T" in text else text.strip()
    try:
        found = datetime.fromisoformat(spelt)
        if found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        if is_end and _DATE.fullmatch(spelt):
            found += timedelta(days=1)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput(f"{field}: must be an ISO-8601 date or date-time", field=field) from None
