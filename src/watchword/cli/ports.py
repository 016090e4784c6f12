"""Says clearly that a port is taken, before anything is started on it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from watchword.cli.output import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Mapping


def require_free(ports: Mapping[str, tuple[str, int]]) -> None:
    """Raise unless every address (flag → host and port) can be listened on.

    Raises:
        CommandFailed: names the first address that is in use and the flag that chooses another.
    """
    for flag, (host, port) in ports.items():
        reason = why_not_free(host, port)
        if reason is not None:
            raise cannot_be_used(flag, host, port, reason)


def cannot_be_used(flag: str, host: str, port: int, reason: str) -> CommandFailed:
    return CommandFailed(
        f"{host}:{port} cannot be used ({reason}). Stop what listens there, or choose another port with {flag}."
    )


def why_not_free(host: str, port: int) -> str | None:
    """Why an address cannot be listened on; None if it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the servers do: the waiting remains of closed connections do not count as use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as failure:
            return failure.strerror or "cannot be listened on"
    return None
