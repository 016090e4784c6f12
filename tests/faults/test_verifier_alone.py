"""A verifier restarted while everything else is down: it serves from its last-good copy, or from nothing."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from kit import forge
from kit.client import Answer, request
from kit.processes import wait_until
from kit.product import Product

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]

KEY = forge.ec_key("fleet")
ALLOW_SECONDS = 10.0
# Long enough to restart the verifier before, short enough to wait for.
SUBSCRIPTION_SECONDS = 14


@dataclass
class Fleet:
    """One verifier, and the control plane that it may or may not hear from."""

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


def test_a_verifier_restarted_alone_keeps_suspensions_and_lets_subscriptions_expire_on_time(tmp_path: Path) -> None:
    with fleet(tmp_path, "acme", "globex", "initech") as running:
        running.product.desk("suspend", "globex")
        running.wait_for("globex", "403 organization_suspended")
        expires_at = int(time.time()) + SUBSCRIPTION_SECONDS
        moment = datetime.fromtimestamp(expires_at, tz=UTC).isoformat()
        running.product.command(
            "organization", "subscribe", "initech", "--starts-at", "2026-01-01", "--expires-at", moment
        )
        wait_until(
            lambda: str(expires_at) in running.product.state_file.read_text(), what="the new expiry is in the copy"
        )

        running.product.stop("portal", "verifier")
        running.product.start("verifier")

        assert running.reason("acme") == "allowed"
        assert running.reason("globex") == "403 organization_suspended"
        assert running.reason("initech") == "allowed", "the subscription must not have ended yet; is the machine slow?"
        while time.time() < expires_at - 0.5:
            assert running.reason("initech") == "allowed"
            time.sleep(0.1)
        running.wait_for("initech", "403 subscription_inactive", seconds=2)
        assert time.time() >= expires_at
        assert running.reason("acme") == "allowed"


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
    """What is left is whole in itself, and does not know of the suspension."""
    return copy[: copy.rindex(b"page 0")]


def emptied(_copy: bytes) -> bytes:
    return b""


def another_document(_copy: bytes) -> bytes:
    return json.dumps({"schema": 1}).encode()


def test_a_damaged_copy_is_refused_and_mended_by_the_feed(tmp_path: Path) -> None:
    with fleet(tmp_path, "acme", "globex") as running:
        product = running.product
        product.desk("suspend", "globex")
        running.wait_for("globex", "403 organization_suspended")
        wait_until(lambda: b'"suspended":true' in product.state_file.read_bytes(), what="the suspension is in the copy")
        product.stop("portal", "verifier")
        good = product.state_file.read_bytes()

        damages = (cut_off, last_page_lost, one_bit_turned, suspension_lifted_by_hand, emptied, another_document)
        for damage in damages:
            product.state_file.write_bytes(damage(good))
            product.start("verifier", wait=False).wait_until_listening(product.verifier_port)
            for organization in ("acme", "globex"):
                assert running.reason(organization) == "503 trust_stale", damage.__name__
            assert request(f"{product.admin}/readyz").status == 503
            product.stop("verifier")

        product.start("verifier", wait=False)
        product.start("portal")
        running.wait_for("acme", "allowed", seconds=20)
        assert running.reason("globex") == "403 organization_suspended"
