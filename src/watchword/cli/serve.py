"""`watchword serve`: all roles of one machine under one command, or one role by itself."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from watchword.cli.options import into_environment, settings_options
from watchword.cli.output import CommandFailed, compose
from watchword.cli.roles import COLOURS, roles
from watchword.cli.start_checks import (
    local_verifier_checks,
    portal_checks,
    portal_ports,
    require,
    require_free,
    verifier_ports,
    worker_ports,
)
from watchword.cli.supervisor import LogStream, StartFailed, Supervisor
from watchword.settings.variables import LOG_FORMAT_VARIABLE, LOG_FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from watchword.cli.supervisor import Role
    from watchword.settings.control import ControlSettings
    from watchword.settings.verifier import VerifierSettings

ROLES = ("portal", "verifier", "worker")


def _port(flag: str, variable: str, what: str) -> Callable[[Any], Any]:
    return click.option(
        flag,
        type=click.IntRange(1, 65535),
        expose_value=False,
        callback=lambda context, parameter, value: into_environment(variable)(
            context, parameter, None if value is None else str(value)
        ),
        help=f"{what}  [env: {variable}]",
    )


port_options = compose(
    _port("--portal-port", "WATCHWORD_PORTAL_PORT", "Port of the portal; 8080."),
    _port("--verifier-port", "WATCHWORD_VERIFIER_PORT", "Port where gateways ask the verifier; 8081."),
    _port("--verifier-admin-port", "WATCHWORD_VERIFIER_ADMIN_PORT", "Port of the verifier's /readyz; 9081."),
)


def _feed(flag: str, variable: str, metavar: str, what: str) -> Callable[[Any], Any]:
    return click.option(
        flag,
        expose_value=False,
        metavar=metavar,
        callback=into_environment(variable),
        help=f"{what}  [env: {variable}]",
    )


feed_options = compose(
    _feed(
        "--feed", "WATCHWORD_VERIFIER_FEED_URL", "URL", "For the verifier: the portal, such as https://portal.example."
    ),
    _feed(
        "--credential-file",
        "WATCHWORD_VERIFIER_CREDENTIAL_FILE",
        "FILE",
        "For the verifier: holds its secret, from `watchword verifier create`.",
    ),
    _feed(
        "--feed-ca-file",
        "WATCHWORD_VERIFIER_FEED_CA_FILE",
        "FILE",
        "For the verifier: PEM of an authority of your own that signed the portal's certificate.",
    ),
)


@click.command()
@click.argument("role", required=False, type=click.Choice(ROLES))
@port_options
@feed_options
@click.option(
    "--log-format",
    type=click.Choice(LOG_FORMATS),
    expose_value=False,
    callback=into_environment(LOG_FORMAT_VARIABLE),
    help=f"How log lines look; text at a terminal and without ROLE, else json.  [env: {LOG_FORMAT_VARIABLE}]",
)
@settings_options
def serve(*, role: str | None) -> None:
    """Run portal, worker and verifier on this machine, or only ROLE: portal, verifier or worker.

    Without ROLE, it migrates the database, creates the verifier's credential, and restarts roles that end; SIGTERM or
    Ctrl-C stops all of them. With ROLE, as in production, it does none of this: run `watchword migrate` and `watchword
    verifier create` yourself.
    """
    if role is None:
        serve_everything()
        return
    from watchword.cli import role_processes

    {
        "portal": role_processes.run_portal,
        "worker": role_processes.run_worker,
        "verifier": role_processes.run_verifier,
    }[role]()


@dataclass(frozen=True, slots=True)
class Machine:
    """The settings of all roles on one machine."""

    control: ControlSettings
    verifier: VerifierSettings

    @property
    def portal(self) -> tuple[str, int]:
        return self.control.portal_host, self.control.portal_port

    @property
    def public_origin(self) -> str:
        return self.control.public_origin

    @property
    def feed(self) -> tuple[str, int]:
        return self.control.portal_host, self.control.port_of_feed

    @property
    def verifier_admin(self) -> tuple[str, int]:
        return self.verifier.admin_host, self.verifier.admin_port

    def require_free_ports(self) -> None:
        """Raises CommandFailed."""
        require_free(portal_ports(self.control), worker_ports(self.control), verifier_ports(self.verifier))


def serve_everything() -> None:
    machine = prepare()
    log = log_stream()
    from watchword.cli.first_sign_in import first_sign_in

    welcome = first_sign_in(machine.control)
    with supervised(machine, log) as supervisor:
        log.say(f"Admin Portal  {machine.control.public_origin}")
        log.say(f"Verifier      http://{machine.verifier.host}:{machine.verifier.port}/verify/plain/ORGANIZATION")
        log.say(f"State         {machine.control.data_dir.resolve()}; stop with Ctrl-C")
        for line in welcome:
            log.say(line)
        supervisor.run()
        log.say("Stopped.")


def prepare() -> Machine:
    """Check settings, files and ports, and migrate.

    Raises:
        SettingsProblem: a setting or a file stops the start.
        CommandFailed: a port is in use.
    """
    from watchword.cli.control_plane import open_control_plane
    from watchword.cli.local_verifier import load_local_verifier
    from watchword.cli.migrations import apply_migrations
    from watchword.settings.base import SettingsProblem

    control = open_control_plane()
    require(portal_checks(control))
    try:
        machine = Machine(control, load_local_verifier(control))
        # First, as a second `watchword serve` by mistake is best explained by the portal's port.
        machine.require_free_ports()
        require(local_verifier_checks(machine.verifier))
    except SettingsProblem as problem:
        raise problem.of_verifier() from None
    apply_migrations()
    return machine


@contextmanager
def supervised(machine: Machine, log: LogStream, more: Sequence[Role] = ()) -> Iterator[Supervisor]:
    """Start all roles and then `more`; stop them all at the end of the block.

    SIGTERM and SIGINT make `Supervisor.run` return.

    Raises:
        CommandFailed: a role did not start.
    """
    from watchword.cli.local_verifier import ensure_credential, verifier_environment

    credential_file = machine.verifier.credential_file
    if credential_file is not None:
        ensure_credential(credential_file)
    children = {LOG_FORMAT_VARIABLE: "text", **verifier_environment(machine.verifier), **_given_format()}
    supervisor = Supervisor((*roles(machine, children), *more), log)
    before = {number: signal.signal(number, supervisor.request_stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        supervisor.start()
        yield supervisor
    except StartFailed as failure:
        raise CommandFailed(f"{failure} Its last lines above say why.") from None
    finally:
        supervisor.stop()
        for number, handler in before.items():
            signal.signal(number, handler)


def log_stream(width: int = len("verifier")) -> LogStream:
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return LogStream(sys.stdout, width=width, colours=COLOURS if coloured else {})


def _given_format() -> dict[str, str]:
    given = os.environ.get(LOG_FORMAT_VARIABLE)
    return {} if given is None else {LOG_FORMAT_VARIABLE: given}
