"""`watchword config check`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from watchword.cli.config_checks import (
    check_control_files,
    check_database,
    check_ports,
    check_verifier_files,
    differences,
)
from watchword.cli.control_plane import control_settings
from watchword.cli.options import settings_options
from watchword.cli.output import FAILED, USAGE, console, json_option, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword.settings.control import ControlSettings
    from watchword.settings.verifier import VerifierSettings


@click.group()
def config() -> None:
    """Check the settings."""


@config.command("check")
@click.option("--offline", is_flag=True, help="Check neither the database nor whether ports are free.")
@json_option
@settings_options
@click.pass_context
def check(context: click.Context, *, offline: bool, as_json: bool) -> None:
    """Read all settings as portal, worker and verifier do, and say what would stop a start.

    Checks the values, the files and directories they name, the database and its migrations, and whether the ports are
    free. Writes and creates nothing. Use --offline where there is no database, as on a verifier's machine, or while
    Watchword is running.

    Warns where portal and verifier name the API differently, which stops no start.

    Exit status 0 when everything would start, 1 when the database, a port or a file's permissions would prevent it, 2
    when a setting is wrong.
    """
    found = read_all()
    sentences = [*found.sentences, *surroundings(found, offline=offline or bool(found.sentences))]
    warnings = list(differences(found.control, found.verifier))
    if as_json:
        print_json({"problems": sentences, "warnings": warnings, "settings": found.shown})
    else:
        for name, value in found.shown.items():
            console().print(f"{name} = {value}")
        for warning in warnings:
            click.echo(f"Warning: {warning}", err=True)
        for sentence in sentences:
            click.echo(f"Error: {sentence}", err=True)
    if sentences:
        context.exit(USAGE if found.sentences else FAILED)
    if not as_json:
        also = "" if offline else ", the database can be used, and the ports are free"
        click.echo(f"The settings and files are right{also}.")


@dataclass(slots=True)
class Found:
    """The settings of both planes, None where they are wrong.

    Attributes:
        shown: all values, with secrets hidden.
        sentences: one for each wrong setting.
    """

    control: ControlSettings | None = None
    verifier: VerifierSettings | None = None
    shown: dict[str, str] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)


def read_all() -> Found:
    from watchword.control.servers.fetch_policy import fetch_policy
    from watchword.settings.base import SettingsProblem
    from watchword.settings.load import load_verifier_settings

    found = Found()
    try:
        control = control_settings()
        # First, as a wrong address of a proxy may hold a password.
        fetch_policy(control)
        found.shown |= {name: plain(value) for name, value in control}
        found.control = control
    except SettingsProblem as problem:
        found.sentences += problem.sentences
    try:
        found.verifier = load_verifier_settings()
        found.shown |= {f"verifier.{name}": plain(value) for name, value in found.verifier}
    except SettingsProblem as problem:
        # Both planes refuse an unknown name of either; once is enough.
        found.sentences += [
            f"verifier: {sentence}" for sentence in problem.sentences if sentence not in found.sentences
        ]
    return found


def surroundings(found: Found, *, offline: bool) -> Iterator[str]:
    """A sentence for each thing outside the settings that would prevent a start."""
    if found.control is not None:
        yield from check_control_files(found.control)
        if not offline:
            yield from check_database(found.control)
    if found.verifier is not None:
        yield from check_verifier_files(found.verifier)
    if not offline:
        yield from check_ports(found.control, found.verifier)


def plain(value: Any) -> str:
    """A setting's value in one line; pydantic hides secrets as asterisks."""
    if isinstance(value, (tuple, frozenset)):
        entries = [str(entry) for entry in value]
        # The first of two verifiers is the one that gateways ask first.
        return ", ".join(entries if isinstance(value, tuple) else sorted(entries)) or "(none)"
    return "(not set)" if value is None else str(value)
