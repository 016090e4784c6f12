"""The gateways with a shipped configuration, their handling of a verifier's responses, and a site behind each."""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from kit import live
from kit.asgi import asgi
from kit.behind import DOMAIN, Behind
from kit.caddy import caddy
from kit.envoy import envoy, envoy_over_grpc
from kit.feed_server import feed_server
from kit.haproxy import haproxy
from kit.nginx import nginx
from kit.orders_api import orders_api
from kit.processes import free_port
from kit.raw_http import exchange
from kit.secret_file import secret_file
from kit.traefik import traefik
from kit.verifier_process import verifier_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from kit.behind import Routing
    from kit.client import Answer
    from kit.feed_server import FeedServer
    from kit.orders_api import OrdersApi
    from kit.verifier_process import VerifierProcess


METADATA = "/.well-known/oauth-protected-resource"

SECRET = "+a-secret/of=gateways.and_the~verifier="
"""With every mark that a secret may have: none of them means anything to any gateway."""


WITHOUT_VERIFIER: Final = HTTPStatus.SERVICE_UNAVAILABLE
"""The status when nothing listens at the verifiers' addresses, and when they do not answer."""

PATIENCE_SECONDS: Final = 2
"""What all tries of one request may take together."""


@dataclass(frozen=True)
class Gateway:
    """What a client gets, as docs/gateways.md says. 400, 401 and 403 are the same everywhere.

    Attributes:
        label: as in docs/gateways.md.
        serve: runs it in front of an API.
        particular: whether a 200 counts only with this organization's name.
        trailers: whether the API gets a client's trailers.
        pinned: whether its settings are for Acme only.
        documents: statuses of its own responses, without a verifier, that have the common headers and document.
    """

    label: str
    serve: Callable[..., AbstractContextManager[int]]
    particular: bool = False
    trailers: bool = False
    pinned: bool = True
    documents: tuple[int, ...] = (400, 404, 503)

    def run(
        self, folder: Path, behind: Behind, *, routing: Routing = "host", instead: Mapping[str, str] | None = None
    ) -> AbstractContextManager[int]:
        """Run it with its settings; yields its port on loopback.

        Args:
            folder: of its own.
            behind: the API and the verifiers.
            routing: how requests name their organization.
            instead: replacements of its lines, for gateways that use a client certificate.
        """
        more = {} if instead is None else {"instead": instead}
        return self.serve(folder, behind, routing=routing, **more)


GATEWAYS = {
    "nginx": Gateway("nginx", nginx, pinned=False),
    "traefik": Gateway("Traefik", traefik, pinned=False, documents=()),
    "caddy": Gateway("Caddy", caddy, particular=True, pinned=False),
    "envoy": Gateway("Envoy", envoy, particular=True, pinned=False),
    "envoy-grpc": Gateway("Envoy over gRPC", envoy_over_grpc, pinned=False),
    "haproxy": Gateway("HAProxy", haproxy, particular=True, trailers=True, pinned=False),
    "python": Gateway("Python", asgi, particular=True),
}


@dataclass(frozen=True)
class Site:
    """Everything between a client and the API.

    Attributes:
        gateway, port: the address for clients.
        behind: the API and the verifiers.
        routing: how a request names its organization.
        patient: whether a 503 is retried once. A bad token may wait for a rotated key, almost as long as a gateway's
            try, which is too long on a busy machine. Tests of failing verifiers are not patient.
    """

    gateway: Gateway
    port: int
    behind: Behind
    routing: Routing = "host"
    patient: bool = False

    @property
    def api(self) -> OrdersApi:
        return self.behind.api

    def host(self, organization: str = "acme") -> str:
        """The Host header of requests to the API of one organization."""
        name = f"{organization}.{DOMAIN}" if self.routing == "host" else DOMAIN
        return f"{name}:{self.port}"

    def target(self, path: str, organization: str = "acme") -> str:
        """The request target of `path` of the API of one organization."""
        return f"/o/{organization}{path}" if self.routing == "path" else path

    def document(self, organization: str = "acme", suffix: str = "") -> str:
        """Where clients of one organization learn where to get a token (RFC 9728 section 3.1)."""
        if self.gateway.pinned:
            return f"{METADATA}/{organization}{suffix}"
        return f"{METADATA}/o/{organization}{suffix}" if self.routing == "path" else f"{METADATA}{suffix}"

    def send(self, *lines: str, path: str = "/api/orders", organization: str = "acme", timeout: float = 30.0) -> Answer:
        """One request with exactly these header lines."""
        return self.send_target(
            *lines, target=self.target(path, organization), host=self.host(organization), timeout=timeout
        )

    def send_target(self, *lines: str, target: str, host: str, method: str = "GET", timeout: float = 30.0) -> Answer:
        """One request with exactly this target and this Host header."""
        head = (f"{method} {target} HTTP/1.1", f"Host: {host}", *lines, "", "")
        answer = exchange(self.port, "\r\n".join(head), timeout=timeout)
        if answer.status == HTTPStatus.SERVICE_UNAVAILABLE and self.patient:
            answer = exchange(self.port, "\r\n".join(head), timeout=timeout)
        return answer

    def get(
        self,
        token: str | None = None,
        *lines: str,
        path: str = "/api/orders",
        organization: str = "acme",
        timeout: float = 30.0,
    ) -> Answer:
        bearer = () if token is None else (f"Authorization: Bearer {token}",)
        return self.send(*bearer, *lines, path=path, organization=organization, timeout=timeout)


@contextmanager
def backends(
    folder: Path, *, secret: str = "", at: tuple[int, int] | None = None, **settings: str
) -> Iterator[tuple[Behind, FeedServer, VerifierProcess]]:
    """An API, and a verifier that knows Acme.

    Args:
        folder: of its own.
        secret: that the verifier requires of gateways; none if empty.
        at: its ports for HTTP and gRPC; free ones by default.
        settings: further settings of the verifier.
    """
    if secret:
        settings["gateway_secret_file"] = str(secret_file(folder / "secret", secret))
    port, grpc_port = at or (free_port(), free_port())
    with ExitStack() as parts:
        feed = parts.enter_context(feed_server())
        feed.publish(live.trust(), live.trust(organization="globex", suspended=True))
        # Traefik asks in the same way about all organizations.
        settings = {"traefik_routing": "host", "api_domain": DOMAIN, **settings}
        told = {**settings, "port": str(port), "grpc_port": str(grpc_port)}
        verifier = parts.enter_context(verifier_process(folder, feed_port=feed.port, ready=True, **told))
        api = parts.enter_context(orders_api())
        yield Behind(api, (verifier.port,) * 2, (grpc_port,) * 2, secret), feed, verifier


@contextmanager
def all_sites(folder: Path, behind: Behind) -> Iterator[dict[str, Site]]:
    """Every gateway in front of the same API and verifier."""
    with ExitStack() as parts:
        running: dict[str, Site] = {}
        for name, gateway in GATEWAYS.items():
            (folder / name).mkdir()
            running[name] = Site(gateway, parts.enter_context(gateway.run(folder / name, behind)), behind)
        yield running


def identity_at_api(answer: Answer) -> dict[str, list[str]]:
    """The headers that some API could read as an identity, with any character instead of the hyphens."""
    assert answer.status == 200, answer
    seen: dict[str, list[str]] = {}
    for name, value in answer.json()["headers"]:
        folded = re.sub(r"[^a-z0-9]", "-", name.lower())
        if folded.startswith("x-auth-"):
            seen.setdefault(folded, []).append(value)
    return seen
