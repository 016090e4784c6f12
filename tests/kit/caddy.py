"""A real Caddy with its shipped configuration."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kit.pasted import pasted
from kit.processes import LOOPBACK, free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kit.behind import Behind, Routing

# Without certificates and admin interface, on loopback only.
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
    folder: Path, behind: Behind, *, routing: Routing = "host", instead: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Yields its port on loopback."""
    port = free_port()
    changes = {
        **(instead or {}),
        ":8088 {": f"http://:{port} {{",
        "\timport by-host ": f"\timport by-{routing} ",
        "127.0.0.1:8081 127.0.0.1:8091": " ".join(f"{LOOPBACK}:{one}" for one in behind.verifiers),
        'X-Watchword-Secret ""': f'X-Watchword-Secret "{behind.secret}"',
        "your-api:8000": f"{LOOPBACK}:{behind.api.port}",
    }
    (site,) = pasted("caddy", changes)
    config = folder / "Caddyfile"
    config.write_text(_MAIN % LOOPBACK + site)
    command = [str(Path(sys.executable).parent / "caddy"), "run", "--config", str(config), "--adapter", "caddyfile"]
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config")}
    with running(command, log=folder / "caddy.log", port=port, environment=home):
        yield port
