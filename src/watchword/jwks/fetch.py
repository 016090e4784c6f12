"""The one guarded fetch: every outbound call to a URL that an organization typed in goes through here."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from cryptography.x509 import load_pem_x509_certificates

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPolicy:
    """The operator's limits for fetching key sets. The defaults are the strict ones.

    Attributes:
        allowed_networks: networks reached although they are not public; empty unless the operator lists them.
        refused_networks: networks never reached although they are public, such as the service's own; they win.
        allowed_ports: the ports that a JWKS location may name.
        extra_authorities: PEM certificates trusted beside the operating system's; None for none.
        connect_timeout: seconds for connecting, over all addresses of a host.
        total_timeout: seconds by the wall clock for everything, from the name lookup to the last byte.
        max_bytes: largest body accepted.

    Raises:
        ValueError: `extra_authorities` holds no readable certificate.
    """

    allowed_networks: tuple[Network, ...] = ()
    refused_networks: tuple[Network, ...] = ()
    allowed_ports: frozenset[int] = frozenset({443})
    extra_authorities: str | None = None
    connect_timeout: float = 2.0
    total_timeout: float = 5.0
    max_bytes: int = 262_144

    def __post_init__(self) -> None:
        if self.extra_authorities is not None:
            load_pem_x509_certificates(self.extra_authorities.encode())
