"""Whose address is believed, and whose is not."""

import pytest

from treadle.api.addresses import (
    UNKNOWN,
    base_url,
    client_address,
    parse_address,
    parse_networks,
)

PROXIES = parse_networks(["10.0.0.0/8", "192.0.2.7", "fd00::/8"])


def seen(peer: str | None, *forwarded: str) -> str:
    return client_address(peer=peer, forwarded_for=forwarded, trusted=PROXIES)


def test_a_stranger_cannot_spoof_its_address() -> None:
    assert seen("203.0.113.9", "198.51.100.1") == "203.0.113.9"


def test_a_trusted_proxy_is_believed_about_its_peer() -> None:
    assert seen("10.1.2.3", "198.51.100.1") == "198.51.100.1"


def test_what_the_caller_put_left_of_its_own_address_is_not_believed() -> None:
    assert seen("10.1.2.3", "127.0.0.1, 198.51.100.1") == "198.51.100.1"


def test_a_chain_of_trusted_proxies_is_walked_from_the_right() -> None:
    assert seen("10.1.2.3", "1.1.1.1, 198.51.100.1, 192.0.2.7, 10.9.9.9") == "198.51.100.1"


def test_several_headers_are_one_chain_in_order() -> None:
    assert seen("10.1.2.3", "1.1.1.1, 198.51.100.1", "192.0.2.7") == "198.51.100.1"


def test_a_chain_of_proxies_only_gives_the_leftmost() -> None:
    assert seen("10.1.2.3", "10.0.0.1, 10.0.0.2") == "10.0.0.1"


def test_a_trusted_proxy_without_the_header_is_the_caller() -> None:
    assert seen("10.1.2.3") == "10.1.2.3"
    assert seen("10.1.2.3", "") == "10.1.2.3"


@pytest.mark.parametrize(
    "entry",
    ["unknown", "_hidden", "1.2.3", "1.2.3.4.5", "999.1.1.1", "<script>", "[", "::g", "0x7f.0.0.1"],
)
def test_a_malformed_entry_ends_the_walk_at_the_hop_before_it(entry: str) -> None:
    assert seen("10.1.2.3", f"198.51.100.1, {entry}, 10.0.0.2") == "10.0.0.2"


def test_ports_and_brackets_are_read_over() -> None:
    assert seen("10.1.2.3", "198.51.100.1:4711") == "198.51.100.1"
    assert seen("10.1.2.3", "[2001:db8::1]:443") == "2001:db8::1"
    assert seen("10.1.2.3", "[2001:db8::1]") == "2001:db8::1"


def test_ipv6_callers_and_proxies() -> None:
    assert seen("2001:db8::9", "198.51.100.1") == "2001:db8::9"
    assert seen("fd00::1", "2001:0db8:0000::0001") == "2001:db8::1"


def test_an_ipv4_mapped_address_is_the_ipv4_address() -> None:
    assert seen("::ffff:203.0.113.9") == "203.0.113.9"
    assert seen("::ffff:10.1.2.3", "::ffff:198.51.100.1") == "198.51.100.1"


def test_a_zone_is_not_part_of_the_address() -> None:
    assert str(parse_address("fe80::1%eth0")) == "fe80::1"


def test_a_connection_without_an_address_is_unknown() -> None:
    assert seen(None, "198.51.100.1") == UNKNOWN
    assert seen("", "198.51.100.1") == UNKNOWN


def test_without_trusted_proxies_nobody_is_believed() -> None:
    assert (
        client_address(peer="127.0.0.1", forwarded_for=["198.51.100.1"], trusted=()) == "127.0.0.1"
    )


def test_a_network_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ValueError, match=r"'10\.0\.0\.0/40' is neither"):
        parse_networks(["127.0.0.1", "10.0.0.0/40"])


def url(**given: object) -> str:
    parts: dict[str, object] = {
        "public_url": None,
        "scheme": "http",
        "host": "treadle.example:8080",
        "server": "127.0.0.1:8080",
        "forwarded_proto": None,
        "forwarded_host": None,
        "from_proxy": False,
        **given,
    }
    return base_url(**parts)  # type: ignore[arg-type]


def test_links_start_with_the_requests_own_host() -> None:
    assert url() == "http://treadle.example:8080"
    assert url(host="[2001:db8::1]:8080") == "http://[2001:db8::1]:8080"


def test_the_public_url_wins() -> None:
    assert url(public_url="https://run.example/treadle/") == "https://run.example/treadle"


def test_a_proxy_is_believed_about_scheme_and_host() -> None:
    forwarded = {"forwarded_proto": "https", "forwarded_host": "run.example"}
    assert url(**forwarded, from_proxy=True) == "https://run.example"
    assert url(**forwarded, from_proxy=False) == "http://treadle.example:8080"


def test_of_several_forwarded_values_the_proxys_own_counts() -> None:
    assert (
        url(forwarded_proto="gopher, HTTPS", forwarded_host="evil, run.example", from_proxy=True)
        == "https://run.example"
    )


@pytest.mark.parametrize(
    "host",
    [None, "", "a b", "evil.example/path?", "user@evil", "x" * 254, "h:port", "h:123456", '"><a'],
)
def test_a_hostile_host_is_replaced_by_the_servers_own(host: str | None) -> None:
    assert url(host=host) == "http://127.0.0.1:8080"


def test_a_hostile_forwarded_scheme_is_ignored() -> None:
    assert url(forwarded_proto="javascript", from_proxy=True) == "http://treadle.example:8080"
