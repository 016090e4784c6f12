"""What the installed curl needs to find hosts below `localhost`."""

from __future__ import annotations

import re
import shutil
import subprocess

# RFC 6761 section 6.3. Older ones ask the resolver, and not every resolver knows these names.
FINDS_LOCALHOST = (7, 85)
SECONDS = 30.0
_VERSION = re.compile(r"curl ([0-9]+)\.([0-9]+)", re.ASCII)


def options_for(version: str, port: int) -> str:
    """Options for the API's hosts, with a space at the end, by the output of `curl --version`."""
    found = _VERSION.match(version)
    if found is None or (int(found[1]), int(found[2])) >= FINDS_LOCALHOST:
        return ""
    return "".join(f"--resolve {host}.localhost:{port}:127.0.0.1 " for host in ("acme", "globex"))


def installed_version() -> str:
    """The output of `curl --version`; empty if there is no curl."""
    path = shutil.which("curl")
    if path is None:
        return ""
    command = (path, "--version")
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=SECONDS)  # noqa: S603 - fixed.
    return done.stdout
