"""A real Caddy with what the portal shows for it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kit.pasted import pasted
from kit.processes import LOOPBACK, free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Without certificates, without its admin interface, and on loopback alone.
_MAIN = """
{
    admin off
    persist_config off
    auto_https off
    default_bind %s
}
"""


@contextmanager
def caddy(
    folder: Path, *, api_port: int, verifier_port: int, secret: str = "", instead: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Yields its port on loopback, where the host is `api.example`."""
    port = free_port()
    changes = {
        **(instead or {}),
        "api.example.com {": f"http://api.example:{port} {{",
        "127.0.0.1:8081": f"{LOOPBACK}:{verifier_port}",
        'X-Watchword-Secret ""': f'X-Watchword-Secret "{secret}"',
        "your-api:8000": f"{LOOPBACK}:{api_port}",
    }
    (site,) = pasted("caddy", changes)
    config = folder / "Caddyfile"
    config.write_text(_MAIN % LOOPBACK + site)
    command = [str(Path(sys.executable).parent / "caddy"), "run", "--config", str(config), "--adapter", "caddyfile"]
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config")}
    with running(command, log=folder / "caddy.log", port=port, environment=home):
        yield port
