"""A real Envoy with what the portal shows for it, or with what is shipped for asking over gRPC."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kit.deployed import FOLDER
from kit.pasted import changed, pasted
from kit.processes import LOOPBACK, free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@contextmanager
def envoy(
    folder: Path, *, api_port: int, verifier_port: int, secret: str = "", instead: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Yields its port on loopback. The settings have no admin interface."""
    changes = {**(instead or {}), "http://127.0.0.1:8081": f"http://{LOOPBACK}:{verifier_port}"}
    with _running(folder, pasted("envoy", changes), api_port, verifier_port, secret) as port:
        yield port


@contextmanager
def envoy_over_grpc(
    folder: Path,
    *,
    api_port: int,
    verifier_port: int,
    grpc_port: int,
    secret: str = "",
    instead: Mapping[str, str] | None = None,
) -> Iterator[int]:
    """The same with what is shipped for gRPC, which the portal does not show."""
    shipped = (FOLDER / "envoy" / "envoy-grpc.yaml").read_text()
    listener = f"address: {LOOPBACK}, port_value: {grpc_port}"
    changes = {**(instead or {}), "address: 127.0.0.1, port_value: 8082": listener}
    with _running(folder, changed([shipped], changes), api_port, verifier_port, secret) as port:
        yield port


@contextmanager
def _running(folder: Path, settings: list[str], api_port: int, verifier_port: int, secret: str) -> Iterator[int]:
    port = free_port()
    changes = {
        "address: 0.0.0.0, port_value: 8088": f"address: {LOOPBACK}, port_value: {port}",
        "address: 127.0.0.1, port_value: 8081": f"address: {LOOPBACK}, port_value: {verifier_port}",
        "address: your-api, port_value: 8000": f"address: {LOOPBACK}, port_value: {api_port}",
        '&secret ""': f'&secret "{secret}"',
    }
    config = folder / "envoy.yaml"
    config.write_text("".join(changed(settings, changes)))
    command = [str(Path(sys.executable).parent / "envoy"), "-c", str(config), "--concurrency", "1"]
    # Several of them on one machine would otherwise fight for one region of shared memory.
    with running([*command, "--disable-hot-restart"], log=folder / "envoy.log", port=port, timeout=30):
        yield port
