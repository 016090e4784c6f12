"""The verifier of `watchword serve`: it finds the portal beside it and gets its credential by itself."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from watchword.cli.roles import connectable

if TYPE_CHECKING:
    from pathlib import Path

    from watchword.settings.control import ControlSettings
    from watchword.settings.verifier import VerifierSettings

CREDENTIAL_NAME = "local"


def local_verifier_settings(control: ControlSettings, credential_file: Path) -> dict[str, Any]:
    """Flags for what nobody set in the environment: the portal beside it, and files in the data directory."""
    host = connectable(control.portal_host)
    bracketed = f"[{host}]" if ":" in host else host
    flags: dict[str, Any] = {
        "feed_url": f"http://{bracketed}:{control.port_of_feed}",
        "state_file": control.data_dir.resolve() / "verifier" / "snapshot.json",
        "credential_file": credential_file,
    }
    if "WATCHWORD_VERIFIER_CREDENTIAL" in os.environ or "WATCHWORD_VERIFIER_CREDENTIAL_FILE" in os.environ:
        del flags["credential_file"]
    return {name: value for name, value in flags.items() if f"WATCHWORD_VERIFIER_{name.upper()}" not in os.environ}


def verifier_environment(settings: VerifierSettings) -> dict[str, str]:
    """What a child process needs to come to the same settings."""
    told = {
        "FEED_URL": settings.feed_url,
        "STATE_FILE": str(settings.state_file),
        "CREDENTIAL_FILE": None if settings.credential_file is None else str(settings.credential_file),
    }
    return {f"WATCHWORD_VERIFIER_{name}": value for name, value in told.items() if value is not None}


def ensure_credential(path: Path) -> None:
    """Put a working credential into `path`, readable by this user alone.

    A file whose secret the database does not know, because one of the two was replaced, gets a new one.
    """
    from watchword.control.access.actor import command_line
    from watchword.control.fleet.commands import CreateVerifier
    from watchword.control.fleet.queries import verifier_of_secret

    with suppress(FileNotFoundError):
        if verifier_of_secret(path.read_text(encoding="ascii").strip()) is not None:
            return
    # A name is never given twice, so that the audit log stays plain; a new credential needs a new name.
    name = f"{CREDENTIAL_NAME}-{secrets.token_hex(4)}"
    write_secret(path, CreateVerifier(name=name).run(command_line()))


def write_secret(path: Path, secret: str) -> None:
    """Write a file that only this user can read, at once and whole."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    # Made with its mode: a file that is restricted afterwards can be opened in between.
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{secret}\n")
    new.replace(path)
