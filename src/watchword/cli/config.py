"""`watchword config check`."""

from __future__ import annotations

import os
from typing import Any

import click

from watchword.cli.control_plane import control_settings, open_control_plane, unapplied_migrations
from watchword.cli.options import settings_options
from watchword.cli.output import USAGE, CommandFailed, console, json_option, print_json


@click.group()
def config() -> None:
    """Check the settings."""


@config.command("check")
@click.option("--offline", is_flag=True, help="Do not connect to the database.")
@json_option
@settings_options
@click.pass_context
def check(context: click.Context, *, offline: bool, as_json: bool) -> None:
    """Read all settings as portal, worker and verifier do, and say what would stop a start.

    Exit status 0 when everything would start, 1 when the database cannot be used, 2 when a setting is wrong.
    """
    shown, sentences = read_all()
    if as_json:
        print_json({"problems": sentences, "settings": shown})
    else:
        for name, value in shown.items():
            console().print(f"{name} = {value}")
        for sentence in sentences:
            click.echo(f"Error: {sentence}", err=True)
    if sentences:
        context.exit(USAGE)
    if not offline:
        pending = check_database()
        if not as_json:
            click.echo("The settings are right and the database can be used.")
            if pending:
                click.echo("It does not have this version's form yet: run `watchword migrate`.")


def read_all() -> tuple[dict[str, str], list[str]]:
    """All settings with secrets hidden, and a sentence for each wrong one."""
    from watchword.control.servers.fetch_policy import fetch_policy
    from watchword.settings.base import SettingsProblem
    from watchword.settings.load import load_verifier_settings

    shown: dict[str, str] = {}
    sentences: list[str] = []
    try:
        control = control_settings()
        fetch_policy(control)
        shown |= {name: plain(value) for name, value in control}
        # Known only once control is: the verifier may live on another machine, with a file of its own.
    except SettingsProblem as problem:
        sentences += problem.sentences
    try:
        shown |= {f"verifier.{name}": plain(value) for name, value in load_verifier_settings()}
    except SettingsProblem as problem:
        # Both planes refuse an unknown name of either; once is enough.
        sentences += [f"verifier: {sentence}" for sentence in problem.sentences if sentence not in sentences]
    return shown, sentences


def plain(value: Any) -> str:
    """A setting's value in one line; pydantic hides secrets as asterisks."""
    if isinstance(value, (tuple, frozenset)):
        return ", ".join(sorted(str(entry) for entry in value)) or "(none)"
    return "(not set)" if value is None else str(value)


def check_database() -> list[str]:
    """Connect, and return the migrations still to be applied.

    Raises:
        CommandFailed: there is no data directory that could be written to.
    """
    settings = open_control_plane()
    if not os.access(settings.data_dir, os.W_OK):
        raise CommandFailed(f"data_dir: {settings.data_dir} cannot be written to by this user; change its owner.")
    return unapplied_migrations()
