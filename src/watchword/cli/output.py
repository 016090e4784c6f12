"""How commands speak: results on standard output; failures on standard error, in one sentence with its remedy."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

# Not a terminal: a line is read by a program or kept in a file, and is never folded.
UNFOLDED_WIDTH = 240

OK = 0
FAILED = 1
USAGE = 2

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


class CommandFailed(click.ClickException):
    """The command was understood and could not be done."""

    exit_code = FAILED


class SettingsWrong(click.ClickException):
    """A setting stops the command before it starts."""

    exit_code = USAGE


def console(*, stderr: bool = False) -> Console:
    """Rich's console, which honours NO_COLOR and writes no escape sequences to what is no terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else UNFOLDED_WIDTH
    return Console(file=stream, width=width, highlight=False, emoji=False, markup=False, soft_wrap=width is not None)


def print_json(document: object) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def print_rows(rows: Sequence[dict[str, Any]], columns: dict[str, str], *, as_json: bool, empty: str) -> None:
    """Print `rows` as a table with `columns` (member → heading), or whole as JSON."""
    if as_json:
        print_json(list(rows))
        return
    if not rows:
        click.echo(empty)
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in columns.values():
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*("-" if row[name] is None else str(row[name]) for name in columns))
    console().print(table)


def read_secret_from_stdin(prompt: str) -> str:
    """One line from standard input; at a terminal it is asked for without being shown."""
    if sys.stdin.isatty():
        return str(click.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True))
    try:
        return sys.stdin.readline().rstrip("\r\n")
    except UnicodeDecodeError:
        raise click.UsageError("Standard input is not UTF-8.") from None


def compose(*decorators: Callable[..., Any]) -> Callable[[Any], Any]:
    """One decorator out of several, the first outermost."""

    def decorate(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate
