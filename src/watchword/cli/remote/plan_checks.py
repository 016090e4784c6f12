"""What `plan` and `apply` ask the portal before the first step, so that a mistake in the file changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.cli.output import CommandFailed

if TYPE_CHECKING:
    from watchword.client.management_api import ManagementApi
    from watchword.client.planning import Plan

_KEY_SOURCE = ("jwks_location", "verify_certificate", "ca_bundle")
_FORBIDDEN = 403


def check_roles(api: ManagementApi, planned: Plan) -> None:
    """Refuse a newly required API role that does not exist, if the client may read API roles.

    Raises:
        FileRefused: with each such role.
    """
    from watchword.client.planning import AddServer, ChangeServer
    from watchword.client.problems import ApiRefused
    from watchword.client.yaml_reading import Fault, FileRefused
    from watchword.client.yaml_writing import visible

    required = [
        step.wanted
        for step in planned.steps
        if isinstance(step, AddServer) or (isinstance(step, ChangeServer) and "required_role" in step.changes)
        if step.wanted.registration.required_role is not None
    ]
    if not required:
        return
    try:
        names = {role.get("name") for role in api.items("/api-roles")}
    except ApiRefused as refused:
        if refused.status != _FORBIDDEN:
            raise
        return
    faults = [
        Fault(
            wanted.place_of("required_role"),
            f"There is no API role {visible(str(wanted.registration.required_role))}. `watchword roles list` shows "
            "those that exist.",
        )
        for wanted in required
        if wanted.registration.required_role not in names
    ]
    if faults:
        raise FileRefused(*faults)


def check_key_sources(api: ManagementApi, planned: Plan) -> None:
    """Before a server is deleted: validate each new key source, because the registration could fail after that.

    Raises:
        FileRefused: with each one that cannot be used, at its line.
    """
    from watchword.client.planning import AddServer, ChangeServer, DeleteServer
    from watchword.client.yaml_reading import Fault, FileRefused

    if not any(isinstance(step, DeleteServer) for step in planned.steps):
        return
    faults = []
    for step in planned.steps:
        if isinstance(step, AddServer) or (isinstance(step, ChangeServer) and step.changes.keys() & {*_KEY_SOURCE}):
            found = api.validate({name: getattr(step.wanted.registration, name) for name in _KEY_SOURCE})
            if not found["succeeded"]:
                faults.append(Fault(step.wanted.place_of("jwks_location"), _failure(found["steps"])))
    if faults:
        raise FileRefused(*faults)


def _failure(steps: list[dict[str, str]]) -> str:
    from watchword.client.yaml_writing import printable

    failed = next((step for step in steps if step.get("outcome") == "failed"), {})
    found = " ".join(printable(failed[part]) for part in ("detail", "fix") if failed.get(part))
    return f"No keys can be fetched from jwks_location. {found} Nothing was changed."


def check_unchanged(api: ManagementApi, planned: Plan) -> None:
    """Read all versions again: time has passed at the question.

    Raises:
        CommandFailed: a server was changed, added, deleted, enabled or disabled after the plan was made.
    """
    before = {server.id: server for server in planned.present}
    now = {server.id: server for server in api.servers()}
    for server_id in [*before, *(server_id for server_id in now if server_id not in before)]:
        server = before.get(server_id) or now[server_id]
        if server_id not in now:
            what = "deleted"
        elif server_id not in before:
            what = "added"
        elif now[server_id].version != server.version:
            what = "changed"
        else:
            continue
        raise CommandFailed(f"{server.name} was {what} after the plan was made. Run apply again.")
