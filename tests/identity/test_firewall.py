from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import make_rule
from treadle.core.errors import BadInput
from treadle.identity.firewall import (
    MAX_RULES,
    FirewallRule,
    admits,
    check_rules,
    ipv4_of,
    parse_cidr,
    parse_ipv4,
    rule_for,
)

OFFICE = make_rule("192.0.2.16", "192.0.2.31", name="Office")
DESK = make_rule("198.51.100.7", name="Desk")
addresses = st.integers(min_value=0, max_value=2**32 - 1)


def ranges_of(*rules: FirewallRule) -> list[tuple[int, int]]:
    return [(int(rule.start_ipv4), int(rule.end_ipv4)) for rule in rules]


@pytest.mark.parametrize(
    "address", ["192.0.2.1", "2001:db8::1", "::1", "0.0.0.0", "unknown", "", "nonsense"]
)
def test_no_rule_lets_everybody_in(address: str) -> None:
    assert admits([], address)


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("192.0.2.15", False),
        ("192.0.2.16", True),
        ("192.0.2.24", True),
        ("192.0.2.31", True),
        ("192.0.2.32", False),
        ("198.51.100.6", False),
        ("198.51.100.7", True),
        ("198.51.100.8", False),
        ("::ffff:192.0.2.16", True),
        ("::ffff:c000:210", True),
        ("::ffff:192.0.2.15", False),
        # The same number in an IPv6 address that is not a mapped one.
        ("::192.0.2.16", False),
        ("2002:c000:0210::", False),
        ("::1", False),
        ("2001:db8::1", False),
        ("unknown", False),
        ("", False),
        ("192.0.2.16:80", False),
        ("192.0.2.016", False),
        ("192.0.2", False),
        ("3221225999", False),
    ],
)
def test_both_ends_are_inside_and_everything_else_is_out(address: str, inside: bool) -> None:
    assert admits(ranges_of(OFFICE, DESK), address) == inside
    assert (rule_for([OFFICE, DESK], address) is not None) == inside


@given(addresses, addresses, addresses)
def test_inside_is_between(one: int, other: int, caller: int) -> None:
    start, end = sorted((one, other))
    rule = FirewallRule("r", IPv4Address(start), IPv4Address(end))
    address = str(IPv4Address(caller))
    assert admits([(start, end)], address) == (start <= caller <= end)
    assert (rule_for([rule], address) == rule) == (start <= caller <= end)
    assert admits([(start, end)], f"::ffff:{address}") == admits([(start, end)], address)


def test_the_first_rule_that_fits_is_named() -> None:
    wide = make_rule("0.0.0.0", "255.255.255.255", name="Everywhere")
    assert rule_for([OFFICE, wide], "192.0.2.20") == OFFICE
    assert rule_for([OFFICE, wide], "203.0.113.1") == wide


def test_an_address_is_ipv4_or_none() -> None:
    assert ipv4_of("192.0.2.1") == ipv4_of("::ffff:192.0.2.1") == IPv4Address("192.0.2.1")
    assert ipv4_of("2001:db8::1") is None
    assert ipv4_of("unknown") is None


def test_rules_are_tidied() -> None:
    (rule,) = check_rules([make_rule("192.0.2.1", name=" Office ")])
    assert rule.rule_name == "Office"
    assert check_rules([]) == ()
    many = [make_rule("192.0.2.1", name=f"rule {number}") for number in range(MAX_RULES)]
    assert len(check_rules(many)) == MAX_RULES


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([make_rule("192.0.2.2", "192.0.2.1", name="x")], "firewall_rules[0].end_ipv4"),
        ([DESK, make_rule("10.0.0.1", name="DESK ")], "firewall_rules[1].rule_name"),
        ([make_rule("10.0.0.1", name=" ")], "firewall_rules[0].rule_name"),
        ([make_rule("10.0.0.1", name="x" * 101)], "firewall_rules[0].rule_name"),
        ([make_rule("10.0.0.1", name="a\nb")], "firewall_rules[0].rule_name"),
        ([make_rule("10.0.0.1", name=str(n)) for n in range(101)], "at most 100"),
    ],
)
def test_rules_that_cannot_be_are_refused_by_their_place(
    rules: list[FirewallRule], words: str
) -> None:
    with pytest.raises(BadInput) as refused:
        check_rules(rules)
    assert words in refused.value.message


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("192.0.2.0/24", "192.0.2.0", "192.0.2.255"),
        ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
        (" 192.0.2.7/32 ", "192.0.2.7", "192.0.2.7"),
        ("192.0.2.6/31", "192.0.2.6", "192.0.2.7"),
    ],
)
def test_a_cidr_range_has_all_its_addresses(text: str, first: str, last: str) -> None:
    assert parse_cidr(text, field="cidr") == (IPv4Address(first), IPv4Address(last))


@pytest.mark.parametrize(
    "text", ["192.0.2.1/24", "192.0.2.0/33", "2001:db8::/32", "192.0.2.0/-1", "", "/24", "x"]
)
def test_what_is_no_ipv4_range_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"like 192\.0\.2\.0/24"):
        parse_cidr(text, field="cidr")


@pytest.mark.parametrize(
    "text", ["", "192.0.2", "192.0.2.256", "192.0.2.01", "::1", "192.0.2.1/32", "١٩٢.0.2.1", "1"]
)
def test_what_is_no_ipv4_address_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"like 192\.0\.2\.1"):
        parse_ipv4(text, field="start_ipv4")
