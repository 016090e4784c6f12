"""A real HAProxy with its shipped configuration."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kit.pasted import pasted
from kit.processes import LOOPBACK, free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from kit.behind import Behind, Routing


@contextmanager
def haproxy(
    folder: Path, behind: Behind, *, routing: Routing = "host", instead: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Yields its port on loopback. The settings have no statistics and no command socket."""
    port = free_port()
    script = folder / "watchword.lua"
    changes = {
        **(instead or {}),
        "bind 127.0.0.1:8088": f"bind {LOOPBACK}:{port}",
        "/etc/haproxy/watchword.lua": str(script),
        "WATCHWORD_ROUTING host": f"WATCHWORD_ROUTING {routing}",
        "127.0.0.1:8081": f"{LOOPBACK}:{behind.verifiers[0]}",
        "127.0.0.1:8091": f"{LOOPBACK}:{behind.verifiers[1]}",
        "127.0.0.1:8089": f"{LOOPBACK}:{free_port()}",
        "WATCHWORD_SECRET none": f"WATCHWORD_SECRET {behind.secret or 'none'}",
        "your-api:8000": f"{LOOPBACK}:{behind.api.port}",
    }
    settings, lua = pasted("haproxy", changes)
    config = folder / "haproxy.cfg"
    config.write_text(settings)
    script.write_text(lua)
    # Debian installs it where only root's PATH leads.
    found = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
    assert found is not None, "haproxy is not installed; `make test` installs it"
    with running([found, "-db", "-f", str(config)], log=folder / "haproxy.log", port=port):
        yield port
