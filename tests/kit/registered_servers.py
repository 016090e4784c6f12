"""An organization's servers in memory, for the pure planner: what the management API would refuse, it refuses, too."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from watchword.client.registration import MAX_SERVERS, PresentServer, Registration

if TYPE_CHECKING:
    from collections.abc import Mapping


def registration(name: str = "ProdOkta", **changes: Any) -> Registration:
    values: dict[str, Any] = {
        "name": name,
        "description": "",
        "jwks_location": "https://keys.acme.example/jwks",
        "verify_certificate": True,
        "accepts_bound_tokens": False,
        "ca_bundle": None,
        "issuer": "https://acme.example",
        "audience": None,
        "client_id": None,
        "required_role": None,
    }
    return Registration(**{**values, **changes})


def present(name: str = "ProdOkta", *, enabled: bool = False, **changes: Any) -> PresentServer:
    server_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
    return PresentServer(id=server_id, version=1, enabled=enabled, registration=registration(name, **changes))


@dataclass
class RegisteredServers:
    """`without_access`: how often no server was enabled after a step."""

    servers: dict[str, PresentServer] = field(default_factory=dict)
    without_access: int = 0

    def add(self, values: Mapping[str, Any]) -> PresentServer:
        server = PresentServer(id=str(uuid.uuid4()), version=1, enabled=False, registration=self._read(values, None))
        assert len(self.servers) < MAX_SERVERS
        return self._store(server)

    def change(self, server_id: str, version: int, values: Mapping[str, Any]) -> PresentServer:
        server = self._find(server_id, version)
        assert values
        changed = self._read({**server.registration.as_json(), **values}, server_id)
        return self._store(replace(server, version=version + 1, registration=changed))

    def delete(self, server_id: str, version: int) -> None:
        del self.servers[self._find(server_id, version).id]
        self._count()

    def enable(
        self, server_id: str | None, confirmations: Mapping[str, bool], *, before: tuple[str, int] | None
    ) -> None:
        assert before == next(((server.id, server.version) for server in self.servers.values() if server.enabled), None)
        assert set(confirmations.values()) <= {True}
        assert server_id is None or server_id in self.servers
        for server in [*self.servers.values()]:
            if server.enabled != (server.id == server_id):
                self._store(replace(server, enabled=not server.enabled, version=server.version + 1))
        self._count()

    def _count(self) -> None:
        self.without_access += not any(server.enabled for server in self.servers.values())

    def _store(self, server: PresentServer) -> PresentServer:
        self.servers[server.id] = server
        return server

    def _find(self, server_id: str, version: int) -> PresentServer:
        server = self.servers[server_id]
        assert server.version == version
        return server

    def _read(self, values: Mapping[str, Any], server_id: str | None) -> Registration:
        fields = {name: value for name, value in values.items() if not name.startswith("confirm_")}
        others = [server.name.lower() for server in self.servers.values() if server.id != server_id]
        assert fields["name"].lower() not in others
        assert fields["name"].isalnum()
        return Registration(**fields)
