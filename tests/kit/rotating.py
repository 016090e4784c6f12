"""A whole installation in which each organization has a key server of the test, for faults of fetching."""

from __future__ import annotations

import http.client
import json
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from kit import forge
from kit.certificates import authority_pem
from kit.client import Answer, request
from kit.key_server import KeyServer, serves
from kit.processes import LOOPBACK, wait_until
from kit.product import Product

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

FIRST = forge.ec_key("first")


@dataclass
class Rotating:
    """An organization whose key server is in this process. It begins with the key FIRST."""

    organization: str
    product: Product
    server: KeyServer

    def publishes(self, *keys: forge.Key) -> None:
        self.server.behaviour = serves(forge.key_set(*keys))

    def ask(self, key: forge.Key) -> Answer:
        """With a new token by that key."""
        now = int(time.time())
        token = forge.token(key, "ES256", iat=now, exp=now + 300)
        return request(f"{self.product.verifier}/verify/plain/{self.organization}", bearer=token)

    def reason(self, key: forge.Key) -> str:
        """`allowed`, or the code of the reason."""
        answer = self.ask(key)
        return "allowed" if answer.status == 200 else str(answer.json()["reason"])

    def wait_for(self, key: forge.Key, reason: str, *, seconds: float = 30.0) -> None:
        wait_until(lambda: self.reason(key) == reason, what=f"{key.kid} is {reason}", timeout=seconds)

    def pass_time(self, seconds: int, *, with_fetches: bool = False) -> None:
        """A step of the clock for this organization's key set; tokens keep their times.

        Args:
            seconds: how far.
            with_fetches: False waits for the end of fetches that are under way.
        """
        self.product.desk("pass_time", self.organization, str(seconds), "yes" if with_fetches else "")

    def fetches(self, outcome: str = "") -> int:
        """How many fetches the worker has recorded, by its log; `outcome` is a part of the lines that count."""
        lines = self.product.log("worker").splitlines()
        return sum("key_set_fetched" in line and self.organization in line and outcome in line for line in lines)

    def stored(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.product.desk("inspect", self.organization))
        return found


@contextmanager
def rotating(
    directory: Path, *organizations: str, settings: Mapping[str, str] | None = None
) -> Iterator[dict[str, Rotating]]:
    """Portal, worker and verifier as processes with further settings, and the organizations with a key server each."""
    with ExitStack() as servers:
        at = {name: servers.enter_context(KeyServer(serves(forge.key_set(FIRST)))) for name in organizations}
        authorities = directory / "authorities.pem"
        authorities.write_text(authority_pem())
        product = Product(
            directory,
            settings={
                "WATCHWORD_JWKS_ALLOWED_NETWORKS": "127.0.0.0/8",
                "WATCHWORD_JWKS_ALLOWED_PORTS": ",".join(str(server.port) for server in at.values()),
                "WATCHWORD_JWKS_CA_FILE": str(authorities),
                **(settings or {}),
            },
        )
        try:
            product.desk("prepare", json.dumps({name: {} for name in organizations}))
            product.create_verifier()
            keys = forge.key_set(FIRST).decode()
            product.desk("register_all", json.dumps({name: [keys, server.location] for name, server in at.items()}))
            product.start("portal")
            worker = product.start("worker")
            product.start("verifier")
            worker.wait_until(lambda: "worker_started" in product.log("worker"), what="the worker works", timeout=40)
            sites = {name: Rotating(name, product, server) for name, server in at.items()}
            for site in sites.values():
                site.wait_for(FIRST, "allowed")
            yield sites
        finally:
            product.close()


@dataclass
class Load:
    """Responses to clients with good tokens: when they asked, how long it took in seconds, and the reason."""

    heard: list[tuple[float, float, str]] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    key: forge.Key = FIRST

    def refused(self) -> list[tuple[float, float, str]]:
        return [entry for entry in self.heard if entry[2] != "allowed"]


@contextmanager
def load(site: Rotating, clients: int = 6) -> Iterator[Load]:
    """This many clients, each sending requests without pause with a new token by `Load.key`."""
    seen, over = Load(), threading.Event()

    def run() -> None:
        while not over.wait(0.02):
            asked_at = time.monotonic()
            try:
                said = site.reason(seen.key)
            except Exception as fault:  # noqa: BLE001 - any fault must reach the test.
                seen.faults.append(fault)
            else:
                seen.heard.append((asked_at, time.monotonic() - asked_at, said))

    with _in_threads(run, clients, over):
        yield seen


@contextmanager
def flood(site: Rotating, senders: int = 2, distinct: int | None = None) -> Iterator[Callable[[], int]]:
    """Tokens that name made-up keys, as fast as they are refused; yields how many so far.

    Args:
        site: the one whose verifier is flooded.
        senders: connections.
        distinct: the number of names, repeated in a circle; None for another one each time.
    """
    numbers, over, sent = count(), threading.Event(), [0]
    # Never verified, because the key does not exist: one signature serves for all.
    _, claims, signature = forge.token(FIRST, "ES256", exp=int(time.time()) + 300).split(".")

    def run() -> None:
        connection = http.client.HTTPConnection(LOOPBACK, site.product.verifier_port, timeout=10)
        while not over.is_set():
            number = next(numbers) if distinct is None else next(numbers) % distinct
            header = forge.b64(json.dumps({"alg": "ES256", "kid": f"made-up-{number}"}).encode())
            bearer = f"Bearer {header}.{claims}.{signature}"
            connection.request("GET", f"/verify/plain/{site.organization}", headers={"Authorization": bearer})
            assert connection.getresponse().read()
            sent[0] += 1
        connection.close()

    with _in_threads(run, senders, over):
        yield lambda: sent[0]


@contextmanager
def _in_threads(run: Callable[[], None], threads: int, over: threading.Event) -> Iterator[None]:
    crew = [threading.Thread(target=run) for _ in range(threads)]
    for thread in crew:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in crew:
            thread.join()
