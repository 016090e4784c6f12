"""Output of commands: results on standard output; failures on standard error, with a sentence that says what to do.

Also the question before something that cannot be undone.
"""

from __future__ import annotations

import io
import json
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, overload

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

# Without a terminal, programs read the lines or files keep them: long lines are not folded.
UNFOLDED_WIDTH = 240

_READ, _WRITE = "r", "w"

OK = 0
FAILED = 1
USAGE = 2

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask; for automation.")


class CommandFailed(click.ClickException):
    """The command could not be done."""

    exit_code = FAILED


class SettingsWrong(click.ClickException):
    """A setting stops the command before it starts."""

    exit_code = USAGE


# Their text is for the person at the terminal.
_SAYS_ALL = (("watchword.client.problems", "ApiFailed"), ("watchword.client.yaml_reading", "FileRefused"))


def explain(failure: Exception) -> click.ClickException:
    """The exception that click prints in place of `failure`."""
    sentences = getattr(failure, "sentences", None)
    if isinstance(sentences, tuple):
        # SettingsProblem: one sentence for each wrong setting.
        return SettingsWrong("\n".join(str(sentence) for sentence in sentences))
    if _is(failure, "watchword.control.base.refusals", "Refusal"):
        return CommandFailed(_refusal(failure))
    if any(_is(failure, module, name) for module, name in _SAYS_ALL):
        return CommandFailed(str(failure))
    if _is(failure, "django.db", "OperationalError") or _is(failure, "django.db", "ProgrammingError"):
        return CommandFailed(
            f"The database cannot be used ({_first_line(failure)}). Check database_url with `watchword config check`; "
            "if tables are missing, run `watchword migrate`."
        )
    if isinstance(failure, OSError) and failure.strerror is not None:
        what = "The operating system refused what this command needs" if failure.filename is None else failure.filename
        return CommandFailed(f"{what}: {failure.strerror}.")
    return CommandFailed(
        f"Unexpected failure ({type(failure).__name__}: {_first_line(failure)}). Run it again with --debug for the "
        "traceback, and please report it."
    )


def _is(failure: Exception, module: str, name: str) -> bool:
    # Compared by name: a module that was never loaded cannot have raised, and loading it takes time.
    kind: Any = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(failure, kind)


def _refusal(refusal: Any) -> str:
    fields = "".join(f"\n  {name}: {sentence}" for name, sentence in refusal.field_errors.items())
    return f"{refusal.sentence}{fields}"


def _first_line(failure: Exception) -> str:
    return (str(failure).strip().splitlines() or ["no further word"])[0].rstrip(".")


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
    else:
        print_table(rows, columns, empty=empty)


def print_table(rows: Sequence[dict[str, Any]], columns: dict[str, str], *, empty: str) -> None:
    """Print `rows` as a table with `columns` (member → heading)."""
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


@overload
def iso(moment: datetime) -> str: ...
@overload
def iso(moment: datetime | None) -> str | None: ...
def iso(moment: datetime | None) -> str | None:
    """Such as `2026-05-04T12:00:00Z`; None stays None."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_secret_from_stdin(prompt: str) -> str:
    """One line from standard input; at a terminal, a prompt that does not show what is typed."""
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


def repair_standard_streams() -> None:
    """Open closed standard streams on /dev/null, and let output hold any character.

    For a closed stream, Python has None. The next file that is opened, such as a database, would get the stream's
    number, and a library that writes to standard error would write into that file.
    """
    for number, name, mode in ((0, "stdin", _READ), (1, "stdout", _WRITE), (2, "stderr", _WRITE)):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)  # noqa: FBT003 - its only form.
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - a number.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A Cyrillic name must not cause a failure at a terminal that cannot show it.
            stream.reconfigure(errors="backslashreplace")


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
