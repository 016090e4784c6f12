"""`watchword login` and `logout`."""

from __future__ import annotations

import os
import sys

import click

from watchword.cli.options import debug_option
from watchword.cli.output import CommandFailed, at_terminal
from watchword.cli.remote.session import connected

_FORBIDDEN = 403
_NOT_FOUND = 404


@click.command()
@click.option("--url", required=True, metavar="URL", help="The portal, such as https://portal.example.")
@click.option("--organization", required=True, metavar="ID", help="The organization's id, such as acme.")
@debug_option
def login(*, url: str, organization: str) -> None:
    """Store the portal's URL, the organization and an API key for the commands of the management API.

    Asks for the API key, or reads it from standard input: it is never an argument, because all users of this machine
    can read arguments. The portal must accept the key. The file is $XDG_CONFIG_HOME/watchword/login.json (without
    XDG_CONFIG_HOME, below ~/.config); only you can read it.

    Instead of a file, WATCHWORD_PORTAL_URL, WATCHWORD_API_KEY and WATCHWORD_ORGANIZATION can be set; they go before it.
    """
    from watchword.client.login import checked_login, checked_origin, store_login
    from watchword.client.problems import ApiRefused

    # Before the key is typed.
    checked_origin(url)
    new = checked_login(url=url, organization=organization, credential=_read_key())
    with connected(login=new) as (api, _):
        try:
            api.server_documents()
        except ApiRefused as refused:
            if refused.status == _NOT_FOUND and refused.reason == "not_found":
                raise CommandFailed(f"No organization {new.organization} for this key.") from None
            # The key is good; its role reads something else.
            if refused.status != _FORBIDDEN or refused.reason != "permission_missing":
                raise
    path = store_login(new, os.environ)
    click.echo(f"Logged in to {new.origin} for {new.organization}; stored in {path}.", err=True)


def _read_key() -> str:
    if at_terminal():
        return str(click.prompt("API key", hide_input=True, err=True)).strip()
    try:
        return sys.stdin.readline().strip()
    except UnicodeDecodeError:
        raise click.UsageError("Standard input is not UTF-8.") from None


@click.command()
@debug_option
def logout() -> None:
    """Delete the login that `watchword login` stored. The API key itself stays valid until it is revoked."""
    from watchword.client.login import remove_login

    if not remove_login(os.environ):
        raise CommandFailed("You are not logged in.")
    click.echo("Logged out. If the API key is no longer needed, revoke it in the portal.", err=True)
