"""Does the steps of a plan, one after another. Stops at the first one that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from watchword.client.planning import AddServer, ChangeServer, DeleteServer, SwitchEnabled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watchword.client.planning import Plan, Step
    from watchword.client.registration import PresentServer
    from watchword.client.servers_file import WantedServer


class Servers(Protocol):
    """What the management API can do with one organization's servers."""

    def add(self, values: Mapping[str, Any]) -> PresentServer: ...

    def change(self, server_id: str, version: int, values: Mapping[str, Any]) -> PresentServer: ...

    def delete(self, server_id: str, version: int) -> None: ...

    def enable(
        self, server_id: str | None, confirmations: Mapping[str, bool], *, before: tuple[str, int] | None
    ) -> None: ...


def apply_steps(plan: Plan, servers: Servers) -> Iterator[Step]:
    """Do the steps; yields each one before it is done, so that the caller knows which one failed.

    Each step names the version that the plan saw or that a step before left: a change that another administrator made
    meanwhile is not overwritten.

    Raises:
        ApiRefused: a step was refused.
    """
    versions = {server.id: server.version for server in plan.present}
    ids = {name: server.id for name, server in plan.matches.items()}
    for step in plan.steps:
        yield step
        match step:
            case AddServer(wanted=wanted):
                added = servers.add(wanted.registration.as_json() | _confirmed(wanted))
                ids[wanted.name], versions[added.id] = added.id, added.version
            case ChangeServer(server=server, wanted=wanted):
                values = {name: after for name, (_, after) in step.changes.items()}
                changed = servers.change(server.id, versions[server.id], values | _confirmed(wanted))
                versions[server.id] = changed.version
            case DeleteServer(server=server):
                servers.delete(server.id, versions[server.id])
            case SwitchEnabled(before=before, target=target):
                target_id = None if target is None else ids[target.name]
                replaced = None if before is None else (before.id, versions[before.id])
                servers.enable(target_id, {} if target is None else _confirmed(target), before=replaced)
                # To disable and to enable a server are changes of it.
                for server_id in (None if before is None else before.id, target_id):
                    if server_id is not None:
                        versions[server_id] += 1


def _confirmed(wanted: WantedServer) -> dict[str, bool]:
    return dict.fromkeys(wanted.confirmations, True)
