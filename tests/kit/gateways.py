"""The gateways that the portal has settings for, what each makes of a verifier's answers, and a site behind each."""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kit import live
from kit.asgi import asgi
from kit.caddy import caddy
from kit.envoy import envoy
from kit.feed_server import feed_server
from kit.haproxy import haproxy
from kit.nginx import nginx
from kit.orders_api import orders_api
from kit.raw_http import exchange
from kit.traefik import traefik
from kit.verifier_process import verifier_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from kit.client import Answer
    from kit.feed_server import FeedServer
    from kit.orders_api import OrdersApi
    from kit.verifier_process import VerifierProcess


@dataclass(frozen=True)
class Gateway:
    """What a client gets, as docs/gateways.md says it. 401 and 403 are the same everywhere.

    Attributes:
        serve: runs it in front of an API.
        malformed: status for an Authorization header of another form.
        undecidable: status when the verifier says that it cannot decide.
        down: status when nothing listens at the verifier's address.
        frozen: status when the verifier does not answer.
        patience: seconds until then.
        problem: whether the problem document of a 401 or 403 reaches the client.
        says_why_undecidable: the same for a 503, with its Retry-After.
        particular: whether a 200 counts only with this organization's name.
    """

    serve: Callable[..., AbstractContextManager[int]]
    malformed: int = 400
    undecidable: int = 503
    down: int = 503
    frozen: int = 503
    patience: int = 2
    problem: bool = True
    says_why_undecidable: bool = True
    particular: bool = False


GATEWAYS = {
    "nginx": Gateway(
        nginx, malformed=401, undecidable=403, down=500, frozen=500, problem=False, says_why_undecidable=False
    ),
    "traefik": Gateway(traefik, down=500, frozen=500, patience=30),
    "caddy": Gateway(caddy, down=502, frozen=504),
    "envoy": Gateway(envoy, says_why_undecidable=False),
    "haproxy": Gateway(haproxy, particular=True),
    "python": Gateway(asgi, particular=True),
}


@dataclass(frozen=True)
class Site:
    """Everything between a client and the API."""

    gateway: Gateway
    port: int
    api: OrdersApi
    feed: FeedServer
    verifier: VerifierProcess

    def send(self, *lines: str, timeout: float = 10.0) -> Answer:
        """One request with exactly these header lines."""
        head = ("GET /api/orders HTTP/1.1", f"Host: api.example:{self.port}", *lines, "", "")
        return exchange(self.port, "\r\n".join(head), timeout=timeout)

    def get(self, token: str | None = None, *lines: str, timeout: float = 10.0) -> Answer:
        return self.send(*(() if token is None else (f"Authorization: Bearer {token}",)), *lines, timeout=timeout)


@contextmanager
def backends(folder: Path) -> Iterator[tuple[OrdersApi, FeedServer, VerifierProcess]]:
    """An API, and a verifier that knows Acme."""
    with ExitStack() as parts:
        feed = parts.enter_context(feed_server())
        feed.publish(live.trust())
        verifier = parts.enter_context(verifier_process(folder, feed_port=feed.port))
        yield parts.enter_context(orders_api()), feed, verifier


def identity_at_api(answer: Answer) -> dict[str, list[str]]:
    """The headers that an API could take for an identity: some read whatever is no letter or digit as a hyphen."""
    assert answer.status == 200, answer
    seen: dict[str, list[str]] = {}
    for name, value in answer.json()["headers"]:
        folded = re.sub(r"[^a-z0-9]", "-", name.lower())
        if folded.startswith("x-auth-"):
            seen.setdefault(folded, []).append(value)
    return seen
