"""Checks of deploy/ against the product: settings that exist and commands that it accepts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from watchword.cli.root import watchword
from watchword.settings.control import ControlSettings
from watchword.settings.verifier import VerifierSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
DEPLOY: Final = ROOT / "deploy"

_NAME: Final = re.compile(r"\bWATCHWORD_[A-Z0-9_]+")
_OF_THE_COMMAND_LINE: Final = {"WATCHWORD_LOG_FORMAT", "WATCHWORD_CONFIG"}


def unknown_settings(text: str) -> set[str]:
    """The names of settings in a text that do not exist."""
    known = {f"WATCHWORD_{name.upper()}" for name in ControlSettings.model_fields}
    known |= {f"WATCHWORD_VERIFIER_{name.upper()}" for name in VerifierSettings.model_fields}
    return set(_NAME.findall(text)) - known - _OF_THE_COMMAND_LINE


def understands(arguments: Sequence[str]) -> bool:
    """Whether `watchword` takes these arguments; nothing is run."""
    command: click.Command = watchword
    # As the program names them: a command keeps the help option of its first context.
    context = click.Context(watchword, info_name="watchword", help_option_names=["-h", "--help"])
    rest = list(arguments)
    try:
        while isinstance(command, click.Group):
            _, found, rest = command.resolve_command(context, rest)
            if found is None:
                return False
            command = found
            context = click.Context(command, parent=context)
        with command.make_context(command.name, rest, parent=context.parent):
            return True
    except click.UsageError:
        return False
