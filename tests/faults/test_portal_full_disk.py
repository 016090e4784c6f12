"""A portal whose disk is full: reads work, verifiers get changes, and it recovers as soon as there is space."""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kit import forge
from kit.client import request
from kit.processes import wait_until
from kit.product import Product

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(240)]

KEY = forge.ec_key("full")
WAIT_SECONDS = 60.0
FULL = (0, resource.RLIM_INFINITY)
ROOM = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    running = Product(tmp_path)
    try:
        running.desk("prepare", json.dumps({"acme": {}, "globex": {}}))
        running.create_verifier()
        for organization in ("acme", "globex"):
            running.desk("register", organization, forge.key_set(KEY).decode())
        running.start("portal")
        running.start("verifier")
        yield running
    finally:
        running.close()


def said(product: Product, organization: str) -> str:
    now = int(time.time())
    token = forge.token(KEY, "ES256", iat=now, exp=now + 300)
    answer = request(f"{product.verifier}/verify/plain/{organization}", bearer=token)
    return "allowed" if answer.status == 200 else str(answer.json()["reason"])


def connected(product: Product) -> bool:
    return b"watchword_verifier_feed_connected 1.0" in request(f"{product.admin}/metrics").body


def limit_files(pid: int, limit: tuple[int, int]) -> None:
    """For a process and its children, no file grows beyond that. To them this is a full disk, and it needs no root."""
    for task in (pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())):
        resource.prlimit(task, resource.RLIMIT_FSIZE, limit)


def test_portal_with_a_full_disk_still_serves_the_feed(product: Product) -> None:
    portal = product.process("portal")
    limit_files(portal.pid, FULL)
    # Another machine has space; this portal cannot even record that it has seen a verifier.
    product.desk("suspend", "globex")
    wait_until(lambda: said(product, "globex") == "organization_suspended", what="the suspension", timeout=WAIT_SECONDS)
    assert said(product, "acme") == "allowed"
    product.stop("verifier")
    product.start("verifier")
    wait_until(lambda: connected(product), what="the feed answers", timeout=WAIT_SECONDS)
    assert request(f"{product.portal}/sign-in").status == 200
    assert (said(product, "acme"), said(product, "globex")) == ("allowed", "organization_suspended")
    limit_files(portal.pid, ROOM)
    product.desk("reinstate", "globex")
    wait_until(lambda: said(product, "globex") == "allowed", what="it is lifted", timeout=WAIT_SECONDS)
    assert portal.exit_code is None
