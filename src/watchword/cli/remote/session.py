"""What the commands of the management API share: the login and the output's form."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from watchword.cli.options import debug_option
from watchword.cli.output import compose, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from watchword.client.login import Login
    from watchword.client.management_api import ManagementApi

TABLE, JSON, YAML = "table", "json", "yaml"

organization_option = click.option(
    "--organization",
    metavar="ID",
    help="Instead of the login's own, for a key of an operator.  [env: WATCHWORD_ORGANIZATION]",
)
output_option = click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice([TABLE, JSON, YAML]),
    default=TABLE,
    show_default=True,
    help="How results are printed.",
)
remote_options = compose(organization_option, debug_option)


@contextmanager
def connected(organization: str | None = None, *, login: Login | None = None) -> Iterator[tuple[ManagementApi, Login]]:
    """The management API of an organization, and the login that is used."""
    from watchword.client.connection import Connection
    from watchword.client.login import find_login
    from watchword.client.management_api import ManagementApi

    login = login or find_login(os.environ, organization=organization)
    connection = Connection(login, waiting=tell_wait)
    try:
        yield ManagementApi(connection, login.organization), login
    finally:
        connection.close()


def tell_wait(seconds: int) -> None:
    click.echo(f"The portal cannot answer now. Trying again in {seconds} s.", err=True)


def print_document(document: Any, form: str, *, table: Callable[[], None]) -> None:
    """Print a document in the chosen form; `table` prints it for people."""
    if form == JSON:
        print_json(document)
    elif form == YAML:
        from watchword.client.yaml_writing import write_yaml

        click.echo(write_yaml(document), nl=False)
    else:
        table()


def print_list(rows: Sequence[dict[str, Any]], columns: dict[str, str], form: str, *, empty: str) -> None:
    """Print `rows` whole, or as a table with `columns` (member → heading)."""
    print_document(list(rows), form, table=lambda: print_table(_printable(rows), columns, empty=empty))


def print_members(document: dict[str, Any], form: str) -> None:
    """Print one object; for people, a line for each member."""
    from watchword.client.yaml_writing import write_yaml

    print_document(document, form, table=lambda: click.echo(write_yaml(document), nl=False))


def _printable(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    from watchword.client.yaml_writing import printable

    return [
        {name: printable(value) if isinstance(value, str) else value for name, value in row.items()} for row in rows
    ]


def own_access_lost(login: Login) -> list[str]:
    """The warning before a change of the enabled server, whose tokens the caller itself may use."""
    if not login.is_access_token:
        return []
    sentence = (
        "Your own access token is one of the enabled server, which this changes: the portal may refuse it afterwards. "
        "Use an API key instead."
    )
    return [sentence]
