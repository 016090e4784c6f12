"""`watchword gateway`."""

from __future__ import annotations

from pathlib import PurePosixPath

import click

from watchword.cli.control_plane import control_settings
from watchword.cli.options import settings_options
from watchword.cli.output import json_option, print_json
from watchword.gateways import gateways


@click.command()
@click.argument("name", type=click.Choice([gateway.name for gateway in gateways()]))
@click.argument("file", required=False)
@json_option
@settings_options
def gateway(*, name: str, file: str | None, as_json: bool) -> None:
    """Print a gateway's configuration with the addresses and the routing of the settings.

    FILE is the name of one file, such as watchword.lua, where a gateway has several; --json prints all of them. The
    page "Gateways" of the operator console shows the same texts, and what remains to edit.
    """
    from watchword.control.console.gateway_values import values_of
    from watchword.gateways.filling import fill

    (chosen,) = (one for one in gateways() if one.name == name)
    files = fill(chosen, values_of(control_settings())).gateway.files
    if as_json:
        print_json({"files": [{"name": one.name, "text": one.text} for one in files]})
        return
    texts = {PurePosixPath(one.name).name: one.text for one in files}
    if file is None and len(texts) == 1:
        (file,) = texts
    if file is None or file not in texts:
        raise click.UsageError(f"Name one of its files: {', '.join(texts)}.")
    click.echo(texts[file], nl=False)
