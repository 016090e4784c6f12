"""The operator's limits for connections to servers that organizations and their administrators name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.x509 import load_pem_x509_certificates

from watchword.outbound.resolve import Resolver, system_resolver

if TYPE_CHECKING:
    from watchword.outbound.address import Network
    from watchword.outbound.proxy import Proxy


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundPolicy:
    """The operator's limits for one exchange. The defaults are the strict ones.

    Attributes:
        allowed_networks: networks that are allowed although they are not public; empty by default.
        refused_networks: networks that are refused although they are public, such as the service's own. They take
            precedence over `allowed_networks`.
        allowed_ports: the ports that a location may name.
        extra_authorities: PEM certificates trusted in addition to the operating system's; None for none.
        proxy: the proxy for all connections; None connects directly.
        connect_timeout: seconds for connecting, for all addresses of a host together.
        total_timeout: wall-clock seconds for everything, from the name lookup to the last byte.
        max_bytes: the largest accepted body.
        resolver: looks up the addresses of a host.

    Raises:
        ValueError: `extra_authorities` contains no readable certificate.
    """

    allowed_networks: tuple[Network, ...] = ()
    refused_networks: tuple[Network, ...] = ()
    allowed_ports: frozenset[int] = frozenset({443})
    extra_authorities: str | None = None
    proxy: Proxy | None = None
    connect_timeout: float = 2.0
    total_timeout: float = 5.0
    max_bytes: int = 262_144
    resolver: Resolver = system_resolver

    def __post_init__(self) -> None:
        if self.extra_authorities is not None:
            load_pem_x509_certificates(self.extra_authorities.encode())
