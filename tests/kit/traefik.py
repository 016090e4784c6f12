"""A real Traefik with its shipped configuration."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kit.behind import DOMAIN
from kit.pasted import pasted
from kit.processes import LOOPBACK, free_port, running
from kit.raw_http import exchange

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kit.behind import Behind, Routing

# It would otherwise look for a newer version on the Internet. Its dashboard and API are off by default.
_QUIET = "\nglobal: { checkNewVersion: false, sendAnonymousUsage: false }\n"


@contextmanager
def traefik(
    folder: Path, behind: Behind, *, routing: Routing = "host", instead: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Yields its port on loopback."""
    port = free_port()
    routes = folder / "watchword.yaml"
    changes = {
        **(instead or {}),
        '"127.0.0.1:8088"': f'"{LOOPBACK}:{port}"',
        "/etc/traefik/watchword.yaml": str(routes),
        # By default it applies changes after two seconds.
        "providers:\n": "providers:\n  providersThrottleDuration: 50ms\n",
        "127.0.0.1:8089": f"{LOOPBACK}:{free_port()}",
        '$routing := "host"': f'$routing := "{routing}"',
        "127.0.0.1:8081": f"{LOOPBACK}:{behind.verifiers[0]}",
        "127.0.0.1:8091": f"{LOOPBACK}:{behind.verifiers[1]}",
        '$secret := ""': f'$secret := "{behind.secret}"',
        "your-api:8000": f"{LOOPBACK}:{behind.api.port}",
    }
    entry_points, dynamic = pasted("traefik", changes)
    config = folder / "traefik.yaml"
    config.write_text(entry_points + _QUIET)
    routes.write_text(dynamic)
    command = [str(Path(sys.executable).parent / "traefik"), f"--configFile={config}"]
    with running(command, log=folder / "traefik.log", port=port) as child:
        # It listens before it has read the second file, and has no routes until then.
        host = f"acme.{DOMAIN}" if routing == "host" else DOMAIN
        asked = f"GET /o/acme HTTP/1.1\r\nHost: {host}\r\n\r\n"
        child.wait_until(lambda: exchange(port, asked).status != 404, what="routes are known")
        yield port
