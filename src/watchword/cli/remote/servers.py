"""`watchword servers`: the authorization servers of an organization, one at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from watchword.cli.output import CommandFailed, ask_before, compose, print_table, yes_option
from watchword.cli.remote.session import (
    connected,
    output_option,
    own_access_lost,
    print_document,
    print_list,
    print_members,
    remote_options,
)

if TYPE_CHECKING:
    from watchword.client.management_api import ManagementApi

_COLUMNS = {
    "name": "Name",
    "enabled": "Enabled",
    "issuer": "Issuer",
    "audience": "Audience",
    "client_id": "Client ID",
    "required_role": "Required role",
    "keys": "Keys",
}
_STEPS = {"outcome": "Result", "step": "Step", "detail": "Found", "fix": "Remedy"}

name_argument = click.argument("name", metavar="NAME|ID")
source_options = compose(
    click.option(
        "--verify-certificate/--no-verify-certificate",
        default=None,
        help="Verify the certificate of the JWKS location.",
    ),
    click.option("--ca-bundle", metavar="FILE", help="PEM of your own CA certificates for the JWKS location."),
)
confirmation_options = compose(
    click.option("--confirm-any-token", is_flag=True, help="Accept every token that the server signs."),
    click.option(
        "--confirm-any-user", is_flag=True, help="Accept tokens that any user of a shared server can request."
    ),
)
value_options = compose(
    click.option("--description", metavar="TEXT", help="What administrators read about it."),
    source_options,
    click.option("--issuer", metavar="URI", help="Accept only tokens of this issuer."),
    click.option("--audience", metavar="URI", help="Accept only tokens for this audience."),
    click.option("--client-id", metavar="ID", help="Accept only tokens of this client."),
    click.option("--required-role", metavar="ROLE", help="The API role that gateways require of each token."),
    click.option(
        "--accepts-bound-tokens/--no-accepts-bound-tokens", default=None, help="Accept tokens bound to a key."
    ),
    confirmation_options,
)
remove_option = click.option(
    "--remove",
    "removed",
    multiple=True,
    type=click.Choice(["issuer", "audience", "client-id", "required-role", "ca-bundle"]),
    help="Remove this value; may be repeated.",
)


@click.group()
def servers() -> None:
    """List and change an organization's authorization servers.

    Uses the management API only, with the login of `watchword login`.
    """


@servers.command("list")
@output_option
@remote_options
def list_servers(*, form: str, organization: str | None) -> None:
    """List the authorization servers."""
    with connected(organization) as (api, _):
        documents = api.server_documents()
    rows = [{**document, **_for_people(document)} for document in documents]
    print_document(documents, form, table=lambda: print_list(rows, _COLUMNS, form, empty="There are no servers."))


def _for_people(document: dict[str, Any]) -> dict[str, Any]:
    key_set = document.get("key_set") or {}
    keys = f"{len(key_set.get('keys') or [])}"
    values = {name: document.get(name) or "any" for name in ("issuer", "audience", "client_id")}
    return {
        **values,
        "enabled": "yes" if document.get("enabled") else "no",
        "keys": keys if key_set.get("problem") is None else f"{keys}, fetches fail",
    }


@servers.command("show")
@name_argument
@output_option
@remote_options
def show(*, name: str, form: str, organization: str | None) -> None:
    """Show an authorization server with its keys."""
    with connected(organization) as (api, _):
        print_members(_find(api, name), form)


@servers.command("add")
@click.argument("name")
@click.option("--jwks-location", required=True, metavar="URL", help="Where the server publishes its keys.")
@value_options
@output_option
@remote_options
def add(*, name: str, form: str, organization: str | None, **options: Any) -> None:
    """Validate a JWKS location and register its server as NAME. It is disabled at first."""
    with connected(organization) as (api, _):
        print_members(api.send("POST", "/authorization-servers", {"name": name, **_values(options)}), form)


@servers.command("edit")
@name_argument
@click.option("--name", "new_name", metavar="NAME", help="A new name.")
@click.option("--jwks-location", metavar="URL", help="Another location, which is validated.")
@value_options
@remove_option
@yes_option
@output_option
@remote_options
def edit(
    *,
    name: str,
    new_name: str | None,
    removed: tuple[str, ...],
    yes: bool,
    form: str,
    organization: str | None,
    **options: Any,
) -> None:
    """Change some values of an authorization server.

    Asks before a change of the enabled server ends the access of clients or accepts more tokens than before.
    """
    values = _values({"name": new_name, **options})
    for one in removed:
        member = one.replace("-", "_")
        if member in values:
            raise click.UsageError(f"--remove {one} and --{one} exclude each other.")
        values[member] = None
    if not values:
        raise click.UsageError("Name at least one value to change.")
    from watchword.client.management_api import etag

    with connected(organization) as (api, login):
        server = _find(api, name)
        if server["enabled"]:
            ask_before([*_losses_of(server, values), *own_access_lost(login)], yes=yes)
        path = f"/authorization-servers/{server['id']}"
        print_members(api.send("PATCH", path, values, if_match=etag(server["id"], server["version"])), form)


@servers.command("delete")
@name_argument
@yes_option
@remote_options
def delete(*, name: str, yes: bool, organization: str | None) -> None:
    """Delete an authorization server with its signing keys and key history."""
    with connected(organization) as (api, login):
        server = _find(api, name)
        losses = [f"Deletes {server['name']} with its signing keys and key history."]
        if server["enabled"]:
            losses += [_clients_lose_access(server), *own_access_lost(login)]
        ask_before(losses, yes=yes)
        api.delete(server["id"], server["version"])
    click.echo(f"Deleted {server['name']}.", err=True)


@servers.command("enable")
@name_argument
@confirmation_options
@yes_option
@remote_options
def enable(*, name: str, confirm_any_token: bool, confirm_any_user: bool, yes: bool, organization: str | None) -> None:
    """Enable an authorization server and disable the other one at the same time."""
    given = {"confirm_any_token": confirm_any_token, "confirm_any_user": confirm_any_user}
    with connected(organization) as (api, login):
        documents = api.server_documents()
        server = _named(documents, name)
        before = next((one for one in documents if one["enabled"] and one is not server), None)
        ask_before([] if before is None else [_clients_lose_access(before), *own_access_lost(login)], yes=yes)
        replaced = server if server["enabled"] else before
        api.enable(
            server["id"],
            {name: True for name, is_given in given.items() if is_given},
            before=None if replaced is None else (replaced["id"], replaced["version"]),
        )
    click.echo(f"Enabled {server['name']}.", err=True)


@servers.command("disable")
@name_argument
@yes_option
@remote_options
def disable(*, name: str, yes: bool, organization: str | None) -> None:
    """Disable an authorization server. With none enabled, no token of the organization is accepted."""
    with connected(organization) as (api, login):
        server = _find(api, name)
        if server["enabled"]:
            ask_before([_clients_lose_access(server), *own_access_lost(login)], yes=yes)
            api.enable(None, {}, before=(server["id"], server["version"]))
    click.echo(f"{server['name']} is disabled.", err=True)


@servers.command("refresh")
@name_argument
@remote_options
def refresh(*, name: str, organization: str | None) -> None:
    """Request a fetch of an authorization server's key set, at most once in 30 seconds."""
    with connected(organization) as (api, _):
        server = _find(api, name)
        api.refresh(server["id"])
    click.echo(f"The key set of {server['name']} will be fetched within seconds.", err=True)


@servers.command("validate")
@click.argument("jwks_location", metavar="URL")
@source_options
@output_option
@remote_options
@click.pass_context
def validate(
    context: click.Context, /, *, jwks_location: str, form: str, organization: str | None, **options: Any
) -> None:
    """Let the portal fetch a key set once, and show what it found. Nothing is saved.

    Exit status 0 if a server could be registered with it, 1 otherwise.
    """
    with connected(organization) as (api, _):
        found = api.validate({"jwks_location": jwks_location, **_values(options)})
    print_document(found, form, table=lambda: print_table(found["steps"], _STEPS, empty=""))
    context.exit(0 if found["succeeded"] else CommandFailed.exit_code)


def _values(options: dict[str, Any]) -> dict[str, Any]:
    """The members of a request's body: each option of the command line."""
    values = {name: value for name, value in options.items() if value is not None and value is not False}
    for name in ("verify_certificate", "accepts_bound_tokens"):
        # These have a form for "no", too.
        if options.get(name) is False:
            values[name] = False
    if "ca_bundle" in values:
        values["ca_bundle"] = _certificates(values["ca_bundle"])
    return values


def _certificates(file: str) -> str:
    """The CA certificates of a file. They are checked here, so that a private key never leaves this machine.

    Raises:
        CommandFailed: the file has something else.
    """
    from watchword.outbound.ca_bundle import CaBundleRefused, read_ca_bundle

    try:
        return read_ca_bundle(Path(file).read_text(encoding="utf-8", errors="replace")).pem
    except CaBundleRefused as refused:
        raise CommandFailed(f"{file}: {refused.sentence}") from None


def _losses_of(server: dict[str, Any], values: dict[str, Any]) -> list[str]:
    from watchword.client.losses import losses_of_change

    changes = {name: (server.get(name), value) for name, value in values.items() if server.get(name) != value}
    return losses_of_change(str(server["name"]), changes)


def _clients_lose_access(server: dict[str, Any]) -> str:
    return f"Client applications with tokens of {server['name']} lose access."


def _find(api: ManagementApi, name: str) -> dict[str, Any]:
    return _named(api.server_documents(), name)


def _named(documents: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The server with this id or name; the API ignores capitals of names, too."""
    for document in documents:
        if name.lower() in {str(document.get("id")), str(document.get("name")).lower()}:
            return document
    names = ", ".join(str(document.get("name")) for document in documents) or "none"
    raise CommandFailed(f"There is no authorization server “{name}”. Registered: {names}.")
