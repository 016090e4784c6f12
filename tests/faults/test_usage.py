"""Every call is counted once, even if processes are killed, and the API call threshold suspends."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from kit import forge
from kit.client import request as ask
from kit.processes import wait_until
from kit.product import Product

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.postgres import Cluster

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(300)]

KEY = forge.ec_key("fleet")
PATIENCE = 60.0


class Callers:
    """Acme's and Globex's clients, and what they were answered."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.allowed = {"acme": 0, "globex": 0}

    def call(self, organization: str, times: int = 1) -> str:
        """`allowed`, or the code of the reason of the last answer."""
        now = int(time.time())
        token = forge.token(KEY, "ES256", iat=now, exp=now + 300)
        said = ""
        for _ in range(times):
            answer = ask(f"{self.product.verifier}/verify/plain/{organization}", bearer=token)
            said = "allowed" if answer.status == 200 else str(answer.json()["reason"])
            self.allowed[organization] += said == "allowed"
        return said

    def counted(self, organization: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.product.desk("counted", organization))
        return found

    def in_the_journal(self) -> int:
        """Calls that the verifier has put aside."""
        try:
            journal = json.loads(self.product.state_file.with_name("usage.json").read_bytes())
        except FileNotFoundError:
            return 0
        under_way = json.loads(journal["under_way"])["lines"] if journal["under_way"] else []
        return sum(line["calls"] for line in [*under_way, *journal["entries"]])

    def wait_until_counted(self, organization: str) -> None:
        def is_counted() -> bool:
            found = self.counted(organization)
            assert found["allowed"] <= self.allowed[organization], "a call was counted twice"
            return bool(found["allowed"] == self.allowed[organization])

        wait_until(is_counted, what=f"all calls of {organization} are counted", timeout=PATIENCE)


@pytest.fixture
def callers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callers]:
    on_postgresql = getattr(request, "param", "sqlite") == "postgresql"
    cluster: Cluster | None = request.getfixturevalue("cluster") if on_postgresql else None
    product = Product(
        tmp_path, database_url=None if cluster is None else cluster.network_url(cluster.create_database())
    )
    try:
        product.desk("prepare", json.dumps({"acme": {}, "globex": {}}), "1000")
        product.create_verifier()
        for organization in ("acme", "globex"):
            product.desk("register", organization, forge.key_set(KEY).decode())
        product.start("portal")
        product.start("verifier")
        callers = Callers(product)
        wait_until(lambda: callers.call("acme") == "allowed", what="Acme is allowed", timeout=PATIENCE)
        yield callers
    finally:
        product.close()


def test_every_call_counts_once_and_the_threshold_suspends(callers: Callers) -> None:
    product = callers.product
    callers.call("acme", 20)
    callers.wait_until_counted("acme")

    # The portal goes away without a word, twice, with batches on their way.
    for _ in range(2):
        callers.call("acme", 5)
        product.kill("portal")
        callers.call("acme", 20)
        product.start("portal")
        callers.call("acme", 5)
    callers.wait_until_counted("acme")

    # A graceful stop tells of every last call.
    callers.call("acme", 20)
    product.stop("verifier")
    assert callers.counted("acme")["allowed"] == callers.allowed["acme"]

    # What a verifier reported before it is killed stays counted, once.
    product.start("verifier")
    callers.call("acme", 20)
    callers.wait_until_counted("acme")
    product.kill("verifier")
    product.start("verifier")
    callers.call("acme", 5)
    callers.wait_until_counted("acme")
    found = callers.counted("acme")
    assert (found["processes"], found["notices"], found["suspensions"]) == (3, [], 0)
    assert found["lines"] == found["allowed"] + found["denied"]

    # Killed while there is no control plane: the next process tells what this one could not.
    product.kill("portal")
    callers.call("acme", 20)
    wait_until(lambda: callers.in_the_journal() == 20, what="the calls are on the disk", timeout=PATIENCE)
    product.kill("verifier")
    product.start("verifier")
    callers.call("acme", 5)
    product.start("portal")
    callers.wait_until_counted("acme")

    # Globex has 1,000 calls a day.
    deadline = time.monotonic() + 2 * PATIENCE
    while callers.call("globex", 50) == "allowed":
        assert time.monotonic() < deadline, "it was never suspended"
    assert callers.call("globex") == "organization_suspended"
    assert callers.allowed["globex"] > 1000
    callers.wait_until_counted("globex")
    found = callers.counted("globex")
    assert (found["notices"], found["suspensions"]) == ([50, 80, 100], 1)
    assert callers.call("acme") == "allowed"


# U+0000 and other controls, direction, half a character, no character, private use, code points that Unicode has not
# assigned, and two that only some versions of Python call printable.
ODD = "\0\x1f\u202e\ud800\uffff\ue000\u0378\U000e0fff\U0001fae9\u1c89"
ODD_ISSUERS = (*(f"https://{character}/" for character in ODD), ODD)


@pytest.mark.parametrize("callers", ["sqlite", "postgresql"], indirect=True)
def test_fi_02_one_unsigned_token_leaves_all_calls_counted(callers: Callers) -> None:
    for issuer in ODD_ISSUERS:
        unsigned = forge.token(KEY, "ES256", iss=issuer, signature=bytes(64))
        answer = ask(f"{callers.product.verifier}/verify/plain/acme", bearer=unsigned)
        assert answer.status == 401
    deadline = time.monotonic() + 2 * PATIENCE
    while callers.call("globex", 50) == "allowed":
        assert time.monotonic() < deadline, "it was never suspended"
    callers.call("acme", 5)
    callers.wait_until_counted("globex")
    callers.wait_until_counted("acme")
    odd = len(ODD_ISSUERS)
    wait_until(lambda: callers.counted("acme")["denied"] >= odd, what="the odd tokens are counted", timeout=PATIENCE)
    assert callers.counted("globex")["suspensions"] == 1
