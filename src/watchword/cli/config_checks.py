"""What `watchword config check` looks at beyond the values of settings. Nothing here writes or creates anything."""

from __future__ import annotations

import importlib.util
import os
import ssl
from typing import TYPE_CHECKING

from watchword.cli.applied_migrations import DatabaseUnusable, applied_migrations
from watchword.cli.control_plane import known_migrations
from watchword.cli.ports import why_not_free
from watchword.settings.base import SettingsProblem
from watchword.settings.secret_files import open_to_others
from watchword.settings.secret_key import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from watchword.settings.control import ControlSettings
    from watchword.settings.verifier import VerifierSettings


def check_control_files(settings: ControlSettings) -> Iterator[str]:
    """A sentence for each file and directory that portal, worker or commands cannot use, or that others can read."""
    if settings.secret_key is None and settings.secret_key_file.exists():
        try:
            read(settings.secret_key_file)
        except SettingsProblem as problem:
            yield from problem.sentences
        yield from _open_to_others("data_dir", settings.secret_key_file)
    yield from _not_writable("data_dir", settings.data_dir)


def check_verifier_files(settings: VerifierSettings) -> Iterator[str]:
    """A sentence for each file that a verifier cannot use, or that others can read."""
    from watchword.verifier.feed_client.http import tls_context
    from watchword.verifier.listeners.gateway_identity import read_secrets, read_tls

    readers: list[Callable[[], object]] = [lambda: read_secrets(settings), lambda: read_tls(settings)]
    if settings.credential_file is not None:
        readers.append(settings.read_credential)
    for reader in readers:
        try:
            reader()
        except SettingsProblem as problem:
            yield from (f"verifier: {sentence}" for sentence in problem.sentences)
    try:
        tls_context(settings.feed_ca_file)
    except (OSError, ssl.SSLError) as failure:
        yield f"verifier: feed_ca_file: cannot be read as PEM ({type(failure).__name__})."
    if settings.grpc_port is not None and importlib.util.find_spec("grpc") is None:
        yield "verifier: grpc_port: needs the extra `grpc`: pip install 'watchword[grpc]'."
    for name in ("credential_file", "gateway_secret_file", "tls_key_file"):
        path: Path | None = getattr(settings, name)
        if path is not None:
            yield from _open_to_others(f"verifier: {name}", path)
    yield from _not_writable("verifier: state_file", settings.state_file.parent)


def differences(control: ControlSettings | None, verifier: VerifierSettings | None) -> Iterator[str]:
    """A sentence for each setting of the API that both planes have, with different values."""
    if control is None or verifier is None:
        return
    for name in ("api_url", "cloud_name", "api_domain"):
        ours, theirs = getattr(control, name), getattr(verifier, name)
        # The portal leaves a final slash out.
        if ours is not None and theirs is not None and ours != theirs.rstrip("/"):
            source = "the host of api_url" if name == "api_domain" else name
            yield f"{source} is {ours} for the portal and verifier.{name} is {theirs}; they should be the same."


def check_database(settings: ControlSettings) -> Iterator[str]:
    """A sentence if the database cannot be reached or lacks migrations of this version."""
    try:
        missing = known_migrations() - applied_migrations(settings)
    except DatabaseUnusable as unusable:
        yield str(unusable)
        return
    if missing:
        yield f"The database lacks {len(missing)} migrations of this version: run `watchword migrate`."


def check_ports(control: ControlSettings | None, verifier: VerifierSettings | None) -> Iterator[str]:
    """A sentence for each address that cannot be listened on."""
    listeners: list[tuple[str, str, int | None]] = []
    if control is not None:
        listeners += [
            ("portal_port", control.portal_host, control.portal_port),
            ("feed_port", control.portal_host, control.feed_port),
            ("portal_admin_port", control.admin_host, control.portal_admin_port),
            ("feed_admin_port", control.admin_host, control.feed_admin_port),
            ("worker_admin_port", control.admin_host, control.worker_admin_port),
        ]
    if verifier is not None:
        listeners += [
            ("verifier: port", verifier.host, verifier.port),
            ("verifier: grpc_port", verifier.host, verifier.grpc_port),
            ("verifier: admin_port", verifier.admin_host, verifier.admin_port),
        ]
    for name, host, port in listeners:
        reason = None if port is None else why_not_free(host, port)
        if reason is not None:
            yield (
                f"{name}: {host}:{port} cannot be used ({reason}). Stop what listens there, or choose another port; "
                "while Watchword itself runs here, use --offline."
            )


def _open_to_others(name: str, path: Path) -> Iterator[str]:
    try:
        fault = open_to_others(path.stat().st_mode, path)
    except OSError:
        # The check that reads the file reports that.
        return
    if fault is not None:
        yield f"{name}: {fault}."


def _not_writable(name: str, directory: Path) -> Iterator[str]:
    if directory.is_dir():
        if not os.access(directory, os.W_OK | os.X_OK):
            yield f"{name}: this user cannot write to {directory}; change its owner."
        return
    nearest = next((parent for parent in directory.absolute().parents if parent.exists()), None)
    if directory.exists() or nearest is None or not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        yield f"{name}: this user cannot create the directory {directory}."
