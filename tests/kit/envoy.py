"""A real Envoy with its shipped configuration for HTTP or gRPC."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kit.pasted import changed, pasted
from kit.processes import LOOPBACK, free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kit.behind import Behind, Routing


@contextmanager
def envoy(
    folder: Path, behind: Behind, *, routing: Routing = "host", instead: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Yields its port on loopback. The settings have no admin interface."""
    with _running(folder, pasted("envoy", instead or {}), behind, routing) as port:
        yield port


@contextmanager
def envoy_over_grpc(
    folder: Path, behind: Behind, *, routing: Routing = "host", instead: Mapping[str, str] | None = None
) -> Iterator[int]:
    """The same over gRPC."""
    changes = {
        **(instead or {}),
        "port_value: 8085": f"port_value: {behind.grpc[0]}",
        "port_value: 8095": f"port_value: {behind.grpc[1]}",
    }
    with _running(folder, pasted("envoy-grpc", changes), behind, routing) as port:
        yield port


@contextmanager
def _running(folder: Path, settings: list[str], behind: Behind, routing: Routing) -> Iterator[int]:
    port = free_port()
    changes = {
        'ROUTING = "host"': f'ROUTING = "{routing}"',
        "address: 127.0.0.1, port_value: 8088": f"address: {LOOPBACK}, port_value: {port}",
        "port_value: 8089": f"port_value: {free_port()}",
        "port_value: 8081": f"port_value: {behind.verifiers[0]}",
        "port_value: 8091": f"port_value: {behind.verifiers[1]}",
        "address: your-api, port_value: 8000": f"address: {LOOPBACK}, port_value: {behind.api.port}",
        '&secret ""': f'&secret "{behind.secret}"',
    }
    config = folder / "envoy.yaml"
    config.write_text("".join(changed(settings, changes)))
    command = [str(Path(sys.executable).parent / "envoy"), "-c", str(config), "--concurrency", "1"]
    # Otherwise several on one machine would share one region of memory.
    with running([*command, "--disable-hot-restart"], log=folder / "envoy.log", port=port, timeout=30):
        yield port
