"""A verifier restarted while everything else is down: it serves from its last-good copy, or from nothing."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from kit import forge
from kit.client import Answer, request
from kit.processes import is_listening, wait_until
from kit.product import Product

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]

KEY = forge.ec_key("fleet")
ALLOW_SECONDS = 30.0
# Long enough to restart the verifier first, short enough to wait for.
SUBSCRIPTION_SECONDS = 8
AFTERWARDS_SECONDS = 2


@dataclass
class Fleet:
    """One verifier, and the control plane, which may be down."""

    product: Product

    def ask(self, organization: str) -> Answer:
        now = int(time.time())
        token = forge.token(KEY, "ES256", iat=now, exp=now + 300)
        return request(f"{self.product.verifier}/verify/plain/{organization}", bearer=token)

    def reason(self, organization: str) -> str:
        """`allowed`, or the code of the reason."""
        answer = self.ask(organization)
        return "allowed" if answer.status == 200 else f"{answer.status} {answer.json()['reason']}"

    def wait_for(self, organization: str, reason: str, *, seconds: float = ALLOW_SECONDS) -> None:
        wait_until(lambda: self.reason(organization) == reason, what=f"{organization} is {reason}", timeout=seconds)

    def wait_for_copy(self, text: str) -> None:
        """Until the copy on disk contains that text."""
        wait_until(lambda: text in self.product.state_file.read_text(), what=f"{text} is in the copy")


@contextmanager
def fleet(directory: Path, *organizations: str) -> Iterator[Fleet]:
    """A portal and a verifier, and organizations whose enabled server signs with KEY. No worker: nothing to fetch."""
    product = Product(directory)
    try:
        product.desk("prepare", json.dumps({organization: {} for organization in organizations}))
        product.create_verifier()
        for organization in organizations:
            product.desk("register", organization, forge.key_set(KEY).decode())
        product.start("portal")
        product.start("verifier")
        running = Fleet(product)
        for organization in organizations:
            running.wait_for(organization, "allowed")
        yield running
    finally:
        product.close()


def test_verifier_restarted_alone_keeps_suspensions_and_expiries(tmp_path: Path) -> None:
    with fleet(tmp_path, "acme", "globex", "initech") as running:
        running.product.desk("suspend", "globex")
        running.wait_for("globex", "403 organization_suspended")
        expires_at = alone_before_the_subscription_of_initech_ends(running)

        assert running.reason("acme") == "allowed"
        assert running.reason("globex") == "403 organization_suspended"
        heard = asked_until(running, "initech", expires_at + AFTERWARDS_SECONDS)
        before = {said for _, answered_at, said in heard if answered_at < expires_at}
        afterwards = {said for asked_at, _, said in heard if asked_at >= expires_at}
        assert before == {"allowed"}
        assert afterwards == {"403 subscription_inactive"}
        assert running.reason("acme") == "allowed"


def alone_before_the_subscription_of_initech_ends(running: Fleet) -> int:
    """Restart the verifier, and stop the portal, while the subscription still has some seconds; returns its end."""
    seconds = SUBSCRIPTION_SECONDS
    while True:
        expires_at = int(time.time()) + seconds
        running.product.subscribe_until("initech", expires_at)
        running.wait_for_copy(str(expires_at))
        running.product.stop("portal", "verifier")
        running.product.start("verifier")
        if time.time() < expires_at - 2:
            return expires_at
        # Increased until it is long enough for this machine.
        seconds *= 2
        running.product.start("portal")


def asked_until(running: Fleet, organization: str, moment: float) -> list[tuple[float, float, str]]:
    """When each request was sent, when it was answered, and the answer."""
    heard: list[tuple[float, float, str]] = []
    while time.time() < moment:
        asked_at = time.time()
        said = running.reason(organization)
        heard.append((asked_at, time.time(), said))
        time.sleep(0.1)
    return heard


def cut_off(copy: bytes) -> bytes:
    return copy[: len(copy) // 2]


def one_bit_turned(copy: bytes) -> bytes:
    middle = len(copy) // 2
    return copy[:middle] + bytes([copy[middle] ^ 1]) + copy[middle + 1 :]


def suspension_lifted_by_hand(copy: bytes) -> bytes:
    changed = copy.replace(b'"suspended":true', b'"suspended":false')
    assert changed != copy
    return changed


def last_page_lost(copy: bytes) -> bytes:
    """The remaining part is valid in itself, and does not have the suspension."""
    return copy[: copy.rindex(b"page 0")]


def emptied(_copy: bytes) -> bytes:
    return b""


def another_document(_copy: bytes) -> bytes:
    return json.dumps({"schema": 1}).encode()


def test_damaged_copy_is_refused_and_replaced_by_the_feed(tmp_path: Path) -> None:
    with fleet(tmp_path, "acme", "globex") as running:
        product = running.product
        product.desk("suspend", "globex")
        running.wait_for("globex", "403 organization_suspended")
        running.wait_for_copy('"suspended":true')
        product.stop("portal", "verifier")
        good = product.state_file.read_bytes()

        damages = (cut_off, last_page_lost, one_bit_turned, suspension_lifted_by_hand, emptied, another_document)
        for damage in damages:
            product.state_file.write_bytes(damage(good))
            product.start("verifier", wait=False).wait_until_listening(product.admin_port)
            assert request(f"{product.admin}/readyz").status == 503, damage.__name__
            assert not is_listening(product.verifier_port), damage.__name__
            product.stop("verifier")

        product.start("verifier", wait=False).wait_until_listening(product.admin_port)
        product.start("portal")
        wait_until(lambda: request(f"{product.admin}/readyz").status == 200, what="it is ready", timeout=60)
        assert running.reason("acme") == "allowed"
        assert running.reason("globex") == "403 organization_suspended"
