"""A real Traefik with what is shipped for it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kit.client import request
from kit.pasted import pasted
from kit.processes import LOOPBACK, free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kit.behind import Behind, Routing

# It would otherwise ask the internet for a newer version. Its dashboard and API are off unless switched on.
_SECRET = "    secret:\n      headers:\n        customRequestHeaders:\n          X-Watchword-Secret: "
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
        '":8088"': f'"{LOOPBACK}:{port}"',
        "/etc/traefik/watchword.yaml": str(routes),
        # By default it waits for two seconds with what it has read.
        "providers:\n": "providers:\n  providersThrottleDuration: 50ms\n",
        "127.0.0.1:8081": f"{LOOPBACK}:{behind.verifiers[0]}",
        f'{_SECRET}""': f'{_SECRET}"{behind.secret}"',
        "your-api:8000": f"{LOOPBACK}:{behind.api.port}",
    }
    entry_points, dynamic = pasted("traefik", changes)
    config = folder / "traefik.yaml"
    config.write_text(entry_points + _QUIET)
    routes.write_text(dynamic)
    command = [str(Path(sys.executable).parent / "traefik"), f"--configFile={config}"]
    with running(command, log=folder / "traefik.log", port=port) as child:
        # It listens before it has read the second file, and knows no route until then.
        child.wait_until(lambda: request(f"http://{LOOPBACK}:{port}/").status != 404, what="routes are known")
        yield port
