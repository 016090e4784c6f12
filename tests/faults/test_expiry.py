"""A subscription ends to the second at the verifier while no other process of the product runs."""

from __future__ import annotations

import json
import shutil
import time
from datetime import UTC, datetime
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
# What remains of the subscription when the portal knows its end, in addition to what commands take on this machine;
# long enough to stop everything else.
REMAINING_SECONDS = 8
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


def test_subscription_expires_to_the_second_without_other_processes(product: Product, tmp_path: Path) -> None:
    wait_until(lambda: outcome(product) == "allowed", what="acme is allowed", timeout=10)
    began = time.monotonic()
    product.command("organization", "list")
    # A command takes long on a busy machine; the subscription must not have ended when it is done.
    expires_at = int(time.time() + 4 * (time.monotonic() - began)) + REMAINING_SECONDS
    moment = datetime.fromtimestamp(expires_at, tz=UTC).isoformat()
    product.command("organization", "subscribe", "acme", "--starts-at", "2026-01-01", "--expires-at", moment)
    wait_until(lambda: str(expires_at) in product.state_file.read_text(), what="the verifier knows of the end")
    product.kill("portal")
    shutil.rmtree(tmp_path / "data")
    assert time.time() < expires_at - 1, "the subscription must not have ended yet; is the machine slow?"

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
