"""Arguments that no person means, for every parameter of every command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click
from click.testing import CliRunner

from watchword.cli.root import watchword

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DATES: Final = (
    "0001-01-01", "0001-01-01T00:00+14:00", "9999-12-31", "9999-12-31T23:59:59-14:00", "0000-00-00", "10000-01-01",
    "2026-02-30", "2026-11-24T00:00+23:59", "2026-W48-7", "now",
)  # fmt: skip
TEXTS: Final = (
    "a\0b", "\udcff", "\U0010ffff", "\r\n", "", " ", "x" * 5000, "9" * 4400, "-1", "1e999", "٣", "a@b", "\x85\u2028",
)  # fmt: skip


def leaves(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from leaves(below, (*path, name))
    else:
        yield path, command


def arguments(
    command: click.Command, changed: click.Parameter | None, value: str, sound: Mapping[str, str | None]
) -> list[str]:
    """What the command needs, from `sound` by the parameters' names, with one parameter changed."""
    options, positional = [], []
    for parameter in command.params:
        given: Any = value if parameter is changed else sound.get(str(parameter.name))
        if given is None or (parameter is not changed and not parameter.required):
            continue
        if isinstance(parameter, click.Argument):
            positional.append(given)
        else:
            options += [parameter.opts[0], given]
    return [*options, "--", *positional]


def faults(path: tuple[str, ...], given: list[str], stdin: bytes = b"") -> list[str]:
    """What is wrong with the answer of a command; nothing, if it ends with a sentence and a status of its own."""
    result = CliRunner().invoke(watchword, [*path, *given], input=stdin, prog_name="watchword")
    said = result.stdout + result.stderr
    is_sound = isinstance(result.exception, (SystemExit, type(None))) and result.exit_code in {0, 1, 2}
    if is_sound and "Traceback" not in said and "report it" not in said and "cannot be used" not in said:
        return []
    return [f"{path} {[text[:40] for text in given]}: {result.exception!r} {said[-300:]}"]
