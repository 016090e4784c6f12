"""servers.yaml: reading it with the line of each fault, and writing it from the present state. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchword.client.registration import CONFIRMATIONS, EXPECTED, FIELDS, MAX_SERVERS, Registration, faults_of
from watchword.client.typed_members import (
    Faults,
    MembersReader,
    ValueRefused,
    flag,
    identifier,
    items,
    text,
    text_or_null,
)
from watchword.client.yaml_reading import Fault, FileRefused, Node, Place, read_yaml
from watchword.client.yaml_writing import visible, write_yaml
from watchword.jwks.problem import Problem
from watchword.outbound.address import LocationRefused, parse_location
from watchword.outbound.ca_bundle import CaBundleRefused, read_ca_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from watchword.client.registration import PresentServer


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedServer:
    """One entry of `servers`.

    Attributes:
        id: in its usual form; None if the file has none.
        confirmations: those of `CONFIRMATIONS` that are true.
        places: of the members that the file has.
    """

    place: Place
    id: str | None
    registration: Registration
    confirmations: tuple[str, ...]
    places: Mapping[str, Place]

    @property
    def name(self) -> str:
        return self.registration.name

    def place_of(self, member: str) -> Place:
        """Of a member, or of the entry if the file leaves the member out."""
        return self.places.get(member, self.place)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedState:
    """A whole file.

    Attributes:
        organization: whose servers these are; None if the file does not say so.
        enabled: the name of one of `servers`, or None.
        places: of the members that the file has.
    """

    organization: str | None
    servers: tuple[WantedServer, ...]
    enabled: str | None
    places: Mapping[str, Place]


def read_servers_file(octets: bytes, *, file: str) -> WantedState:
    """Read a file strictly; docs/plan-and-apply.md describes it.

    Raises:
        FileRefused: with all faults that were found, in the file's order.
    """
    faults = Faults()
    unreadable: list[Fault] = []
    state = _state(read_yaml(octets, file=file, faults=unreadable), faults)
    # The first fault of a place explains the others.
    places = {fault.place for fault in unreadable}
    found = unreadable + [fault for fault in faults.found if fault.place not in places]
    if found:
        raise FileRefused(*sorted(found, key=lambda fault: fault.place))
    return state


def write_servers_file(organization: str, servers: Sequence[PresentServer]) -> str:
    """The file that describes the present state: a plan with it has nothing to do."""
    entries = []
    for server in sorted(servers, key=lambda server: server.name.lower()):
        entry: dict[str, str | bool | None] = {"id": server.id, **server.registration.as_json()}
        needed = server.confirmation or (None if any(map(entry.get, EXPECTED)) else CONFIRMATIONS[0])
        if needed is not None:
            # An administrator has confirmed it; without this the file could not be applied again.
            entry[needed] = True
        entries.append(entry)
    enabled = next((server.name for server in servers if server.enabled), None)
    return write_yaml({"organization": organization, "enabled_server": enabled, "servers": entries})


def _state(root: Node, faults: Faults) -> WantedState:
    members = MembersReader(root, "The file", known=("organization", "enabled_server", "servers"), faults=faults)
    organization = members.optional("organization", text, default=None)
    none: tuple[Node, ...] = ()
    entries = members.required("servers", items, without=none)
    servers = tuple(_server(entry, faults) for entry in entries)
    if len(servers) > MAX_SERVERS:
        faults.note(servers[MAX_SERVERS].place, f"An organization can have at most {MAX_SERVERS} servers.")
    _refuse_twice("id", servers, lambda server: server.id, faults)
    # The API compares names in the same way.
    _refuse_twice("name", servers, lambda server: server.name.lower(), faults)
    enabled = members.required(
        "enabled_server", text_or_null, without=None, hint=" Write the name of a server, or null for none."
    )
    # A server with a fault may lack its name.
    if not faults.found and enabled is not None and enabled not in {server.name for server in servers}:
        faults.note(
            members.places["enabled_server"],
            f"enabled_server {visible(enabled)} is not the name of a server in this file.",
        )
    return WantedState(organization=organization, servers=servers, enabled=enabled, places=members.places)


def _server(entry: Node, faults: Faults) -> WantedServer:
    read = MembersReader(entry, "A server", known=("id", *FIELDS, *CONFIRMATIONS), faults=faults)
    # Forgetting one of these must not widen what is accepted.
    hint = " Write null to accept any value."
    registration = Registration(
        name=read.required("name", text, without=""),
        description=read.optional("description", text, default=""),
        jwks_location=read.required("jwks_location", _location, without=""),
        verify_certificate=read.optional("verify_certificate", flag, default=True),
        ca_bundle=read.optional("ca_bundle", _ca_bundle, default=None),
        issuer=read.required("issuer", text_or_null, without=None, hint=hint),
        audience=read.required("audience", text_or_null, without=None, hint=hint),
        client_id=read.required("client_id", text_or_null, without=None, hint=hint),
        accepts_bound_tokens=read.optional("accepts_bound_tokens", flag, default=False),
        required_role=read.optional("required_role", text_or_null, default=None),
    )
    server = WantedServer(
        place=entry.place,
        id=read.optional("id", identifier, default=None),
        registration=registration,
        confirmations=tuple(name for name in CONFIRMATIONS if read.optional(name, flag, default=False)),
        places=read.places,
    )
    for member, sentence in faults_of(registration, server.confirmations).items():
        # Whether any token would be accepted is unknown while one of the three values is.
        if member not in read.refused and not (member in EXPECTED and read.refused & {*EXPECTED}):
            faults.note(server.place_of(member), f"{member} {sentence}")
    return server


def _location(node: Node) -> str:
    """In the form in which the API stores and compares it."""
    try:
        return parse_location(text(node)).url
    except LocationRefused as refused:
        problem = Problem.of(refused.failure)
        raise ValueRefused(f"is refused: {problem.sentence} {problem.fix}") from None


def _ca_bundle(node: Node) -> str | None:
    """In the form in which the API stores and compares certificates."""
    written = text_or_null(node)
    try:
        return None if written is None else read_ca_bundle(written).pem
    except CaBundleRefused as refused:
        raise ValueRefused(f"is refused: {refused.sentence}") from None


def _refuse_twice(
    member: str, servers: Sequence[WantedServer], value_of: Callable[[WantedServer], str | None], faults: Faults
) -> None:
    lines: dict[str, int] = {}
    for server in servers:
        value, place = value_of(server), server.place_of(member)
        if value and value in lines:
            faults.note(place, f"The server in line {lines[value]} has the same {member}.")
        elif value:
            lines[value] = place.line
