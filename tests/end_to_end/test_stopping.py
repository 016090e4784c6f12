"""A portal that stops, as on a restart or an upgrade."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kit.client import request
from kit.product import Product

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(120)]


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    made = Product(tmp_path)
    try:
        made.desk("prepare", json.dumps({"acme": {}}))
        made.create_verifier()
        yield made
    finally:
        made.close()


def test_stopping_portal_answers_waiting_verifiers_and_ends(product: Product) -> None:
    portal = product.start("portal")
    credential = Path(product.environment["WATCHWORD_VERIFIER_CREDENTIAL_FILE"]).read_text().strip()
    changes = f"{product.portal}/feed/v1/changes"
    known = json.loads(request(changes, bearer=credential).body)
    seen = f"{changes}?epoch={known['epoch']}&after={known['revision']}&wait=20"
    with ThreadPoolExecutor() as verifiers:
        waiting = [verifiers.submit(request, seen, bearer=credential, timeout=40) for _ in range(3)]
        time.sleep(1)
        assert not any(verifier.done() for verifier in waiting)
        portal.terminate()
        # A server that is killed after some seconds breaks these connections.
        for verifier in waiting:
            answer = verifier.result()
            assert answer.status == 200
            assert json.loads(answer.body)["revision"] == known["revision"]
    assert portal.wait() == 0
