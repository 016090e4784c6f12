"""`watchword config check`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from watchword.cli.control_plane import control_settings, set_up_django
from watchword.cli.migrations import check_database, read_only_connection
from watchword.cli.options import settings_options
from watchword.cli.output import FAILED, USAGE, CommandFailed, console, json_option, print_json
from watchword.cli.serve import ROLES
from watchword.cli.start_checks import (
    control_checks,
    local_verifier_checks,
    portal_checks,
    portal_ports,
    problems,
    require,
    state_checks,
    taken,
    verifier_checks,
    verifier_ports,
    worker_ports,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword.cli.start_checks import Ports
    from watchword.settings.control import ControlSettings
    from watchword.settings.verifier import VerifierSettings


@click.group()
def config() -> None:
    """Check the settings."""


@config.command("check")
@click.argument("role", required=False, type=click.Choice(ROLES))
@click.option("--offline", is_flag=True, help="Check neither the database nor whether ports are free.")
@json_option
@settings_options
@click.pass_context
def check(context: click.Context, *, role: str | None, offline: bool, as_json: bool) -> None:
    """Check what `watchword serve` needs to start, or `watchword serve ROLE`: portal, verifier or worker.

    Checks the values of all settings of the role, the files and directories that they name, the modes of files with
    secrets, the database and its migrations, and whether the ports are free. Writes and creates nothing. Use --offline
    while Watchword is running, or where its database cannot be reached.

    Warns if other users can read secrets in the settings file, without ROLE if portal and verifier name the API
    differently, and if registrations require an API role but no cloud name is set. A warning stops no start.

    The exit status is that of the start: 0 when it would succeed, 1 when the database or a port would prevent it, 2
    when a setting or a file would.
    """
    found = read_all(role)
    outside = [] if offline else [*database_problems(found), *taken(*ports_of(found, role))]
    warnings = [*differences(found.control, found.verifier), *exposed_secrets()]
    if not (found.sentences or outside or offline):
        warnings += roles_without_cloud_name(found.control)
    if as_json:
        print_json({"problems": [*found.sentences, *outside], "warnings": warnings, "settings": found.shown})
    else:
        for name, value in found.shown.items():
            console().print(f"{name} = {value}")
        for warning in warnings:
            click.echo(f"Warning: {warning}", err=True)
        for sentence in (*found.sentences, *outside):
            click.echo(f"Error: {sentence}", err=True)
    if found.sentences or outside:
        context.exit(USAGE if found.sentences else FAILED)
    if not as_json:
        also = (
            "" if offline else f"{'' if role == 'verifier' else ', the database can be used'}, and the ports are free"
        )
        click.echo(f"The settings and files are right{also}.")


@dataclass(slots=True)
class Found:
    """The settings of both planes, None where they are wrong or the role has none of them.

    Attributes:
        shown: all values, with secrets hidden.
        sentences: one for each wrong setting and file.
    """

    control: ControlSettings | None = None
    verifier: VerifierSettings | None = None
    shown: dict[str, str] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)


def read_all(role: str | None) -> Found:
    """Read the settings as the role does, and check their files."""
    from watchword.settings.base import SettingsProblem

    found = Found()
    if role != "verifier":
        try:
            found.control = control_settings()
        except SettingsProblem as problem:
            found.sentences += problem.sentences
        else:
            checks = control_checks if role == "worker" else portal_checks
            found.sentences += problems(checks(found.control))
            found.shown |= {name: plain(value) for name, value in found.control}
            if any(sentence.startswith("jwks_proxy:") for sentence in found.sentences):
                # A wrong address may hold a password.
                del found.shown["jwks_proxy"]
    if role in {None, "verifier"}:
        read_verifier(found, role)
    return found


def read_verifier(found: Found, role: str | None) -> None:
    from watchword.cli.local_verifier import load_local_verifier
    from watchword.settings.base import SettingsProblem
    from watchword.settings.load import load_verifier_settings

    try:
        if role is None and found.control is not None:
            found.verifier = load_local_verifier(found.control)
        else:
            found.verifier = load_verifier_settings()
        found.shown |= {f"verifier.{name}": plain(value) for name, value in found.verifier}
        checks = local_verifier_checks if role is None else verifier_checks
        require((*checks(found.verifier), *state_checks(found.verifier)))
    except SettingsProblem as problem:
        # Both planes refuse an unknown name of either; report it once.
        known = SettingsProblem(*found.sentences).of_verifier().sentences
        found.sentences += [sentence for sentence in problem.of_verifier().sentences if sentence not in known]


def database_problems(found: Found) -> Iterator[str]:
    if found.control is None:
        return
    set_up_django()
    try:
        check_database(found.control)
    except CommandFailed as failed:
        yield failed.message


def roles_without_cloud_name(control: ControlSettings | None) -> list[str]:
    """A sentence if registrations require an API role that no token can name."""
    if control is None or control.cloud_name is not None:
        return []
    from watchword.control.servers.queries import organizations_that_require_roles

    with read_only_connection(control.database()):
        names = organizations_that_require_roles()
    sentence = (
        f"cloud_name is not set, but registrations of {', '.join(names)} require an API role. Verifiers without a "
        "cloud name refuse their tokens."
    )
    return [sentence] if names else []


def ports_of(found: Found, role: str | None) -> Iterator[Ports]:
    if found.control is not None:
        if role in {None, "portal"}:
            yield portal_ports(found.control)
        if role in {None, "worker"}:
            yield worker_ports(found.control)
    if found.verifier is not None:
        yield verifier_ports(found.verifier)


def differences(control: ControlSettings | None, verifier: VerifierSettings | None) -> Iterator[str]:
    """A sentence for each setting of the API that both planes have, with different values."""
    if control is None or verifier is None:
        return
    for name in ("api_url", "cloud_name", "api_domain"):
        ours, theirs = getattr(control, name), getattr(verifier, name)
        # The portal removes a final slash.
        if ours is not None and theirs is not None and ours != theirs.rstrip("/"):
            source = "the host of api_url" if name == "api_domain" else name
            yield f"{source} is {ours} for the portal and verifier.{name} is {theirs}; they should be the same."


def exposed_secrets() -> Iterator[str]:
    """A sentence if the settings file holds secrets and other users can read it.

    It stops no start, as roles never refused such a file.
    """
    from watchword.settings.base import VERIFIER_TABLE, SettingsProblem, settings_file
    from watchword.settings.load import SECRET_NAMES
    from watchword.settings.secret_files import require_private

    try:
        path, document = settings_file()
    except SettingsProblem:
        return
    names = {*document, *(f"{VERIFIER_TABLE}.{name}" for name in document.get(VERIFIER_TABLE, {}))}
    held = sorted(SECRET_NAMES & names)
    if held:
        try:
            require_private(", ".join(held), path)
        except SettingsProblem as problem:
            yield from problem.sentences


def plain(value: Any) -> str:
    """A setting's value in one line; pydantic hides secrets as asterisks."""
    if isinstance(value, (tuple, frozenset)):
        entries = [str(entry) for entry in value]
        # The first of two verifiers is the one that gateways ask first.
        return ", ".join(entries if isinstance(value, tuple) else sorted(entries)) or "(none)"
    return "(not set)" if value is None else str(value)
