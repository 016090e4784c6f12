"""docs/commands.md is held to the code."""

from __future__ import annotations

from pathlib import Path

import click

from watchword.cli.reference import help_pages, render
from watchword.cli.root import ALL_COMMANDS, watchword

PAGE = Path(__file__).resolve().parents[2] / "docs" / "commands.md"

WITHOUT_DATA = {
    *("serve", "demo", "login", "logout"),
    # These print a file.
    *("export", "audit-events export"),
    # These say what they did, on standard error.
    *("servers delete", "servers disable", "servers enable", "servers refresh", "roles delete"),
}


def test_commands_page_equals_the_help_texts() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(watchword), (
        "run: .venv/bin/python -m watchword.cli.reference > docs/commands.md"
    )


def test_every_command_that_prints_data_offers_json() -> None:
    pages = dict(help_pages(watchword, "watchword"))
    without = {
        path.removeprefix("watchword ")
        for path, text in pages.items()
        if "COMMAND" not in text and "--json" not in text and "--output" not in text
    }
    assert without == WITHOUT_DATA


def test_overview_has_the_first_sentence_of_each_command() -> None:
    context = click.Context(watchword)
    for name, (_, _, line) in ALL_COMMANDS.items():
        command = watchword.get_command(context, name)
        assert command is not None
        help_text = command.help or ""
        # Groups say the same in both places; a command may say more in its own help.
        assert help_text.startswith(line.rstrip(".")) or not isinstance(command, click.Group), name


def test_every_option_has_a_help_text() -> None:
    def options_of(command: click.Command) -> list[click.Option]:
        below = command.commands.values() if isinstance(command, click.Group) else []
        own = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
        return own + [option for child in below for option in options_of(child)]

    context = click.Context(watchword)
    for name in ALL_COMMANDS:
        command = watchword.get_command(context, name)
        assert command is not None
        assert all(option.help for option in options_of(command)), name
