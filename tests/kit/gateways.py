"""The gateways that there are settings for, what each makes of a verifier's answers, and a site behind each."""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kit import live
from kit.asgi import asgi
from kit.caddy import caddy
from kit.envoy import envoy, envoy_over_grpc
from kit.feed_server import feed_server
from kit.haproxy import haproxy
from kit.nginx import nginx, protecting
from kit.orders_api import orders_api
from kit.processes import free_port
from kit.raw_http import exchange
from kit.traefik import traefik
from kit.verifier_process import verifier_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from kit.client import Answer
    from kit.feed_server import FeedServer
    from kit.orders_api import OrdersApi
    from kit.verifier_process import VerifierProcess


SECRET = "+a-secret/of=gateways.and_the~verifier="
"""With every mark that a secret may have: none of them means anything to any gateway."""


@dataclass(frozen=True)
class Gateway:
    """What a client gets, as docs/gateways.md says it. 401 and 403 are the same everywhere.

    Attributes:
        label: as in docs/gateways.md.
        serve: runs it in front of an API.
        over_grpc: whether it asks the verifier's other listener.
        malformed: status for an Authorization header of another form.
        undecidable: status when the verifier says that it cannot decide.
        down: status when nothing listens at the verifier's address.
        frozen: status when the verifier does not answer.
        patience: seconds until then.
        problem: whether the problem document of a 401 or 403 reaches the client.
        says_why_undecidable: the same for a 503, with its Retry-After.
        particular: whether a 200 counts only with this organization's name.
        trailers: whether the API gets what a client sends behind a chunked body.
    """

    label: str
    serve: Callable[..., AbstractContextManager[int]]
    over_grpc: bool = False
    malformed: int = 400
    undecidable: int = 503
    down: int = 503
    frozen: int = 503
    patience: int = 2
    problem: bool = True
    says_why_undecidable: bool = True
    particular: bool = False
    trailers: bool = False

    def run(
        self, folder: Path, behind: Behind, *, instead: Mapping[str, str] | None = None
    ) -> AbstractContextManager[int]:
        """Run it with its settings; yields its port on loopback.

        Args:
            folder: of its own.
            behind: what it is put in front of.
            instead: other lines than its own, for those gateways that take a client certificate.
        """
        ports = {"api_port": behind.api.port, "verifier_port": behind.verifier_port}
        over_grpc = {"grpc_port": behind.grpc_port} if self.over_grpc else {}
        more = {} if instead is None else {"instead": instead}
        return self.serve(folder, **ports, **over_grpc, **more, secret=behind.secret)


GATEWAYS = {
    "nginx": Gateway(
        "nginx", nginx, malformed=401, undecidable=403, down=500, frozen=500, problem=False, says_why_undecidable=False
    ),
    "nginx-files": Gateway("nginx, shipped files", protecting),
    "traefik": Gateway("Traefik", traefik, down=500, frozen=500, patience=30),
    "caddy": Gateway("Caddy", caddy, down=502, frozen=504),
    "envoy": Gateway("Envoy", envoy, says_why_undecidable=False),
    "envoy-grpc": Gateway("Envoy over gRPC", envoy_over_grpc, over_grpc=True),
    "haproxy": Gateway("HAProxy", haproxy, particular=True, trailers=True, patience=8),
    "python": Gateway("Python", asgi, particular=True),
}


@dataclass(frozen=True)
class Behind:
    """What gateways are put in front of: an API, and where a verifier is or ought to be."""

    api: OrdersApi
    verifier_port: int
    grpc_port: int
    secret: str = ""


@dataclass(frozen=True)
class Site:
    """Everything between a client and the API."""

    gateway: Gateway
    port: int
    behind: Behind

    @property
    def api(self) -> OrdersApi:
        return self.behind.api

    def send(self, *lines: str, path: str = "/api/orders", timeout: float = 30.0) -> Answer:
        """One request with exactly these header lines."""
        head = (f"GET {path} HTTP/1.1", f"Host: api.example:{self.port}", *lines, "", "")
        return exchange(self.port, "\r\n".join(head), timeout=timeout)

    def get(self, token: str | None = None, *lines: str, path: str = "/api/orders", timeout: float = 30.0) -> Answer:
        bearer = () if token is None else (f"Authorization: Bearer {token}",)
        return self.send(*bearer, *lines, path=path, timeout=timeout)


@contextmanager
def backends(
    folder: Path, *, secret: str = "", at: tuple[int, int] | None = None, **settings: str
) -> Iterator[tuple[Behind, FeedServer, VerifierProcess]]:
    """An API, and a verifier that knows Acme.

    Args:
        folder: of its own.
        secret: what the verifier demands of gateways; nothing if empty.
        at: the ports where it listens for HTTP and for gRPC; free ones if left out.
        settings: further ones of the verifier.
    """
    if secret:
        (folder / "secret").write_text(secret)
        settings["gateway_secret_file"] = str(folder / "secret")
    port, grpc_port = at or (free_port(), free_port())
    with ExitStack() as parts:
        feed = parts.enter_context(feed_server())
        feed.publish(live.trust(), live.trust(organization="globex", suspended=True))
        told = {**settings, "port": str(port), "grpc_port": str(grpc_port)}
        verifier = parts.enter_context(verifier_process(folder, feed_port=feed.port, ready=True, **told))
        api = parts.enter_context(orders_api())
        yield Behind(api, verifier.port, grpc_port, secret), feed, verifier


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
    """The headers that an API could take for an identity: some read whatever is no letter or digit as a hyphen."""
    assert answer.status == 200, answer
    seen: dict[str, list[str]] = {}
    for name, value in answer.json()["headers"]:
        folded = re.sub(r"[^a-z0-9]", "-", name.lower())
        if folded.startswith("x-auth-"):
            seen.setdefault(folded, []).append(value)
    return seen
