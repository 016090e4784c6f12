"""What the management API offers for one organization, as functions."""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Any

from watchword.client.registration import PresentServer, UnexpectedResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watchword.client.connection import Connection

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """How far the organization's trust has come.

    Attributes:
        revision: of its newest trust; None if none was published.
        verifiers: how many follow the feed.
        up_to_date: how many of them have that revision.
    """

    revision: int | None
    verifiers: int
    up_to_date: int


class ManagementApi:
    """Each function raises what `Connection.send` raises."""

    def __init__(self, connection: Connection, organization: str) -> None:
        self._connection = connection
        self.organization = organization

    def send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, if_match: str | None = None
    ) -> Document:
        """One request about this organization; the document of the response, empty if it has none."""
        return self._connection.send(method, f"/organizations/{self.organization}{path}", body, if_match=if_match) or {}

    def copy_lines(self, path: str, sink: Callable[[bytes], None]) -> None:
        """As `Connection.copy_lines`, about this organization."""
        self._connection.copy_lines(f"/organizations/{self.organization}{path}", sink)

    def items(self, path: str) -> list[Document]:
        """The items of a list that is sent whole."""
        items = self.send("GET", path).get("items")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise UnexpectedResponse
        return items

    def publication(self) -> Publication:
        """Which verifiers have the newest trust of the organization."""
        document = self.send("GET", "/publication")
        revision, verifiers, up_to_date = (document.get(name) for name in ("revision", "verifiers", "up_to_date"))
        if type(verifiers) is not int or type(up_to_date) is not int or not isinstance(revision, (int, NoneType)):
            raise UnexpectedResponse
        return Publication(revision=revision, verifiers=verifiers, up_to_date=up_to_date)

    def server_documents(self) -> list[Document]:
        return self.items("/authorization-servers")

    def servers(self) -> list[PresentServer]:
        return [PresentServer.from_json(document) for document in self.server_documents()]

    def add(self, values: Mapping[str, Any]) -> PresentServer:
        """Register a server, which is disabled at first."""
        return PresentServer.from_json(self.send("POST", "/authorization-servers", values))

    def change(self, server_id: str, version: int, values: Mapping[str, Any]) -> PresentServer:
        """Change some values, if the server still has this version."""
        changed = self.send("PATCH", _server(server_id), values, if_match=etag(server_id, version))
        return PresentServer.from_json(changed)

    def delete(self, server_id: str, version: int) -> None:
        """Delete the server, if it still has this version."""
        self.send("DELETE", _server(server_id), if_match=etag(server_id, version))

    def enable(
        self, server_id: str | None, confirmations: Mapping[str, bool], *, before: tuple[str, int] | None
    ) -> None:
        """Enable this server instead of the present one; None disables the present one.

        Args:
            server_id: which one.
            confirmations: those of its registration.
            before: id and version of the present one. If another one or version is enabled, nothing is changed.
        """
        present = etag("none", 0) if before is None else etag(*before)
        self.send("PUT", "/enabled-server", {"id": server_id, **confirmations}, if_match=present)

    def refresh(self, server_id: str) -> None:
        """Have its key set fetched now."""
        self.send("POST", f"{_server(server_id)}/refresh")

    def validate(self, values: Mapping[str, Any]) -> Document:
        """What a fetch of a key set finds. Nothing is saved."""
        return self.send("POST", "/authorization-server-validations", values)


def etag(identity: str | int, version: int) -> str:
    """The ETag by which the API names one version of an object."""
    return f'"{identity}.{version}"'


def _server(server_id: str) -> str:
    return f"/authorization-servers/{server_id}"
