"""Which addresses calls may go to."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from treadle.integrations.addresses import Allowed

NOTHING = Allowed()

REFUSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",  # metadata
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",  # metadata
    "169.254.0.1",
    "169.254.169.254",  # metadata
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",  # metadata
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",  # IPv4-compatible
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:0:10.0.0.1",  # IPv4-translated
    "64:ff9b::10.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",  # local NAT64
    "100::1",  # discard
    "2001::1",  # Teredo
    "2001:db8::1",
    "2002:7f00:1::",  # 6to4 of 127.0.0.1
    "2002:a9fe:a9fe::1",  # 6to4 of 169.254.169.254
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",  # metadata
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:800::200e",
]


@pytest.mark.parametrize("text", REFUSED)
def test_special_addresses_are_refused(text: str) -> None:
    assert not NOTHING.allows(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_not(text: str) -> None:
    assert NOTHING.allows(ip_address(text))


def test_an_allowed_network_is_allowed_and_its_neighbour_is_not() -> None:
    allowed = Allowed.parse(["10.1.0.0/16", "fd12::/16", "192.168.7.7"])

    for text in ("10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd12::1", "192.168.7.7"):
        assert allowed.allows(ip_address(text)), text
    for text in ("10.2.0.1", "::ffff:10.2.0.1", "fd13::1", "192.168.7.8", "169.254.169.254"):
        assert not allowed.allows(ip_address(text)), text


def test_a_host_is_allowed_by_its_whole_name_in_any_spelling() -> None:
    allowed = Allowed.parse(["SAP.Intern.Example.", "localhost"])

    assert allowed.allows_host("sap.intern.example")
    assert allowed.allows_host("Sap.Intern.Example.")
    assert allowed.allows_host("localhost")
    assert not allowed.allows_host("x.sap.intern.example")
    assert not allowed.allows_host("intern.example")


@pytest.mark.parametrize("text", ["10.0.0.0/33", "300.1.1.1", "a b", "https://x", "", "*", "-"])
def test_what_is_neither_address_nor_name_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="neither an address"):
        Allowed.parse([text])
