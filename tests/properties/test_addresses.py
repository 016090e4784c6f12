"""For any typed or resolved text, the guard answers, and accepts only what it should."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from hypothesis import example, given
from hypothesis import strategies as st

from watchword.outbound.address import (
    Address,
    Location,
    LocationRefused,
    check_address,
    embedded_addresses,
    masked,
    parse_location,
)

INTERNAL = [
    ip_network(text)
    for text in ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
                 "192.168.0.0/16", "224.0.0.0/3", "::/8", "fc00::/7", "fe80::/9", "ff00::/8")
]  # fmt: skip

ipv4 = st.ip_addresses(v=4).map(lambda address: IPv4Address(int(address)))
internal_ipv4 = st.sampled_from([network for network in INTERNAL if network.version == 4]).flatmap(
    lambda network: st.ip_addresses(network=network).map(lambda address: IPv4Address(int(address)))
)
addresses = st.one_of(
    st.ip_addresses(),
    *(st.ip_addresses(network=network) for network in INTERNAL),
)

near_urls = st.one_of(
    st.text(),
    st.text().map("https://".__add__),
    st.from_regex(r"[hH]ttps?:/{0,3}[\w.\[\]:@%\\-]{0,30}(:[\d]{0,6})?(/[!-~]{0,30})?(#.?)?", fullmatch=True),
)


def accepted(address: Address) -> bool:
    try:
        check_address(address)
    except LocationRefused:
        return False
    return True


def parsed(text: str) -> Location | None:
    try:
        return parse_location(text)
    except LocationRefused:
        return None


@given(near_urls)
@example("https://[::1]:443")
@example("https://ａcme.example")  # noqa: RUF001
def test_a_location_is_refused_or_has_a_safe_form(text: str) -> None:
    location = parsed(text)
    if location is not None:
        assert parse_location(location.url) == location
        assert (location.host + location.target).isascii()
        assert not set(location.url) & set(" \t\r\n\\#")
        assert "@" not in location.host_and_port
        assert 1 <= location.port <= 65535


@given(near_urls)
def test_masking_never_fails_and_hides_the_query(text: str) -> None:
    assert "secret" not in masked(f"{text.replace('secret', '')}?token=secret")


@given(internal_ipv4, st.sampled_from(["d", "o", "x", "short", "wide", "long"]))
def test_internal_addresses_are_refused_in_every_spelling(address: IPv4Address, spelling: str) -> None:
    octets = address.packed
    text = {
        "d": str(int(address)),
        "o": ".".join(f"0{octet:o}" for octet in octets),
        "x": ".".join(hex(octet) for octet in octets),
        "short": f"{octets[0]}.{int(address) & 0xFFFFFF}",
        "wide": str(address).translate({ord("0") + digit: ord("０") + digit for digit in range(10)}),  # noqa: RUF001
        "long": hex(int(address)),
    }[spelling]
    location = parsed(f"https://{text}/")
    if location is not None:
        assert location.address is not None
        assert not accepted(location.address)
        assert str(socket.inet_ntoa(socket.inet_aton(location.host))) == location.host


@given(addresses)
def test_internal_addresses_are_refused(address: Address) -> None:
    plain = ip_address(int(address)) if isinstance(address, IPv4Address) else IPv6Address(int(address))
    meant = getattr(plain, "ipv4_mapped", None) or plain
    if any(meant in network for network in INTERNAL if network.version == meant.version):
        assert not accepted(plain) or meant in ip_network("64:ff9b::/96")


@given(internal_ipv4, st.sampled_from(["::", "::ffff:", "::ffff:0:", "64:ff9b::", "64:ff9b:1::", "2606:4700::5efe:"]))
def test_no_ipv6_address_around_an_internal_ipv4_address_is_accepted(address: IPv4Address, prefix: str) -> None:
    assert not accepted(ip_address(f"{prefix}{address}"))


@given(internal_ipv4, st.integers(0, 2**80 - 1))
def test_no_6to4_or_teredo_address_is_accepted(address: IPv4Address, rest: int) -> None:
    assert not accepted(IPv6Address((0x2002 << 112) | (int(address) << 80) | rest))
    assert not accepted(IPv6Address((0x20010000 << 96) | (int(address) << 64) | rest >> 16))


@given(ipv4)
def test_mapped_addresses_are_judged_as_their_ipv4_address(address: IPv4Address) -> None:
    assert accepted(IPv6Address(f"::ffff:{address}")) == accepted(address)
    assert embedded_addresses(address) == ()
