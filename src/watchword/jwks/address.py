"""Which URLs and which addresses may be asked for a key set. Pure: no name is looked up here.

The library's own judgement is not enough: `ipaddress.is_global` is True on Python 3.11 for NAT64, 6to4 and
IPv4-compatible spellings of loopback and metadata addresses, `getaddrinfo` turns `0177.0.0.1`, `2130706433` and
full-width digits into loopback, and `urlsplit` silently deletes CR, LF and TAB (J-01 to J-08).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final
from unicodedata import ucd_3_2_0

import idna

from watchword.core.characters import is_printable
from watchword.jwks.problem import ProbeFailed, Problem

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
# What the WHATWG URL standard calls "ends in a number": such a host means an IPv4 address to some resolver.
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
_MAX_HOST_LENGTH = 253
_MAX_PORT = 65_535


class LocationRefused(ProbeFailed):
    """The location is not one that may be asked; `problem` says why."""


@dataclass(frozen=True, slots=True)
class JwksLocation:
    """A location whose form is acceptable; whether its host's addresses are is decided when they are known.

    Attributes:
        host: the ASCII host name in lower case, or an IP address in its usual form and without brackets.
        port: 1 to 65535.
        target: path and query, as sent in the request line.
    """

    host: str
    port: int
    target: str

    @property
    def url(self) -> str:
        """The normalised location, as it is stored and shown."""
        return f"{_HTTPS}{self.authority}{self.target}"

    @property
    def authority(self) -> str:
        """Host and port as sent in the `Host` header; the default port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == HTTPS_PORT else f"{host}:{self.port}"

    @property
    def address(self) -> Address | None:
        """The address, if the host is one rather than a name."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None


def parse_location(text: str) -> JwksLocation:
    """Parse a JWKS location strictly: what another parser might read differently is refused.

    Raises:
        LocationRefused: with the problem that an administrator can act on.
    """
    text = text.strip(" ")  # Copied along with it.
    if not text:
        raise LocationRefused(Problem.LOCATION_MISSING)
    if len(text) > MAX_LOCATION_LENGTH:
        raise LocationRefused(Problem.LOCATION_TOO_LONG)
    # Before anything is taken apart: a CR, LF or TAB that one parser drops and another keeps splits a request, and a
    # backslash ends the host for browsers but not for RFC 3986.
    if not is_printable(text) or " " in text:
        raise LocationRefused(Problem.BLANK_IN_LOCATION)
    if "\\" in text:
        raise LocationRefused(Problem.LOCATION_MALFORMED)
    if text[: len(_HTTPS)].lower() != _HTTPS:
        raise LocationRefused(Problem.SCHEME_NOT_HTTPS)
    rest, hash_sign, _ = text[len(_HTTPS) :].partition("#")
    rest, question_mark, query = rest.partition("?")
    authority, _, path = rest.partition("/")
    if "@" in authority:
        raise LocationRefused(Problem.CREDENTIALS_IN_LOCATION)
    if hash_sign:
        raise LocationRefused(Problem.FRAGMENT_IN_LOCATION)
    target = f"/{path}{question_mark}{query}"
    # An encoded line break is harmless to us but not to every server or proxy that decodes it.
    if not _TARGET.fullmatch(target) or _ENCODED_CONTROL.search(target):
        raise LocationRefused(Problem.LOCATION_MALFORMED)
    host, port = _host_and_port(authority)
    return JwksLocation(host=host, port=port, target=target)


def masked(url: str) -> str:
    """The location for display, logs and audit events: values of the query may be secrets and are hidden."""
    address, question_mark, query = url.partition("#")[0].partition("?")
    if not question_mark:
        return address
    names = (name for name, equals, _ in (part.partition("=") for part in query.split("&")) if equals)
    return f"{address}?{'&'.join(f'{name}=…' for name in names) or '…'}"


def _host_and_port(authority: str) -> tuple[str, int]:
    match = _HOST_AND_PORT.fullmatch(authority)
    if match is None:
        host, colon, _ = authority.rpartition(":")
        wrong_port = colon and host != "https" and (host.endswith("]") or not set(host) & set("[]:"))
        raise LocationRefused(Problem.PORT_MALFORMED if wrong_port else Problem.HOST_MALFORMED)
    port = HTTPS_PORT if match["port"] is None else int(match["port"])
    if not 1 <= port <= _MAX_PORT:
        raise LocationRefused(Problem.PORT_MALFORMED)
    if match["host"].startswith("["):
        return _ipv6_host(match["host"][1:-1]), port
    return _named_host(match["host"]), port


def _ipv6_host(text: str) -> str:
    # A zone identifier names an interface of this machine, which is no business of an organization.
    if "%" in text:
        raise LocationRefused(Problem.HOST_MALFORMED)
    try:
        return str(IPv6Address(text))
    except ValueError:
        raise LocationRefused(Problem.HOST_MALFORMED) from None


def _named_host(text: str) -> str:
    host = text.lower() if text.isascii() else _to_ascii(text)
    # One trailing dot only says that the name is absolute; certificates and comparisons are without it.
    host = host.removesuffix(".")
    labels = host.split(".")
    if len(host) > _MAX_HOST_LENGTH or not all(_LABEL.fullmatch(label) for label in labels):
        raise LocationRefused(Problem.HOST_MALFORMED)
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        # 0177.0.0.1, 2130706433, 127.1 and 0x7f.1 all mean loopback to getaddrinfo; only the usual form is an address.
        try:
            return str(IPv4Address(host))
        except ValueError:
            raise LocationRefused(Problem.HOST_MALFORMED) from None
    return host


def _to_ascii(text: str) -> str:
    # The library asks the interpreter's tables about each letter, which know more letters with every version of Python.
    # This one is the same in all of them. A name with other letters can be entered in its ASCII form, `xn--…`.
    if any(ucd_3_2_0.category(character) == "Cn" for character in text):
        raise LocationRefused(Problem.HOST_MALFORMED)
    try:
        return idna.encode(text, uts46=True, std3_rules=True).decode("ascii").lower()
    except UnicodeError:
        raise LocationRefused(Problem.HOST_MALFORMED) from None


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


# Public unicast is what these networks hold, without the ones below.
_UNICAST = _networks(
    "0.0.0.0/0",
    "2000::/3",
    "64:ff9b::/96",  # NAT64 (RFC 6052), the way from an IPv6-only machine to IPv4; the address inside is checked too.
)
_NOT_PUBLIC = _networks(
    "0.0.0.0/8",  # "This network"; connecting to 0.0.0.0 reaches loopback.
    "10.0.0.0/8",
    "100.64.0.0/10",  # Carrier-grade NAT; holds Alibaba Cloud's metadata service.
    "127.0.0.0/8",
    "168.63.129.16/32",  # Azure's wire server, an internal service at a public address.
    "169.254.0.0/16",  # Link-local; holds the metadata services of most clouds.
    "172.16.0.0/12",
    "192.0.0.0/24",  # Protocol assignments; holds Oracle Cloud's metadata service.
    "192.0.2.0/24",  # Documentation, as are 198.51.100.0/24 and 203.0.113.0/24.
    "192.31.196.0/24",  # AS112, answered by whoever is nearest.
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
    "2002::/16",  # 6to4: the address of a tunnel's end is part of it.
    "2620:4f:8000::/48",  # AS112.
    "3fff::/20",  # Documentation.
)

# An IPv6 network whose addresses carry an IPv4 address, and how many bits follow it.
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
    """Return the address to connect to: the same, or the IPv4 address that an IPv4-mapped one means.

    Accepted is public unicast and what the operator lists. An IPv6 address that carries an IPv4 address is accepted
    only if that one is accepted too, by itself: a translator on the way would connect to it.

    Raises:
        LocationRefused: ADDRESS_REFUSED in every other case.
    """
    address = _unmapped(address)
    meant = (address, *embedded_addresses(address))
    if not all(_is_acceptable(each, allowed_networks, refused_networks) for each in meant):
        raise LocationRefused(Problem.ADDRESS_REFUSED)
    return address


def is_public(address: Address) -> bool:
    """Whether anybody on the Internet could ask this address, so that nothing told about it is news."""
    try:
        check_address(address)
    except LocationRefused:
        return False
    return True


def is_internal_name(host: str) -> bool:
    """Whether a name can only mean something inside some network: the Internet has none such (RFC 6761, RFC 6762,
    RFC 8375, and what ICANN has set aside or refused to delegate).
    """
    _, dot, zone = host.rpartition(".")
    return not dot or zone in _INTERNAL_ZONES


def embedded_addresses(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 address carries in any of the known ways (J-05)."""
    if isinstance(address, IPv4Address):
        return ()
    number = int(address)
    if number <= 1:
        return ()  # Unspecified and loopback; the form ::/96 begins after them.
    found = [_low_32_bits(number >> shift) for network, shift in _EMBEDDING if address in network]
    if address in _LOCAL_NAT64:
        # RFC 6052 section 2.2: the operator's prefix may be 48, 56, 64 or 96 bits long; bits 64 to 71 are skipped.
        without_gap = (number >> 64 << 56) | (number & (1 << 56) - 1)
        readings = [*(_low_32_bits(without_gap >> shift) for shift in (40, 32, 24)), _low_32_bits(number)]
        # Of the four readings one is meant; those in 0.0.0.0/8 come from reading the padding and are not routable.
        found += [reading for reading in readings if reading not in _PADDING]
    if address in _TEREDO:
        # RFC 4380 section 4: the server, and the client with all bits turned.
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
