"""The question before something that cannot be undone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from watchword.cli.output import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

yes_option = click.option("--yes", is_flag=True, help="Do not ask; for automation.")


def ask_before(losses: Sequence[str], *, yes: bool) -> None:
    """Ask whether to go on, if something cannot be undone or ends access.

    Raises:
        CommandFailed: there is neither a terminal nor `--yes`, or the answer is no.
    """
    for sentence in losses:
        click.echo(f"! {sentence}", err=True)
    if not losses or yes:
        return
    if not at_terminal():
        raise CommandFailed("Nothing was changed: this needs a confirmation at a terminal, or --yes.")
    try:
        is_confirmed = click.confirm("Go on?", err=True)
    except click.Abort:
        # At Ctrl+C or the end of the input.
        is_confirmed = False
        click.echo(err=True)
    if not is_confirmed:
        raise CommandFailed("Nothing was changed.")


def at_terminal() -> bool:
    """Whether a person can answer."""
    return sys.stdin.isatty()
