"""What the guesses of one origin are counted under. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

IPV6_PREFIX: Final = 64


def origin_of_guesses(address: str | None) -> str:
    """What attempts are counted under: an IPv4 address, or a whole IPv6 /64.

    One subscriber has at least 2^64 IPv6 addresses and could guess from each of them.
    """
    parsed = parsed_address(address or "")
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, IPV6_PREFIX), strict=False))
    return str(parsed)


def parsed_address(text: str) -> IPv4Address | IPv6Address | None:
    """An address as an operating system or a proxy wrote it; None for anything else."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
