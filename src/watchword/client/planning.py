"""What must be done so that the present state becomes the one of a file. Pure.

A server of the file is the registered one with its id, otherwise the one with its name: so a file that was written
before a server was deleted and registered again still matches it. Registered servers that the file does not have are
deleted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from watchword.client.registration import FIELDS, MAX_SERVERS
from watchword.outbound.address import masked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword.client.registration import PresentServer, Registration
    from watchword.client.servers_file import WantedServer, WantedState

Value = str | bool | None

_TEMPORARY_NAME: Final = "Renaming"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddServer:
    wanted: WantedServer


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeServer:
    """Attributes: `registration` has the values after this step."""

    server: PresentServer
    registration: Registration
    wanted: WantedServer

    @property
    def changes(self) -> dict[str, tuple[Value, Value]]:
        """The values before and after, by field."""
        before, after = self.server.registration, self.registration
        pairs = {name: (getattr(before, name), getattr(after, name)) for name in FIELDS}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteServer:
    server: PresentServer


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchEnabled:
    """Make `target` the enabled server, None for none. `before`: the one that is enabled now."""

    before: PresentServer | None
    target: WantedServer | None


Step = AddServer | ChangeServer | DeleteServer | SwitchEnabled


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The steps, in their order.

    Attributes:
        present: the registered servers.
        matches: those of them that the file has, by the name of its entry.
    """

    steps: tuple[Step, ...]
    present: tuple[PresentServer, ...]
    matches: dict[str, PresentServer]

    @property
    def enabled_now(self) -> PresentServer | None:
        return _enabled(self.present)

    def title(self, server: PresentServer) -> str:
        """A registered server's name, with the one that it gets if this plan renames it."""
        new = next((name for name, match in self.matches.items() if match.id == server.id), server.name)
        return server.name if new == server.name else f"{server.name} (now {new})"

    @property
    def touches_enabled(self) -> bool:
        """Whether a token of the server that is enabled now may be refused afterwards."""
        return any(self._touches_enabled(step) for step in self.steps)

    def _touches_enabled(self, step: Step) -> bool:
        if self.enabled_now is None or isinstance(step, AddServer):
            return False
        if isinstance(step, SwitchEnabled):
            return True
        if isinstance(step, ChangeServer) and not step.changes.keys() - {"name", "description"}:
            return False
        return step.server.id == self.enabled_now.id


def plan(present: Sequence[PresentServer], wanted: WantedState) -> Plan:
    """The steps in an order in which each is possible.

    At any time, names are unique without regard to capitals and there are at most `MAX_SERVERS`. The enabled server is
    switched as late as possible, but before the old one is deleted, so that clients keep their access. If there is no
    room for both, the registration of the old one is changed into the new one: nothing is lost if that is refused.
    """
    matches = _matched(present, wanted.servers)
    matches |= _changed_in_place(present, wanted, matches)
    return Plan(steps=tuple(_Ordering(present, wanted, matches).steps()), present=tuple(present), matches=matches)


def _enabled(present: Sequence[PresentServer]) -> PresentServer | None:
    return next((server for server in present if server.enabled), None)


def _matched(present: Sequence[PresentServer], wanted: Sequence[WantedServer]) -> dict[str, PresentServer]:
    by_id = {server.id: server for server in present}
    matches = {server.name: by_id.pop(server.id) for server in wanted if server.id in by_id}
    by_name = {server.name.lower(): server for server in by_id.values()}
    for server in wanted:
        if server.name not in matches and server.name.lower() in by_name:
            matches[server.name] = by_name[server.name.lower()]
    return matches


def _changed_in_place(
    present: Sequence[PresentServer], wanted: WantedState, matches: dict[str, PresentServer]
) -> dict[str, PresentServer]:
    """The enabled server for the one that is to be enabled, if it would have to be deleted before that one is added."""
    enabled = _enabled(present)
    kept = {server.id for server in matches.values()}
    leaving = [server for server in present if server.id not in kept]
    arrives = wanted.enabled is not None and wanted.enabled not in matches
    if enabled is None or leaving != [enabled] or len(present) < MAX_SERVERS or not arrives:
        return {}
    return {str(wanted.enabled): enabled}


def _values(wanted: WantedServer, server: PresentServer) -> Registration:
    """The values of the file. The API hides the query of a location from clients that may only read."""
    location = server.registration.jwks_location
    if masked(wanted.registration.jwks_location) == location:
        return replace(wanted.registration, jwks_location=location)
    return wanted.registration


class _Ordering:
    def __init__(
        self, present: Sequence[PresentServer], wanted: WantedState, matches: dict[str, PresentServer]
    ) -> None:
        self._matches = matches
        self._enabled_now = _enabled(present)
        self._target = next((server for server in wanted.servers if server.name == wanted.enabled), None)
        kept = {server.id for server in matches.values()}
        self._leaving = [server for server in present if server.id not in kept]
        self._arriving = [server for server in wanted.servers if server.name not in matches]
        # The server to be enabled comes first: then access is switched before an old one must leave its place.
        self._arriving.sort(key=lambda server: server is not self._target)
        self._changing = [server for server in wanted.servers if server.name in matches]
        self._names = {server.name.lower(): server.id for server in present}

    def steps(self) -> list[Step]:
        steps: list[Step] = [self._delete(server) for server in self._leaving if not server.enabled]
        changes, renames = self._changes()
        steps += [*changes, *self._additions(), *self._switch()]
        steps += [self._delete(server) for server in self._leaving if server.enabled]
        return [*steps, *self._additions(), *renames]

    def _delete(self, server: PresentServer) -> DeleteServer:
        del self._names[server.name.lower()]
        return DeleteServer(server=server)

    def _changes(self) -> tuple[list[Step], list[Step]]:
        """The changes, and those renames that must wait until another server has left the name."""
        changes: list[Step] = []
        renames: list[Step] = []
        waiting = list(self._changing)
        while waiting:
            free = next((server for server in waiting if self._is_free_for(server)), None)
            wanted = waiting[0] if free is None else free
            waiting.remove(wanted)
            server = self._matches[wanted.name]
            values = _values(wanted, server)
            if free is None:
                values = replace(values, name=f"{_TEMPORARY_NAME}{server.id.replace('-', '')[:16]}")
                renamed = replace(server, registration=values)
                renames.append(
                    ChangeServer(server=renamed, registration=replace(values, name=wanted.name), wanted=wanted)
                )
            if server.registration != values:
                changes.append(ChangeServer(server=server, registration=values, wanted=wanted))
            del self._names[server.name.lower()]
            self._names[values.name.lower()] = server.id
        return changes, renames

    def _is_free_for(self, wanted: WantedServer) -> bool:
        return self._names.get(wanted.name.lower()) in {None, self._matches[wanted.name].id}

    def _additions(self) -> list[Step]:
        steps: list[Step] = []
        while self._arriving and len(self._names) < MAX_SERVERS and self._arriving[0].name.lower() not in self._names:
            wanted = self._arriving.pop(0)
            self._names[wanted.name.lower()] = wanted.name
            steps.append(AddServer(wanted=wanted))
        return steps

    def _switch(self) -> list[Step]:
        match = None if self._target is None else self._matches.get(self._target.name)
        before = self._enabled_now
        if before == match and (self._target is None or match is not None):
            return []
        return [SwitchEnabled(before=before, target=self._target)]
