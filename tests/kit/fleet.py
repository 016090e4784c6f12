"""A whole installation with several verifiers, and clients that ask them without pause."""

from __future__ import annotations

import json
import random
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final

from kit import forge, registrations
from kit.processes import wait_until
from kit.product import Product
from kit.verifier_process import VerifierProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from kit.postgres import Cluster

KEY = forge.ec_key("fleet")
OTHER = forge.ec_key("other")
TOKEN_SECONDS: Final = 3 * 86_400
FOLLOWED_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer: verifier, organization, when sent and received (Unix seconds), and the result."""

    verifier: int
    organization: str
    asked_at: float
    answered_at: float
    said: str


@dataclass
class Fleet:
    product: Product
    verifiers: list[VerifierProcess]
    token: str

    def said(self, verifier: int, organization: str) -> str:
        """`allowed`, or the code of the reason, for a good token by KEY."""
        answer = self.verifiers[verifier].ask(self.token, organization=organization)
        return "allowed" if answer.status == 200 else str(answer.json()["reason"])

    def all_say(self, expected: dict[str, str]) -> list[str]:
        """The verifiers that answer differently, in words."""
        return [
            f"verifier {number} about {organization}: {said} instead of {right}"
            for number in range(len(self.verifiers))
            for organization, right in expected.items()
            if (said := self.said(number, organization)) != right
        ]

    def wait_for(self, expected: dict[str, str]) -> None:
        wait_until(lambda: not self.all_say(expected), what=f"every verifier says {expected}", timeout=FOLLOWED_SECONDS)


@contextmanager
def fleet(directory: Path, cluster: Cluster, *, verifiers: int, organizations: Sequence[str]) -> Iterator[Fleet]:
    """Portal and worker on PostgreSQL, and this many verifiers.

    Args:
        directory: for data and logs.
        cluster: brings the database.
        verifiers: how many.
        organizations: in addition to Acme; each has an enabled server that signs with KEY, like Acme's. Initech's signs
            with OTHER.
    """
    with ExitStack() as stack:
        product = Product(directory, database_url=cluster.network_url(cluster.create_database()))
        stack.callback(product.close)
        product.desk("prepare", json.dumps({"acme": {}, "initech": {}}))
        product.create_verifier()
        registered = {
            "acme": [forge.key_set(KEY).decode(), registrations.LOCATION],
            "initech": [forge.key_set(OTHER).decode(), registrations.OTHER_LOCATION],
        }
        product.desk("register_all", json.dumps(registered))
        product.desk("multiply", "acme", json.dumps(list(organizations)))
        product.start("portal")
        product.start("worker")
        credential = (directory / "credential").read_text().strip()
        fleet = Fleet(product, [], forge.token(KEY, "ES256", **_long_lived()))
        for number in range(verifiers):
            folder = directory / f"verifier-{number}"
            folder.mkdir()
            one = VerifierProcess(folder, feed_port=product.portal_port, credential=credential, node=f"node-{number}")
            stack.callback(one.stop)
            fleet.verifiers.append(one)
            one.launch()
        wait_until_ready(fleet.verifiers)
        yield fleet


def wait_until_ready(verifiers: Sequence[VerifierProcess]) -> None:
    """Started together, which is faster than one after the other, even with few cores."""
    for one in verifiers:
        assert one.child is not None
        one.child.wait_until_listening(one.admin_port, timeout=FOLLOWED_SECONDS)
        one.child.wait_until(one.is_ready, what="ready", timeout=FOLLOWED_SECONDS)


def _long_lived() -> dict[str, Any]:
    now = int(time.time())
    return {"iat": now - 10, "exp": now + TOKEN_SECONDS}


@dataclass
class Load:
    """The answers, and which verifiers gave no answer at some time."""

    heard: list[Heard] = field(default_factory=list)
    unanswered: set[int] = field(default_factory=set)

    def wrong(self, right: Callable[[Heard], bool]) -> list[Heard]:
        return [entry for entry in self.heard if not right(entry)]


@contextmanager
def asking(fleet: Fleet, choose: Callable[[], str], *, clients: int = 2) -> Iterator[Load]:
    """This many clients ask random verifiers about the organization that `choose` names."""
    load, over = Load(), threading.Event()

    def run() -> None:
        while not over.is_set():
            number, organization, asked_at = random.randrange(len(fleet.verifiers)), choose(), time.time()  # noqa: S311
            try:
                said = fleet.said(number, organization)
            except TimeoutError:
                # Most likely the machine is busy; a missing answer is not a wrong one.
                continue
            except (OSError, HTTPException):
                load.unanswered.add(number)
            else:
                load.heard.append(Heard(number, organization, asked_at, time.time(), said))

    crew = [threading.Thread(target=run, name="client") for _ in range(clients)]
    for thread in crew:
        thread.start()
    try:
        yield load
    finally:
        over.set()
        for thread in crew:
            thread.join()
