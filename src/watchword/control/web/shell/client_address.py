"""Where a request comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from watchword.control.identity.throttle import parsed_address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest

    from watchword.jwks.address import Network


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
        address = parsed_address(text.strip())
        if address is None:
            # What a trusted proxy passed on without understanding it ends the walk at that proxy.
            return nearest
        nearest = str(address)
        if not any(address in network for network in trusted):
            return nearest
    return nearest
