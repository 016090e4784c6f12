"""`watchword gateway`."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from watchword.cli.control_plane import control_settings
from watchword.cli.options import settings_options
from watchword.cli.output import CommandFailed, json_option, print_json
from watchword.gateways import gateways

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.command()
@click.argument("name", type=click.Choice([gateway.name for gateway in gateways()]))
@click.argument("file", required=False)
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write all files of the gateway into DIR, which may be new. Never replaces a file.",
)
@json_option
@settings_options
def gateway(*, name: str, file: str | None, directory: Path | None, as_json: bool) -> None:
    """Print a gateway's configuration with the addresses and the routing of the settings.

    FILE is the name of one file, such as watchword.lua, where a gateway has several; without it their names are
    listed. --directory writes all of them, --json prints all of them. The page "Gateways" of the operator console shows
    the same texts, and what remains to edit.
    """
    if directory is not None and (file is not None or as_json):
        raise click.UsageError("--directory writes all files; use it without FILE and --json.")
    from watchword.control.web.console.gateway_values import values_of
    from watchword.gateways.filling import fill

    (chosen,) = (one for one in gateways() if one.name == name)
    files = {PurePosixPath(one.name).name: one for one in fill(chosen, values_of(control_settings())).gateway.files}
    if as_json:
        print_json({"files": [{"name": one.name, "text": one.text} for one in files.values()]})
    elif directory is not None:
        write_new(directory, {short: one.text for short, one in files.items()})
    elif file is None and len(files) > 1:
        for short, one in files.items():
            click.echo(f"{short}  (as {one.name})")
        click.echo(f"Print one with `watchword gateway {name} FILE`; write all with --directory DIR.", err=True)
    else:
        file = next(iter(files)) if file is None else file
        if file not in files:
            raise click.UsageError(f"Name one of its files: {', '.join(files)}.")
        click.echo(files[file].text, nl=False)


def write_new(directory: Path, texts: Mapping[str, str]) -> None:
    """Write one file for each name.

    Raises:
        CommandFailed: one of them exists, which may have been edited. Nothing is written then.
    """
    existing = [name for name in texts if (directory / name).exists()]
    if existing:
        raise CommandFailed(f"{directory} already has {', '.join(existing)}; remove them or name another directory.")
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        # "x": does not replace a file that another process has created meanwhile either.
        with (directory / name).open("x", encoding="utf-8") as target:
            target.write(text)
        click.echo(directory / name)
