"""Verifiers behind gateways for many organizations, in each routing, and the tokens of these organizations."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from kit import forge, live
from kit.behind import CLOUD, DOMAIN, Behind
from kit.gateways import GATEWAYS, Site, identity_at_api
from kit.orders_api import orders_api
from kit.processes import free_port
from kit.verifier_process import verifier_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.behind import Routing
    from kit.client import Answer
    from kit.feed_server import FeedServer

SHARED = [name for name, gateway in GATEWAYS.items() if not gateway.pinned]
"""The gateways that serve all organizations."""

# Under one name: a token with an unpublished name would wait for a rotation.
KEYS = {"acme": live.KEY} | {
    name: forge.rsa_key(name).named(str(live.KEY.kid)) for name in ("globex", "initech", "new-customer-2")
}


def trust_of(organization: str, **changes: Any) -> Any:
    return live.trust(KEYS[organization], organization=organization, **changes)


def token_of(organization: str, *, signed_by: str | None = None, **changes: Any) -> str:
    """A token of one organization; its scope names the organization too."""
    scope = f"orders:read {CLOUD}::{organization}::reader"
    return live.token(KEYS[signed_by or organization], **{"scope": scope, **changes})


def organization_of(answer: Answer) -> str:
    """The organization that the API sees."""
    (organization,) = identity_at_api(answer)["x-auth-organization"]
    return organization


class Routed:
    """One API, a verifier for each routing, and sites as tests need them.

    Traefik's routing is a setting of the verifier.
    """

    def __init__(self, folder: Path, feed: FeedServer, parts: ExitStack) -> None:
        self._folder, self._parts = folder, parts
        self._sites: dict[tuple[str, Routing], Site] = {}
        api = parts.enter_context(orders_api())
        first = self._verifier(feed, "host", f"https://{{organization}}.{DOMAIN}")
        second = self._verifier(feed, "path", f"https://{DOMAIN}/o/{{organization}}")
        third = self._verifier(feed, "token", f"https://{DOMAIN}")
        by_host, by_path, by_token = (Behind(api, (port,) * 2, (grpc,) * 2) for port, grpc in (first, second, third))
        self.behind: dict[Routing, Behind] = {"host": by_host, "path": by_path, "token": by_token}

    def _verifier(self, feed: FeedServer, routing: Routing, api_url: str) -> tuple[int, int]:
        folder, grpc_port = self._folder / f"verifier-by-{routing}", free_port()
        folder.mkdir()
        settings: dict[str, str] = {"cloud_name": CLOUD, "api_url": api_url, "grpc_port": str(grpc_port)}
        if routing != "token":
            settings |= {"api_domain": DOMAIN, "traefik_routing": routing}
        verifier = verifier_process(folder, feed_port=feed.port, ready=True, **settings)
        return self._parts.enter_context(verifier).port, grpc_port

    def folder(self, name: str, routing: Routing) -> Path:
        """The folder of the gateway's settings."""
        return self._folder / f"{name}-by-{routing}"

    def site(self, name: str, routing: Routing) -> Site:
        """The gateway in front of the API; it runs until the end."""
        if (name, routing) not in self._sites:
            folder = self.folder(name, routing)
            folder.mkdir()
            gateway, behind = GATEWAYS[name], self.behind[routing]
            port = self._parts.enter_context(gateway.run(folder, behind, routing=routing))
            self._sites[name, routing] = Site(gateway, port, behind, routing, patient=True)
        return self._sites[name, routing]


@contextmanager
def routed_sites(folder: Path, feed: FeedServer) -> Iterator[Routed]:
    with ExitStack() as parts:
        yield Routed(folder, feed, parts)
