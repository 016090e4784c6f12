"""Where a request comes from."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Final

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest

    from watchword.jwks.address import Network

IPV6_PREFIX: Final = 64


def client_address(request: HttpRequest) -> str | None:
    """The address of the browser, None where there is none.

    X-Forwarded-For is believed from the proxies that the operator listed and from nobody else: anyone can write
    anything into it (G-06).
    """
    return nearest_untrusted(
        request.META.get("REMOTE_ADDR", ""),
        request.headers.get("X-Forwarded-For", ""),
        settings.WATCHWORD.trusted_proxies,
    )


def nearest_untrusted(peer: str, forwarded: str, trusted: Sequence[Network]) -> str | None:
    """Walk from the connection's peer towards the browser until the first address that is no trusted proxy."""
    nearest = None
    for text in (peer, *reversed(forwarded.split(","))):
        address = _parsed(text.strip())
        if address is None:
            # What a trusted proxy passed on without understanding it ends the walk at that proxy.
            return nearest
        nearest = str(address)
        if not any(address in network for network in trusted):
            return nearest
    return nearest


def origin_of_guesses(address: str | None) -> str:
    """What attempts are counted under: an IPv4 address, or a whole IPv6 /64.

    One subscriber has at least 2^64 IPv6 addresses and could guess from each of them.
    """
    parsed = _parsed(address or "")
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, IPV6_PREFIX), strict=False))
    return str(parsed)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
