"""The firewall of an API key: inclusive ranges of IPv4 addresses. Pure.

A key without a rule may be used from anywhere. A key with rules is for callers inside one of them;
IPv6 callers, and callers whose address is unknown, are inside none. An IPv4 address that is written
as IPv6 (`::ffff:192.0.2.1`) is the IPv4 address.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from typing import Final

from treadle.core.errors import BadInput
from treadle.identity.texts import check_text

MAX_RULES: Final = 100
MAX_RULE_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class FirewallRule:
    """One range of addresses, both ends included."""

    rule_name: str
    start_ipv4: IPv4Address
    end_ipv4: IPv4Address

    def admits(self, address: IPv4Address) -> bool:
        """Whether the address is inside."""
        return self.start_ipv4 <= address <= self.end_ipv4


def ipv4_of(address: str) -> IPv4Address | None:
    """The caller's IPv4 address, however it is written; None for IPv6 and for what is unknown."""
    try:
        found = ip_address(address)
    except ValueError:
        return None
    return found.ipv4_mapped if isinstance(found, IPv6Address) else found


def admits(ranges: Sequence[tuple[int, int]], address: str) -> bool:
    """Whether the ranges, as numbers, let the caller's address in; no range lets everybody in."""
    if not ranges:
        return True
    caller = ipv4_of(address)
    if caller is None:
        return False
    number = int(caller)
    return any(start <= number <= end for start, end in ranges)


def rule_for(rules: Sequence[FirewallRule], address: str) -> FirewallRule | None:
    """The first rule that the address is inside of."""
    caller = ipv4_of(address)
    if caller is None:
        return None
    return next((rule for rule in rules if rule.admits(caller)), None)


def check_rules(rules: Sequence[FirewallRule]) -> tuple[FirewallRule, ...]:
    """The rules with their names trimmed. Raises BadInput for too many, for a range that ends
    before it starts, and for a name that is missing, too long or there twice (in any letter case).
    """
    if len(rules) > MAX_RULES:
        raise BadInput(f"firewall_rules: at most {MAX_RULES}", field="firewall_rules")
    checked: list[FirewallRule] = []
    names: set[str] = set()
    for number, rule in enumerate(rules):
        place = f"firewall_rules[{number}]"
        name = check_text(rule.rule_name, field=f"{place}.rule_name", least=1, most=MAX_RULE_NAME)
        if name.casefold() in names:
            raise BadInput(
                f"{place}.rule_name: {name!r} is the name of another rule", field="firewall_rules"
            )
        if rule.end_ipv4 < rule.start_ipv4:
            raise BadInput(
                f"{place}.end_ipv4 must not be before start_ipv4", field="firewall_rules"
            )
        names.add(name.casefold())
        checked.append(FirewallRule(name, rule.start_ipv4, rule.end_ipv4))
    return tuple(checked)


def parse_ipv4(text: str, *, field: str) -> IPv4Address:
    """The address in `192.0.2.1`. Raises BadInput."""
    try:
        return IPv4Address(text.strip())
    except ValueError:
        raise BadInput(f"{field} must be an IPv4 address like 192.0.2.1", field=field) from None


def parse_cidr(text: str, *, field: str) -> tuple[IPv4Address, IPv4Address]:
    """First and last address of `192.0.2.0/24`. Raises BadInput, also for an address that has bits
    behind the prefix: it is not sure then what was meant.
    """
    try:
        network = IPv4Network(text.strip())
    except ValueError:
        raise BadInput(f"{field} must be an IPv4 range like 192.0.2.0/24", field=field) from None
    return network.network_address, network.broadcast_address
