"""`watchword roles`: the API roles of an organization."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import click

from watchword.cli.output import CommandFailed, ask_before, compose, yes_option
from watchword.cli.remote.session import (
    connected,
    output_option,
    print_document,
    print_list,
    print_members,
    remote_options,
)

if TYPE_CHECKING:
    from watchword.client.management_api import ManagementApi

CATEGORIES: Final = MappingProxyType(
    {
        "authorization-servers": "Authorization Servers",
        "audit-logs": "Audit Logs",
        "activity": "Activity",
        "api-roles": "API Roles",
    }
)
"""The API's categories, by their spelling as an argument."""

_PATH = "/api-roles"
_COLUMNS = {"name": "Name", "rights": "Rights", "api_keys": "API keys", "clients": "Clients seen"}

_category = click.Choice(list(CATEGORIES))
rights_options = compose(
    click.option("--full", multiple=True, type=_category, help="May read and change this; may be repeated."),
    click.option("--view", multiple=True, type=_category, help="May only read this; may be repeated."),
)


@click.group()
def roles() -> None:
    """List and change an organization's API roles.

    Uses the management API only, with the login of `watchword login`.
    """


@roles.command("list")
@output_option
@remote_options
def list_roles(*, form: str, organization: str | None) -> None:
    """List the API roles."""
    with connected(organization) as (api, _):
        documents = api.items(_PATH)
    rows = [
        {
            **document,
            "rights": ", ".join(f"{category}: {level}" for category, level in document["rights"].items()),
            "api_keys": ", ".join(document["api_keys"]),
            "clients": len(document["clients"]),
        }
        for document in documents
    ]
    print_document(documents, form, table=lambda: print_list(rows, _COLUMNS, form, empty="There are no API roles."))


@roles.command("show")
@click.argument("name")
@output_option
@remote_options
def show(*, name: str, form: str, organization: str | None) -> None:
    """Show an API role with its API keys and the clients that were seen with it."""
    with connected(organization) as (api, _):
        print_members(_find(api, name), form)


@roles.command("add")
@click.argument("name")
@rights_options
@output_option
@remote_options
def add(*, name: str, full: tuple[str, ...], view: tuple[str, ...], form: str, organization: str | None) -> None:
    """Create an API role. It cannot give rights that you lack."""
    with connected(organization) as (api, _):
        print_members(api.send("POST", _PATH, {"name": name, "rights": _rights(full, view)}), form)


@roles.command("edit")
@click.argument("name")
@click.option("--name", "new_name", metavar="NAME", help="A new name; access tokens with the old one are refused then.")
@rights_options
@click.option("--no-rights", is_flag=True, help="Remove all rights.")
@output_option
@remote_options
def edit(
    *,
    name: str,
    new_name: str | None,
    full: tuple[str, ...],
    view: tuple[str, ...],
    no_rights: bool,
    form: str,
    organization: str | None,
) -> None:
    """Rename an API role, or replace all its rights with those given."""
    values: dict[str, Any] = {} if new_name is None else {"name": new_name}
    if no_rights and (full or view):
        raise click.UsageError("--no-rights excludes --full and --view.")
    if full or view or no_rights:
        values["rights"] = _rights(full, view)
    if not values:
        raise click.UsageError("Name at least one value to change.")
    from watchword.client.management_api import etag

    with connected(organization) as (api, _):
        role = _find(api, name)
        tag = etag(role["id"], role["version"])
        print_members(api.send("PATCH", f"{_PATH}/{role['id']}", values, if_match=tag), form)


@roles.command("delete")
@click.argument("name")
@yes_option
@remote_options
def delete(*, name: str, yes: bool, organization: str | None) -> None:
    """Delete an API role. Its API keys are revoked, and access tokens that name it are refused."""
    from watchword.client.management_api import etag

    with connected(organization) as (api, _):
        role = _find(api, name)
        keys = ", ".join(role["api_keys"]) or "none"
        sentence = f"Deletes {role['name']}, revokes its API keys ({keys}) and refuses access tokens that name it."
        ask_before([sentence], yes=yes)
        api.send("DELETE", f"{_PATH}/{role['id']}", if_match=etag(role["id"], role["version"]))
    click.echo(f"Deleted {role['name']}.", err=True)


def _rights(full: tuple[str, ...], view: tuple[str, ...]) -> dict[str, str]:
    return {CATEGORIES[name]: level for level, names in (("view", view), ("full", full)) for name in names}


def _find(api: ManagementApi, name: str) -> dict[str, Any]:
    documents = api.items(_PATH)
    for document in documents:
        # Tokens name roles exactly, but no two roles differ in capitals alone.
        if str(document["name"]).lower() == name.lower():
            return document
    names = ", ".join(str(document["name"]) for document in documents) or "none"
    raise CommandFailed(f"There is no API role “{name}”. Existing: {names}.")
