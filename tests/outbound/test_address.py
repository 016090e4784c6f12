from __future__ import annotations

from ipaddress import IPv4Address, ip_address, ip_network

import pytest

from watchword.outbound.address import (
    Location,
    LocationRefused,
    check_address,
    is_public,
    masked,
    parse_location,
)
from watchword.outbound.failure import Failure


def failure_of(text: str) -> Failure:
    with pytest.raises(LocationRefused) as refused:
        parse_location(text)
    return refused.value.failure


@pytest.mark.parametrize(
    ("text", "location", "url"),
    [
        (
            "https://login.acme.example/oauth2/v1/keys",
            Location("login.acme.example", 443, "/oauth2/v1/keys"),
            "https://login.acme.example/oauth2/v1/keys",
        ),
        ("HTTPS://LOGIN.Acme.Example", Location("login.acme.example", 443, "/"), "https://login.acme.example/"),
        ("https://acme.example:443/k", Location("acme.example", 443, "/k"), "https://acme.example/k"),
        ("https://acme.example:8443/k", Location("acme.example", 8443, "/k"), "https://acme.example:8443/k"),
        ("https://acme.example./k", Location("acme.example", 443, "/k"), "https://acme.example/k"),
        ("https://acme.example?a=b&c", Location("acme.example", 443, "/?a=b&c"), "https://acme.example/?a=b&c"),
        ("https://acme.example/a%2Fb", Location("acme.example", 443, "/a%2Fb"), "https://acme.example/a%2Fb"),
        ("https://acme.example/?u=x@y", Location("acme.example", 443, "/?u=x@y"), "https://acme.example/?u=x@y"),
        ("https://8.8.8.8/k", Location("8.8.8.8", 443, "/k"), "https://8.8.8.8/k"),
        ("https://[2606:4700::0]/k", Location("2606:4700::", 443, "/k"), "https://[2606:4700::]/k"),
        ("https://[2606:4700::1]:8443/", Location("2606:4700::1", 8443, "/"), "https://[2606:4700::1]:8443/"),
        # J-29: other scripts are stored and shown in ASCII, by the rules of 2008, under which ß is a letter.
        ("https://bücher.example/", Location("xn--bcher-kva.example", 443, "/"), "https://xn--bcher-kva.example/"),
        ("https://faß.example/", Location("xn--fa-hia.example", 443, "/"), "https://xn--fa-hia.example/"),
        # Full-width digits and dots mean the address that they look like, and are judged as that.
        ("https://１２７。０．0.1/", Location("127.0.0.1", 443, "/"), "https://127.0.0.1/"),  # noqa: RUF001
    ],
)
def test_location_is_normalized(text: str, location: Location, url: str) -> None:
    assert parse_location(text) == location
    assert parse_location(text).url == url
    assert parse_location(url) == location


@pytest.mark.parametrize(
    "text",
    [
        "http://acme.example/", "ftp://acme.example/", "file:///etc/passwd", "data:application/json,{}", "FILE:///etc",
        "gopher://acme.example/", "jar:https://acme.example!/", "unix:///run/x.sock", "https:acme.example",
        "https:/acme.example", "//acme.example/", "acme.example/keys", "wss://acme.example/",
    ],
)  # fmt: skip
def test_only_https_with_two_slashes_is_accepted(text: str) -> None:
    assert failure_of(text) is Failure.SCHEME_NOT_HTTPS


@pytest.mark.parametrize(
    "text",
    [
        "https://acme.example/a\r\nHost: globex.example", "https://acme.example/\ta", "https://acme\n.example/",
        "https://acme.example/a b", "https://acme.example/\x00", "https://acme.example/\u2028", "https://acme.example/\t",
        "https://acme.example/\u00a0", "https://acme\u00ad.example/", "https://acme.example/\x7f",
        "https://acme.example/\u202egnp.keys", "https://acme.example/\ud800", "\ufeffhttps://acme.example/", "\t",
    ],
)  # fmt: skip
def test_ff_01_blanks_and_invisible_characters_are_named(text: str) -> None:
    assert failure_of(text) is Failure.BLANK_IN_LOCATION


@pytest.mark.parametrize("text", [" https://acme.example/", "https://acme.example/  ", "  https://acme.example/ "])
def test_ff_01_blanks_around_a_location_are_dropped(text: str) -> None:
    assert parse_location(text).url == "https://acme.example/"


@pytest.mark.parametrize("text", ["", " ", "   "])
def test_ff_01_empty_location_has_its_own_message(text: str) -> None:
    assert failure_of(text) is Failure.LOCATION_MISSING


@pytest.mark.parametrize(
    "text",
    [
        "https://acme.example\\@globex.example/", "https://acme.example/a\\b",
        "https://acme.example/%0d%0aHost:%20x", "https://acme.example/%00", "https://acme.example/?a=%7f",
        "https://acme.example/é", "https://acme.example/100%", "https://acme.example/%zz", "https://acme.example/<x>",
        'https://acme.example/"', "https://acme.example/[", "https://acme.example/{tenant}/keys",
    ],
)  # fmt: skip
def test_ambiguous_characters_are_refused(text: str) -> None:
    assert failure_of(text) is Failure.LOCATION_MALFORMED


@pytest.mark.parametrize(
    "text",
    ["https://alice:secret@acme.example/", "https://alice@acme.example/", "https://@acme.example/",
     "https://acme.example:443@globex.example/", "https://acme.example@globex.example#@x"],
)  # fmt: skip
def test_credentials_in_the_location_are_refused(text: str) -> None:
    assert failure_of(text) is Failure.CREDENTIALS_IN_LOCATION


@pytest.mark.parametrize(
    "text",
    ["https://acme.example/#keys", "https://acme.example#", "https://acme.example#@globex.example/"],
)
def test_fragment_is_refused(text: str) -> None:
    assert failure_of(text) is Failure.FRAGMENT_IN_LOCATION


@pytest.mark.parametrize(
    "host",
    [
        # Spellings of loopback and other addresses that only some resolvers understand.
        "0177.0.0.1", "0x7f.1", "0x7f000001", "2130706433", "127.1", "127.0.1", "127.0.0.01", "1.2.3.4.5", "0", "1",
        "127.0.0.1.0x", "256.0.0.1", "acme.1", "acme.0x1f", "127.0.0.1..", "１２７.１",  # noqa: RUF001
        "[127.0.0.1]", "[::1", "::1", "[::1]x", "[fe80::1%eth0]", "[fe80::1%25eth0]", "[]", "[::g]", "[::1]]",
        # Invalid names.
        "", ".", "..", ".acme.example", "acme..example", "-acme.example", "acme-.example", "a_b.example",
        "acme!.example", "%61cme.example", "acme.example%00", "a,b", "*.acme.example", "a" * 64 + ".example",
        ".".join(["abc"] * 64),
        "acme.example:443:443", "2606:4700::1", "2606:4700::1:443", "https:",
        "a℀b.example", "acme／x.example", "xn--\u00fc.example", "\u0301.example",  # noqa: RUF001
        # Letters that not every version of Python knows: of Unicode 5.1, 15 and 15.1 (FI-01).
        "as\u0d7a.example", "as\u0ece.example", "as\U0002ebf0.example",
    ],
)  # fmt: skip
def test_invalid_hosts_are_refused(host: str) -> None:
    assert failure_of(f"https://{host}/keys") is Failure.HOST_MALFORMED


@pytest.mark.parametrize(
    "port",
    ["0", "00000", "65536", "99999", "", "abc", "+443", "４４３", "000443", "{port}", "-1"],  # noqa: RUF001
)
@pytest.mark.parametrize("host", ["acme.example", "[2606:4700::1]"])
def test_ff_01_invalid_port_is_named(host: str, port: str) -> None:
    assert failure_of(f"https://{host}:{port}/") is Failure.PORT_MALFORMED


def test_location_has_a_length_limit() -> None:
    longest = "https://acme.example/".ljust(2048, "a")

    assert parse_location(longest).url == longest
    assert failure_of(longest + "a") is Failure.LOCATION_TOO_LONG


def test_host_that_is_an_address_is_recognized() -> None:
    assert parse_location("https://[::1]/").address == ip_address("::1")
    assert parse_location("https://acme.example/").address is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://acme.example/keys", "https://acme.example/keys"),
        ("https://acme.example/keys?token=secret&p=a=b", "https://acme.example/keys?token=…&p=…"),
        ("https://acme.example/keys?secret", "https://acme.example/keys?…"),
        ("https://acme.example/keys?token=x&secret#secret", "https://acme.example/keys?token=…"),
        ("https://acme.example/keys?", "https://acme.example/keys?…"),
        ("https://acme.example/keys#token=secret", "https://acme.example/keys"),
    ],
)
def test_values_of_the_query_are_masked_for_display(url: str, shown: str) -> None:
    assert masked(url) == shown


PUBLIC = [
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
    "168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0",
    "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
    "2606:4700::1111", "2a00:1450:4001::1", "2001:200::", "2001:db9::1", "2003::1", "64:ff9b::8.8.8.8",
    "2606:4700::5efe:8.8.8.8",
]  # fmt: skip

NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104
    "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.100.100.200", "100.127.255.255",
    "127.0.0.1", "127.255.255.255", "168.63.129.16", "169.254.0.0", "169.254.169.254", "169.254.255.255", "172.16.0.0",
    "172.31.255.255", "192.0.0.0", "192.0.0.192", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1",
    "192.168.0.0", "192.168.255.255", "192.175.48.1", "198.18.0.0", "198.19.255.255", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.255", "240.0.0.0", "255.255.255.255",
    "::", "::1", "::2", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "100::1", "5f00::1", "4000::1",
    "2001:db8::1", "3fff::1", "2001:2::1", "2001:10::1", "2001:20::1", "2620:4f:8000::1",
    # J-05: an IPv4 address inside.
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::127.0.0.1", "::10.0.0.1", "::8.8.8.8",
    "::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8", "64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::a00:1",
    "64:ff9b:1::8.8.8.8", "64:ff9b:1::127.0.0.1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:808:808::1",
    "2001:0:808:808::f5ff:fffe", "2001:0:7f00:1::", "2606:4700::5efe:127.0.0.1", "2606:4700::200:5efe:10.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_unicast_is_accepted(address: str) -> None:
    assert check_address(ip_address(address)) == ip_address(address)


def test_public_hosts_may_be_described() -> None:
    assert all(is_public(ip_address(address)) for address in PUBLIC)
    assert not any(is_public(ip_address(address)) for address in NOT_PUBLIC)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(LocationRefused) as refused:
        check_address(ip_address(address))
    assert refused.value.failure is Failure.ADDRESS_REFUSED


def test_mapped_address_is_read_as_its_ipv4_address() -> None:
    assert check_address(ip_address("::ffff:8.8.8.8")) == IPv4Address("8.8.8.8")
    assert check_address(ip_address("::ffff:10.0.0.1"), [ip_network("10.0.0.0/8")]) == IPv4Address("10.0.0.1")


@pytest.mark.parametrize("address", ["::1", "fd00::1", "10.1.2.3", "64:ff9b::10.1.2.3", "64:ff9b:1::8.8.8.8"])
def test_operator_may_list_internal_networks(address: str) -> None:
    listed = [ip_network(text) for text in ("::1/128", "fd00::/8", "10.0.0.0/8", "64:ff9b:1::/48")]

    assert check_address(ip_address(address), listed) == ip_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "::10.0.0.1", "::ffff:0:10.0.0.1", "64:ff9b::10.0.0.1", "2002:a00:1::1",
        "2001:0:a00:1::f7f7:f7f7",  # Teredo: the server is 10.0.0.1, the client 8.8.8.8.
        "2001:0:808:808::f5ff:fffe",  # Teredo: the server is 8.8.8.8, the client 10.0.0.1.
        "2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:10.0.0.1",  # ISATAP.
        "64:ff9b:1::10.0.0.1",  # Local NAT64 with a prefix of 96, 64, 56 and 48 bits.
        "64:ff9b:1:0:a:0:100:0", "64:ff9b:1:a:0:1::", "64:ff9b:1:a00:0:100::",
    ],
)  # fmt: skip
def test_listed_ipv6_network_opens_no_unlisted_ipv4_address(address: str) -> None:
    everything = [ip_network("::/0")]

    with pytest.raises(LocationRefused):
        check_address(ip_address(address), everything)
    listed = [*everything, ip_network("10.0.0.0/8")]
    assert check_address(ip_address(address), listed) == ip_address(address)


def test_refused_network_takes_precedence() -> None:
    own = [ip_network("8.8.8.0/24")]

    for address in ("8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"):
        with pytest.raises(LocationRefused):
            check_address(ip_address(address), own, own)
