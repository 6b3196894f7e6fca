"""The lock-out: five failed logins in fifteen minutes close the door to a user name and address."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from treadle.identity.turns import Turns
from treadle.identity.usernames import fold_username

MAX_FAILURES: Final = 5
WINDOW: Final = timedelta(minutes=15)
"""How far back a failure counts. Refusals while locked are not failures: the door opens again
fifteen minutes after the first of the five, whoever knocks in between."""


class LockOut:
    """Names the subjects of the lock-out and lets few logins be judged at the same time.

    `key` makes the subjects: what is stored of a failed login can't be turned back into a name by
    trying names. A login that is judged holds a database connection: `at_once` bounds those too.
    """

    def __init__(self, key: bytes, *, at_once: int = 4, waiting: int = 256) -> None:
        self._key = key
        self.turns = Turns(at_once=at_once, waiting=waiting)

    def subject(self, username: str, address: str) -> bytes:
        """What failures are counted under: 32 bytes, the same for every spelling of the two."""
        text = f"{fold_username(username)}\0{place_of(address)}"
        return hmac.new(self._key, text.encode(), hashlib.sha256).digest()


def place_of(address: str) -> str:
    """An IPv6 caller owns at least a /64, so its addresses count as one; others are themselves."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return _network_64(parsed)


def _network_64(address: IPv6Address) -> str:
    return str(ip_network((int(address), 64), strict=False))
