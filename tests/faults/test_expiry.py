"""A subscription ends to the second at the verifier while no other process of the product runs."""

from __future__ import annotations

import json
import shutil
import time
from typing import TYPE_CHECKING

import pytest

from kit import forge
from kit.client import request
from kit.processes import wait_until
from kit.product import Product

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]

KEY = forge.ec_key("expiry")
# Long enough to stop everything else, short enough to wait for.
SUBSCRIPTION_SECONDS = 4
BETWEEN_SECONDS = 0.1
AFTERWARDS_SECONDS = 2


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    """Portal and verifier; Acme's enabled server signs with KEY. No worker: there is nothing to fetch."""
    running = Product(tmp_path)
    try:
        running.desk("prepare", json.dumps({"acme": {}}))
        running.create_verifier()
        running.desk("register", "acme", forge.key_set(KEY).decode())
        running.start("portal")
        running.start("verifier")
        yield running
    finally:
        running.close()


def outcome(product: Product) -> str:
    """`allowed`, or the code of the reason."""
    now = int(time.time())
    token = forge.token(KEY, "ES256", iat=now, exp=now + 300)
    answer = request(f"{product.verifier}/verify/plain/acme", bearer=token)
    return "allowed" if answer.status == 200 else str(answer.json()["reason"])


def alone_before_the_subscription_ends(product: Product) -> int:
    """Kill the portal while the verifier knows of the end and the subscription still has seconds; returns its end."""
    seconds = SUBSCRIPTION_SECONDS
    while True:
        expires_at = int(time.time()) + seconds
        product.subscribe_until("acme", expires_at)
        wait_until(lambda: str(expires_at) in product.state_file.read_text(), what="the verifier knows", timeout=60)  # noqa: B023
        product.kill("portal")
        if time.time() < expires_at - 2:
            return expires_at
        # Increased until it is long enough for this machine.
        seconds *= 2
        product.start("portal")


def test_subscription_expires_to_the_second_without_other_processes(product: Product, tmp_path: Path) -> None:
    wait_until(lambda: outcome(product) == "allowed", what="acme is allowed", timeout=10)
    expires_at = alone_before_the_subscription_ends(product)
    shutil.rmtree(tmp_path / "data")

    heard: list[tuple[float, float, str]] = []
    while time.time() < expires_at + AFTERWARDS_SECONDS:
        asked_at = time.time()
        said = outcome(product)
        heard.append((asked_at, time.time(), said))
        time.sleep(BETWEEN_SECONDS)

    before = {said for _, answered_at, said in heard if answered_at < expires_at}
    afterwards = {said for asked_at, _, said in heard if asked_at >= expires_at}
    assert before == {"allowed"}
    assert afterwards == {"subscription_inactive"}
    assert sum(answered_at < expires_at for _, answered_at, _ in heard) >= 5
