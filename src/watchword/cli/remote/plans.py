"""`watchword export`, `plan` and `apply`: the servers of an organization as a file."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from watchword.cli.output import CommandFailed, ask_before, compose, console, yes_option
from watchword.cli.remote.plan_checks import check_key_sources, check_roles, check_unchanged
from watchword.cli.remote.session import connected, output_option, own_access_lost, print_document, remote_options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watchword.client.login import Login
    from watchword.client.management_api import ManagementApi
    from watchword.client.planning import Plan, Step
    from watchword.client.problems import ApiFailed
    from watchword.client.servers_file import WantedState

CHANGES = 2
STYLES = {"+": "green", "-": "red", "~": "yellow", ">": "yellow"}
"""Of a step's line, by its mark."""

WAIT_SECONDS = 90.0
"""A verifier reports its revision with each request to the feed, which the portal holds for up to half a minute."""

STEP_SECONDS = 1.0

file_option = click.option(
    "-f",
    "--file",
    required=True,
    metavar="FILE",
    help="servers.yaml, as docs/plan-and-apply.md describes it; - for stdin.",
)
exit_code_option = click.option(
    "--detailed-exitcode",
    is_flag=True,
    help="Exit with 2 if there are changes, 0 if there is nothing to do, 1 on errors.",
)
plan_options = compose(file_option, exit_code_option, output_option, remote_options)


@click.command()
@remote_options
def export(*, organization: str | None) -> None:
    """Print the organization's authorization servers as a file for `watchword plan` and `watchword apply`.

    Uses the management API only, with the login of `watchword login`.
    """
    from watchword.client.servers_file import write_servers_file

    with connected(organization) as (api, _):
        servers = api.servers()
    if any(server.is_masked for server in servers):
        raise CommandFailed(
            "The API hides parts of a JWKS location from an API role that may only read authorization servers. Export "
            "with one that may change them."
        )
    click.echo(write_servers_file(api.organization, servers), nl=False)


@click.command()
@plan_options
@click.pass_context
def plan(context: click.Context, *, file: str, detailed_exitcode: bool, form: str, organization: str | None) -> None:
    """Show what `watchword apply` would change, and change nothing.

    Uses the management API only, with the login of `watchword login`.

    Exit status 0, also if there are changes; with --detailed-exitcode 2 then. 1 if the file or the request is refused.
    """
    wanted = _read(file)
    with connected(organization) as (api, login):
        planned = _planned(api, wanted)
    _print(planned, form, losses=_losses(planned, login))
    if planned.steps and detailed_exitcode:
        context.exit(CHANGES)


@click.command()
@plan_options
@yes_option
@click.option("--lose-own-access", is_flag=True, help="Go on with an access token that the change may invalidate.")
@click.option("--wait", is_flag=True, help="Then wait until all verifiers have the change; 90 seconds at most.")
@click.pass_context
def apply(
    context: click.Context,
    *,
    file: str,
    detailed_exitcode: bool,
    form: str,
    organization: str | None,
    yes: bool,
    lose_own_access: bool,
    wait: bool,
) -> None:
    """Change the organization's authorization servers until they are those of FILE.

    Uses the management API only, with the login of `watchword login`.

    Shows the plan first. Asks before it deletes a server, ends the access of clients or accepts more tokens than
    before; without a terminal, --yes is needed for that. Stops at the first step that fails; the steps before it stay
    done, and the next run does the rest.

    Exit status 0 if everything is done; with --detailed-exitcode 2 if something was changed, and 0 only if there was
    nothing to do. 1 if the file or a step is refused, or if --wait timed out.
    """
    wanted = _read(file)
    with connected(organization) as (api, login):
        planned = _planned(api, wanted)
        _print(planned, form)
        losses = _losses(planned, login)
        if planned.touches_enabled and login.is_access_token and not lose_own_access:
            # With --yes, too: the steps after the one that ends its access would fail.
            raise CommandFailed(f"Nothing was changed. {losses[-1]} Or allow it with --lose-own-access.")
        ask_before(losses, yes=yes)
        if planned.steps:
            check_key_sources(api, planned)
            check_unchanged(api, planned)
        _apply(planned, wanted, api)
        if wait:
            wait_for_verifiers(api)
    if planned.steps and detailed_exitcode:
        context.exit(CHANGES)


def _read(file: str) -> WantedState:
    from watchword.client.servers_file import read_servers_file
    from watchword.client.yaml_reading import MAX_OCTETS

    if file == "-":
        return read_servers_file(sys.stdin.buffer.read(MAX_OCTETS + 1), file="<stdin>")
    with Path(file).open("rb") as opened:
        return read_servers_file(opened.read(MAX_OCTETS + 1), file=file)


def _planned(api: ManagementApi, wanted: WantedState) -> Plan:
    from watchword.client.planning import plan as plan_changes
    from watchword.client.yaml_reading import Fault, FileRefused
    from watchword.client.yaml_writing import printable

    if wanted.organization is not None and wanted.organization != api.organization:
        sentence = f"This file is for {printable(wanted.organization)}, but the login is for {api.organization}."
        raise FileRefused(Fault(wanted.places["organization"], sentence))
    planned = plan_changes(api.servers(), wanted)
    check_roles(api, planned)
    return planned


def _print(planned: Plan, form: str, *, losses: Sequence[str] = ()) -> None:
    from watchword.client.plan_output import plan_json, plan_lines

    def table() -> None:
        out = console()
        for line in plan_lines(planned):
            out.print(line, style=STYLES.get(line[0]), soft_wrap=True)
        for sentence in losses:
            out.print(f"! {sentence}", style="red", soft_wrap=True)

    print_document(plan_json(planned), form, table=table)


def _losses(planned: Plan, login: Login) -> list[str]:
    from watchword.client.losses import losses

    return [*losses(planned), *(own_access_lost(login) if planned.touches_enabled else [])]


def _apply(planned: Plan, wanted: WantedState, api: ManagementApi) -> None:
    from watchword.client.applying import apply_steps
    from watchword.client.plan_output import described
    from watchword.client.problems import ApiFailed, ApiRefused

    done = 0
    step = None
    try:
        for step in apply_steps(planned, api):
            click.echo(f"[{done + 1}/{len(planned.steps)}] {described(step, planned)}", err=True)
            done += 1
    except ApiRefused as refused:
        raise CommandFailed(f"{_with_lines(refused, step, wanted)}\n{_left_after(done, len(planned.steps))}") from None
    except ApiFailed as failure:
        unknown = f"It is unknown whether step {done} of {len(planned.steps)} was done: run `watchword plan`."
        raise CommandFailed(f"{_with_lines(failure, step, wanted)}\n{unknown}") from None


def _with_lines(failure: ApiFailed, step: Step | None, wanted: WantedState) -> str:
    """The failure after the place in the file from which its step comes, and with that of each value that it names."""
    from watchword.client.planning import AddServer, ChangeServer, DeleteServer
    from watchword.client.problems import ApiRefused

    said = str(failure)
    if isinstance(failure, ApiRefused) and failure.reason == "version_stale":
        # The portal's own sentence says that nothing was changed, but earlier steps may be done.
        said = "A server was changed after the plan was made. Run apply again."
    elif isinstance(failure, ApiRefused) and isinstance(step, (AddServer, ChangeServer)):
        entry = step.wanted
        said = failure.described({error.pointer: str(entry.place_of(error.pointer[1:])) for error in failure.errors})
    if isinstance(step, (AddServer, ChangeServer)):
        return f"{step.wanted.place}: {said}"
    return f"{wanted.places['servers' if isinstance(step, DeleteServer) else 'enabled_server']}: {said}"


def _left_after(done: int, steps: int) -> str:
    return f"Step {done} of {steps} failed; the steps before it are done." if done > 1 else "Nothing was changed."


def wait_for_verifiers(
    api: ManagementApi, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Return when all verifiers that follow the feed have the newest trust of the organization.

    Raises:
        CommandFailed: some do not within `WAIT_SECONDS`, or there is none.
    """
    deadline = clock() + WAIT_SECONDS
    shown = ""
    while True:
        published = api.publication()
        progress = f"{published.up_to_date} of {published.verifiers} verifiers have revision {published.revision}."
        if progress != shown:
            click.echo(progress, err=True)
            if not shown and published.up_to_date < published.verifiers:
                # The change itself takes a second.
                click.echo("Each verifier reports its revision at its next request, within about 25 seconds.", err=True)
            shown = progress
        if published.verifiers and published.up_to_date == published.verifiers:
            return
        if clock() >= deadline:
            break
        sleep(STEP_SECONDS)
    if not published.verifiers:
        raise CommandFailed("No verifier follows the feed. The change is stored and takes effect when one does.")
    raise CommandFailed("Some verifiers do not have the change yet. They may be restarting or of an older version.")
