"""The verifiers of `watchword serve` and `watchword demo`: settings that fit the local portal, and a credential."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from watchword.cli.roles import connectable, verifier_role
from watchword.settings.variables import LOG_FORMAT_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

    from watchword.cli.serve import Machine
    from watchword.cli.supervisor import Role
    from watchword.settings.control import ControlSettings
    from watchword.settings.verifier import VerifierSettings

CREDENTIAL_NAME: Final = "local"
ROTATE_AFTER: Final = timedelta(days=90)
SECOND_VERIFIER: Final = "verifier-2"


def load_local_verifier(control: ControlSettings) -> VerifierSettings:
    """The settings of the verifier of `watchword serve` without a role.

    Raises:
        SettingsProblem: with a sentence for each wrong value and each unknown name.
    """
    from watchword.settings.load import load_verifier_settings

    credential_file = control.data_dir.resolve() / "verifier" / "credential"
    return load_verifier_settings(**local_verifier_settings(control, credential_file))


def local_verifier_settings(control: ControlSettings, credential_file: Path) -> dict[str, Any]:
    """Flags for what neither the environment nor the file sets.

    They are the portal's address, files in the data directory, and the API's address as the portal has it.
    """
    from watchword.settings.base import VERIFIER_TABLE, settings_file, variable_of
    from watchword.settings.verifier import VerifierSettings

    host = connectable(control.portal_host)
    bracketed = f"[{host}]" if ":" in host else host
    flags: dict[str, Any] = {
        "feed_url": f"http://{bracketed}:{control.port_of_feed}",
        "state_file": control.data_dir.resolve() / "verifier" / "snapshot.json",
        "credential_file": credential_file,
        "api_url": control.api_url,
        "cloud_name": control.cloud_name,
        "api_domain": control.api_domain if control.api_routing == "host" else None,
    }
    _, document = settings_file()
    given = {name for name in VerifierSettings.model_fields if variable_of(f"{VERIFIER_TABLE}.{name}") in os.environ}
    given.update(document.get(VERIFIER_TABLE, {}))
    if "credential" in given:
        given.add("credential_file")
    return {name: value for name, value in flags.items() if value is not None and name not in given}


def verifier_environment(settings: VerifierSettings) -> dict[str, str]:
    """The variables from which a child process reads the same settings."""
    values = {
        "FEED_URL": settings.feed_url,
        "STATE_FILE": str(settings.state_file),
        "CREDENTIAL_FILE": None if settings.credential_file is None else str(settings.credential_file),
        "API_URL": settings.api_url,
        "CLOUD_NAME": settings.cloud_name,
        "API_DOMAIN": settings.api_domain,
    }
    return {f"WATCHWORD_VERIFIER_{name}": value for name, value in values.items() if value is not None}


def ensure_credential(path: Path) -> None:
    """Put a working credential into `path`, readable by this user alone.

    A file whose secret the database does not know, because one of the two was replaced, gets a new one. An old secret
    is rotated.
    """
    from django.utils import timezone

    from watchword.control.base.actor import command_line
    from watchword.control.fleet.queries import verifier_of_secret
    from watchword.control.fleet.verifier_commands import CreateVerifier, RotateVerifier

    with suppress(FileNotFoundError):
        known = verifier_of_secret(path.read_text(encoding="ascii").strip())
        if known is not None:
            if timezone.now() - (known.rotated_at or known.created_at) > ROTATE_AFTER:
                write_secret(path, RotateVerifier(name=known.name).run(command_line()))
            return
    # Names cannot be reused, so that the audit log is unambiguous; a new credential needs a new name.
    name = f"{CREDENTIAL_NAME}-{secrets.token_hex(4)}"
    write_secret(path, CreateVerifier(name=name).run(command_line()))


def write_secret(path: Path, secret: str) -> None:
    """Write a file that only this user can read, at once and whole."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    # Created with its mode: other users could open a file before it is restricted.
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{secret}\n")
    new.replace(path)


def second_verifier(machine: Machine, *, port: int, admin_port: int) -> Role:
    """The second verifier of `watchword demo`, with a port, a state and a credential of its own; not started yet.

    Two verifiers never share a credential: the control plane counts the calls of each credential by itself.
    """
    folder = machine.control.data_dir.resolve() / SECOND_VERIFIER
    credential_file = folder / "credential"
    ensure_credential(credential_file)
    own = {
        "PORT": str(port),
        "ADMIN_PORT": str(admin_port),
        "NODE": SECOND_VERIFIER,
        "STATE_FILE": str(folder / "snapshot.json"),
        "CREDENTIAL_FILE": str(credential_file),
    }
    environment = {
        **verifier_environment(machine.verifier),
        **{f"WATCHWORD_VERIFIER_{name}": value for name, value in own.items()},
        LOG_FORMAT_VARIABLE: "text",
    }
    return verifier_role(SECOND_VERIFIER, (machine.verifier.admin_host, admin_port), environment)
