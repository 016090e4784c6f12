"""Rules for the URLs and IP addresses of servers that organizations name. Pure: no name lookups.

The standard library is not strict enough: `ipaddress.is_global` is True on Python 3.11 for NAT64, 6to4 and
IPv4-compatible forms of loopback and metadata addresses, `getaddrinfo` turns `0177.0.0.1`, `2130706433` and full-width
digits into loopback, and `urlsplit` silently deletes CR, LF and TAB (J-01 to J-08).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final
from unicodedata import ucd_3_2_0

import idna

from watchword.core.characters import is_printable
from watchword.outbound.failure import ExchangeFailed, Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_LOCATION_LENGTH: Final = 2048
HTTPS_PORT: Final = 443

_HTTPS = "https://"
_HOST_AND_PORT = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
_TARGET = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")
_ENCODED_CONTROL = re.compile(r"%(?:[01][0-9A-Fa-f]|7[Ff])")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# The WHATWG URL standard's "ends in a number": some resolvers take such a host for an IPv4 address.
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
_MAX_HOST_LENGTH = 253
_MAX_PORT = 65_535


class LocationRefused(ExchangeFailed):
    """The location must not be fetched; `failure` says why."""


@dataclass(frozen=True, slots=True)
class Location:
    """A well-formed location. `check_address` checks its host's addresses once they are known.

    Attributes:
        host: the ASCII host name in lower case, or an IP address in its usual form without brackets.
        port: 1 to 65535.
        target: path and query, as sent in the request line.
    """

    host: str
    port: int
    target: str

    @property
    def url(self) -> str:
        """The normalised location, as it is stored and shown."""
        return f"{_HTTPS}{self.host_and_port}{self.target}"

    @property
    def host_and_port(self) -> str:
        """Host and port as sent in the `Host` header, without the default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == HTTPS_PORT else f"{host}:{self.port}"

    @property
    def address(self) -> Address | None:
        """The address, if the host is an address and not a name."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None


def parse_location(text: str) -> Location:
    """Parse a location strictly: refuse everything that another parser might read differently.

    Raises:
        LocationRefused: with a failure that the administrator can fix.
    """
    text = text.strip(" ")  # Often copied with the location.
    if not text:
        raise LocationRefused(Failure.LOCATION_MISSING)
    if len(text) > MAX_LOCATION_LENGTH:
        raise LocationRefused(Failure.LOCATION_TOO_LONG)
    # Before parsing: a CR, LF or TAB that one parser drops and another keeps can split a request, and a backslash ends
    # the host for browsers but not for RFC 3986.
    if not is_printable(text) or " " in text:
        raise LocationRefused(Failure.BLANK_IN_LOCATION)
    if "\\" in text:
        raise LocationRefused(Failure.LOCATION_MALFORMED)
    if text[: len(_HTTPS)].lower() != _HTTPS:
        raise LocationRefused(Failure.SCHEME_NOT_HTTPS)
    rest, hash_sign, _ = text[len(_HTTPS) :].partition("#")
    rest, question_mark, query = rest.partition("?")
    host_and_port, _, path = rest.partition("/")
    if "@" in host_and_port:
        raise LocationRefused(Failure.CREDENTIALS_IN_LOCATION)
    if hash_sign:
        raise LocationRefused(Failure.FRAGMENT_IN_LOCATION)
    target = f"/{path}{question_mark}{query}"
    # An encoded line break is harmless here, but not to every server or proxy that decodes it.
    if not _TARGET.fullmatch(target) or _ENCODED_CONTROL.search(target):
        raise LocationRefused(Failure.LOCATION_MALFORMED)
    host, port = _host_and_port(host_and_port)
    return Location(host=host, port=port, target=target)


def masked(url: str) -> str:
    """The location for display, logs and audit events, without query values, which may be secrets."""
    address, question_mark, query = url.partition("#")[0].partition("?")
    if not question_mark:
        return address
    names = (name for name, equals, _ in (part.partition("=") for part in query.split("&")) if equals)
    return f"{address}?{'&'.join(f'{name}=…' for name in names) or '…'}"


def _host_and_port(host_and_port: str) -> tuple[str, int]:
    match = _HOST_AND_PORT.fullmatch(host_and_port)
    if match is None:
        host, colon, _ = host_and_port.rpartition(":")
        wrong_port = colon and host != "https" and (host.endswith("]") or not set(host) & set("[]:"))
        raise LocationRefused(Failure.PORT_MALFORMED if wrong_port else Failure.HOST_MALFORMED)
    port = HTTPS_PORT if match["port"] is None else int(match["port"])
    if not 1 <= port <= _MAX_PORT:
        raise LocationRefused(Failure.PORT_MALFORMED)
    if match["host"].startswith("["):
        return _ipv6_host(match["host"][1:-1]), port
    return _named_host(match["host"]), port


def _ipv6_host(text: str) -> str:
    # A zone identifier selects a network interface of this machine, which an organization must not do.
    if "%" in text:
        raise LocationRefused(Failure.HOST_MALFORMED)
    try:
        return str(IPv6Address(text))
    except ValueError:
        raise LocationRefused(Failure.HOST_MALFORMED) from None


def _named_host(text: str) -> str:
    host = text.lower() if text.isascii() else _to_ascii(text)
    # A trailing dot only marks an absolute name; certificates and comparisons omit it.
    host = host.removesuffix(".")
    labels = host.split(".")
    if len(host) > _MAX_HOST_LENGTH or not all(_LABEL.fullmatch(label) for label in labels):
        raise LocationRefused(Failure.HOST_MALFORMED)
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        # getaddrinfo reads 0177.0.0.1, 2130706433, 127.1 and 0x7f.1 as loopback; here only the usual form is accepted.
        try:
            return str(IPv4Address(host))
        except ValueError:
            raise LocationRefused(Failure.HOST_MALFORMED) from None
    return host


def _to_ascii(text: str) -> str:
    # `idna` uses the interpreter's tables, which differ between Python versions; this table is the same in all of them.
    if any(ucd_3_2_0.category(character) == "Cn" for character in text):
        raise LocationRefused(Failure.HOST_MALFORMED)
    try:
        return idna.encode(text, uts46=True, std3_rules=True).decode("ascii").lower()
    except UnicodeError:
        raise LocationRefused(Failure.HOST_MALFORMED) from None


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


# Public unicast: these networks, without the ones below.
_UNICAST = _networks(
    "0.0.0.0/0",
    "2000::/3",
    "64:ff9b::/96",  # NAT64 (RFC 6052): from an IPv6-only machine to IPv4; the embedded address is checked too.
)
_NOT_PUBLIC = _networks(
    "0.0.0.0/8",  # "This network"; connecting to 0.0.0.0 reaches loopback.
    "10.0.0.0/8",
    "100.64.0.0/10",  # Carrier-grade NAT; includes Alibaba Cloud's metadata service.
    "127.0.0.0/8",
    "168.63.129.16/32",  # Azure's wire server, an internal service at a public address.
    "169.254.0.0/16",  # Link-local; includes the metadata services of most clouds.
    "172.16.0.0/12",
    "192.0.0.0/24",  # Protocol assignments; includes Oracle Cloud's metadata service.
    "192.0.2.0/24",  # Documentation, as are 198.51.100.0/24 and 203.0.113.0/24.
    "192.31.196.0/24",  # AS112, an anycast service.
    "192.52.193.0/24",  # Multicast relays.
    "192.88.99.0/24",  # 6to4 relays.
    "192.168.0.0/16",
    "192.175.48.0/24",  # AS112 again.
    "198.18.0.0/15",  # Benchmarks.
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",  # Multicast.
    "240.0.0.0/4",  # Reserved, and broadcast.
    "2001::/23",  # Protocol assignments: Teredo, benchmarks, ORCHID, AMT.
    "2001:db8::/32",  # Documentation.
    "2002::/16",  # 6to4: contains the address of the tunnel's end.
    "2620:4f:8000::/48",  # AS112.
    "3fff::/20",  # Documentation.
)

# IPv6 networks whose addresses contain an IPv4 address, and how many bits follow it.
_EMBEDDING: tuple[tuple[IPv6Network, int], ...] = (
    (IPv6Network("::/96"), 0),  # IPv4-compatible.
    (IPv6Network("::ffff:0:0:0/96"), 0),  # Translated (RFC 2765).
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64.
    (IPv6Network("2002::/16"), 80),  # 6to4.
)
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_PADDING = IPv4Network("0.0.0.0/8")
_INTERNAL_ZONES = frozenset(
    {
        "arpa", "consul", "corp", "home", "internal", "intranet", "lan", "local", "localdomain", "localhost", "mail",
        "private", "svc",
    }
)  # fmt: skip
_TEREDO = IPv6Network("2001::/32")
_ISATAP_INTERFACES = frozenset({0x0000_5EFE, 0x0200_5EFE})


def check_address(
    address: Address, allowed_networks: Sequence[Network] = (), refused_networks: Sequence[Network] = ()
) -> Address:
    """Return the address to connect to: the same, or the IPv4 address in an IPv4-mapped one.

    Accepts public unicast addresses and the operator's allowed networks. If an IPv6 address contains an IPv4 address,
    that one must be acceptable too, because a translator on the way would connect to it.

    Raises:
        LocationRefused: ADDRESS_REFUSED in every other case.
    """
    address = _unmapped(address)
    meant = (address, *embedded_addresses(address))
    if not all(_is_acceptable(each, allowed_networks, refused_networks) for each in meant):
        raise LocationRefused(Failure.ADDRESS_REFUSED)
    return address


def is_public(address: Address) -> bool:
    """Whether every client on the Internet can reach this address, so that details about it reveal nothing."""
    try:
        check_address(address)
    except LocationRefused:
        return False
    return True


def is_internal_name(host: str) -> bool:
    """Whether a name can only be internal: RFC 6761, RFC 6762, RFC 8375, and names that ICANN does not delegate."""
    _, dot, zone = host.rpartition(".")
    return not dot or zone in _INTERNAL_ZONES


def embedded_addresses(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 address contains in any known format (J-05)."""
    if isinstance(address, IPv4Address):
        return ()
    number = int(address)
    if number <= 1:
        return ()  # Unspecified and loopback; the format ::/96 begins after them.
    found = [_low_32_bits(number >> shift) for network, shift in _EMBEDDING if address in network]
    if address in _LOCAL_NAT64:
        # RFC 6052 section 2.2: the operator's prefix may be 48, 56, 64 or 96 bits long; bits 64 to 71 are skipped.
        without_gap = (number >> 64 << 56) | (number & (1 << 56) - 1)
        readings = [*(_low_32_bits(without_gap >> shift) for shift in (40, 32, 24)), _low_32_bits(number)]
        # One of the four readings is right; those in 0.0.0.0/8 come from the padding and are not routable.
        found += [reading for reading in readings if reading not in _PADDING]
    if address in _TEREDO:
        # RFC 4380 section 4: the server, and the client with all bits inverted.
        found += [_low_32_bits(number >> 64), _low_32_bits(~number)]
    if number >> 32 & 0xFFFF_FFFF in _ISATAP_INTERFACES:
        found.append(_low_32_bits(number))
    return tuple(found)


def _unmapped(address: Address) -> Address:
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _is_acceptable(address: Address, allowed: Sequence[Network], refused: Sequence[Network]) -> bool:
    if _is_in(address, refused):
        return False
    return _is_in(address, allowed) or (_is_in(address, _UNICAST) and not _is_in(address, _NOT_PUBLIC))


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _low_32_bits(number: int) -> IPv4Address:
    return IPv4Address(number & 0xFFFF_FFFF)
