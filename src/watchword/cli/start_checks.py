"""What each role needs before it starts: files, directories and ports.

A role runs its checks at its start, `watchword config check` runs them without starting it. None of them writes or
creates anything.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from watchword.cli.output import CommandFailed
from watchword.settings.base import SettingsProblem, variable_of
from watchword.settings.secret_files import read_secret_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from watchword.settings.control import ControlSettings
    from watchword.settings.verifier import VerifierSettings

Check: TypeAlias = Callable[[], object]
"""Raises SettingsProblem."""

Ports: TypeAlias = Mapping[str, tuple[str, int]]
"""Host and port by the flag or the variable that chooses another port."""


def problems(checks: Iterable[Check]) -> list[str]:
    """All sentences of the checks that fail."""
    sentences: list[str] = []
    for check in checks:
        try:
            check()
        except SettingsProblem as problem:
            sentences += problem.sentences
    return sentences


def require(checks: Iterable[Check]) -> None:
    """Run all checks.

    Raises:
        SettingsProblem: with the sentences of all that fail.
    """
    sentences = problems(checks)
    if sentences:
        raise SettingsProblem(*sentences)


def control_checks(settings: ControlSettings) -> Iterator[Check]:
    """For portal and worker."""
    from watchword.control.base.fetch_policy import fetch_policy

    yield partial(fetch_policy, settings)
    yield settings.read_operator_sso_client_secret
    if settings.secret_key is None:
        if settings.secret_key_file.exists():
            yield partial(read_secret_key, settings.secret_key_file)
        yield partial(require_writable, "data_dir", settings.data_dir)
    elif settings.database_url is None:
        yield partial(require_writable, "data_dir", settings.data_dir)
    if settings.database_url is None:
        yield partial(require_writable_file, "data_dir", settings.sqlite_file)


def portal_checks(settings: ControlSettings) -> Iterator[Check]:
    """For a portal."""
    yield from control_checks(settings)
    if settings.breached_passwords_file is not None:
        yield partial(require_list, "breached_passwords_file", settings.breached_passwords_file)


def verifier_checks(settings: VerifierSettings) -> Iterator[Check]:
    """For a verifier."""
    from watchword.verifier.disk.files import require_unlocked
    from watchword.verifier.feed_client.http import tls_context
    from watchword.verifier.listeners.gateway_identity import read_secrets, read_tls
    from watchword.verifier.listeners.http import require_grpc

    yield settings.read_credential
    yield partial(tls_context, settings.feed_ca_file)
    yield partial(read_secrets, settings)
    yield partial(read_tls, settings)
    yield partial(require_grpc, settings)
    yield partial(require_unlocked, settings.state_file)


def local_verifier_checks(settings: VerifierSettings) -> Iterator[Check]:
    """For the verifier of `watchword serve` without a role, which writes the credential's file itself."""
    path = settings.credential_file
    written = path is not None and not path.exists()
    for check in verifier_checks(settings):
        if not written or check != settings.read_credential:
            yield check
    if written and path is not None:
        yield partial(require_writable, "credential_file", path.parent)


def state_checks(settings: VerifierSettings) -> Iterator[Check]:
    """For `config check` only: a verifier starts and decides without a copy on disk, and logs a warning."""
    yield partial(require_writable, "state_file", settings.state_file.parent)
    yield partial(require_writable_file, "state_file", settings.state_file)


def require_list(setting: str, path: Path) -> None:
    """Raises SettingsProblem unless the file is a list of leaked passwords."""
    from watchword.control.identity.breached_passwords import ListUnusable, check_list

    try:
        check_list(path)
    except ListUnusable as unusable:
        raise SettingsProblem(f"{setting}: {path} {unusable}.") from None


def require_writable(setting: str, directory: Path) -> None:
    """Raises SettingsProblem unless this user can write to the directory, or create it."""
    if directory.is_dir():
        if not os.access(directory, os.W_OK | os.X_OK):
            raise SettingsProblem(f"{setting}: this user cannot write to {directory}; change its owner.")
        return
    nearest = next((parent for parent in directory.absolute().parents if parent.exists()), None)
    if directory.exists() or nearest is None or not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise SettingsProblem(f"{setting}: this user cannot create the directory {directory}.")


def require_writable_file(setting: str, path: Path) -> None:
    """Raises SettingsProblem if the file exists and this user cannot write to it, as after a command run by root."""
    if path.exists() and (path.is_dir() or not os.access(path, os.W_OK)):
        raise SettingsProblem(f"{setting}: this user cannot write to the file {path}; correct its owner or its path.")


def portal_ports(settings: ControlSettings) -> Ports:
    host, admin = settings.portal_host, settings.admin_host
    ports = {"--portal-port": (host, settings.portal_port)}
    if settings.portal_admin_port is not None:
        ports[variable_of("portal_admin_port")] = (admin, settings.portal_admin_port)
    if settings.feed_port is not None:
        ports[variable_of("feed_port")] = (host, settings.feed_port)
        if settings.feed_admin_port is not None:
            ports[variable_of("feed_admin_port")] = (admin, settings.feed_admin_port)
    return ports


def worker_ports(settings: ControlSettings) -> Ports:
    port = settings.worker_admin_port
    return {} if port is None else {variable_of("worker_admin_port"): (settings.admin_host, port)}


def verifier_ports(settings: VerifierSettings) -> Ports:
    ports = {"--verifier-port": (settings.host, settings.port)}
    if settings.grpc_port is not None:
        ports[variable_of("verifier.grpc_port")] = (settings.host, settings.grpc_port)
    return {**ports, "--verifier-admin-port": (settings.admin_host, settings.admin_port)}


def require_free(*ports: Ports) -> None:
    """Raises CommandFailed with the first address that is not free, and how to choose another port."""
    for sentence in taken(*ports):
        raise CommandFailed(sentence)


def taken(*ports: Ports) -> list[str]:
    """A sentence for each address that is not free, or that two of these listeners share."""
    sentences = []
    with ExitStack() as listening:
        for flag, (host, port) in (entry for each in ports for entry in each.items()):
            listener = listening.enter_context(
                socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
            )
            # As the servers do: connections that were closed a moment ago do not count as use.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((host, port))
                listener.listen(1)
            except OSError as failure:
                sentences.append(cannot_be_used(flag, host, port, failure))
    return sentences


def cannot_be_used(flag: str, host: str, port: int, failure: OSError) -> str:
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    first = "Stop what listens there" if failure.errno == errno.EADDRINUSE else "Correct the host"
    reason = failure.strerror or "no address to listen on"
    return f"{shown} cannot be used ({reason}). {first}, or choose another port with {flag}."
