"""The address of a client behind proxies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.control.identity.throttle import parsed_address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword.outbound.address import Network


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
