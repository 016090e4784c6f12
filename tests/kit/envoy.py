"""A real Envoy with what the portal shows for it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kit.pasted import pasted
from kit.processes import LOOPBACK, free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def envoy(folder: Path, *, api_port: int, verifier_port: int) -> Iterator[int]:
    """Yields its port on loopback. The settings have no admin interface."""
    port = free_port()
    changes = {
        "address: 0.0.0.0, port_value: 8088": f"address: {LOOPBACK}, port_value: {port}",
        "http://127.0.0.1:8081": f"http://{LOOPBACK}:{verifier_port}",
        "address: 127.0.0.1, port_value: 8081": f"address: {LOOPBACK}, port_value: {verifier_port}",
        "address: your-api, port_value: 8000": f"address: {LOOPBACK}, port_value: {api_port}",
    }
    (settings,) = pasted("envoy", changes)
    config = folder / "envoy.yaml"
    config.write_text(settings)
    command = [str(Path(sys.executable).parent / "envoy"), "-c", str(config), "--concurrency", "1"]
    # Several of them on one machine would otherwise fight for one region of shared memory.
    with running([*command, "--disable-hot-restart"], log=folder / "envoy.log", port=port, timeout=30):
        yield port
