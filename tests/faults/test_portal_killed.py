"""`kill -9` of the portal while it writes: acknowledged writes are there, others are whole or absent."""

from __future__ import annotations

import json
import threading
import time
from http.client import HTTPException
from typing import TYPE_CHECKING

import pytest

from kit.portal_alone import ALICE_OF_INITECH, Poster, fields, receipt_of, running_portal
from kit.portal_pages import ServersPage
from kit.processes import wait_until
from kit.soak import length

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from kit.portal_alone import Portal
    from kit.postgres import Cluster

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180), pytest.mark.soak]

ROUNDS = length(2, 6)
WRITERS = 4
WRITING_SECONDS = 0.7


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_portal_killed_while_writing_leaves_no_half_write(
    request: pytest.FixtureRequest, tmp_path: Path, browser: Browser, database: str
) -> None:
    cluster: Cluster | None = request.getfixturevalue("cluster") if database == "postgresql" else None
    with running_portal(tmp_path, browser, None if cluster is None else cluster.create_database()) as portal:
        poster, switches = two_servers(portal)
        acknowledged: list[str] = []
        for _ in range(ROUNDS):
            write_until_killed(portal, poster, switches, acknowledged)
            found = json.loads(portal.product.desk("inspect", "initech"))
            assert found["servers"] == 2
            assert found["enabled"] == 1
            assert found["published_trust_is_current"]
            assert found["switched"] >= len(acknowledged) > 0
            assert found["chain_fault"] is None
            portal.product.start("portal")


def two_servers(portal: Portal) -> tuple[Poster, list[str]]:
    """Two servers of Initech, one enabled; and the paths that enable one or the other."""
    with portal.open(ALICE_OF_INITECH, "killed") as page:
        receipt = receipt_of(portal, page)
        poster = Poster.of(page)
        for name in ("ProdOkta", "TestOkta"):
            assert poster.post("add/", **fields(portal.registration(name=name), receipt=receipt)).status == 302
        servers = ServersPage(page)
        servers.names()
        return poster, servers.paths_of("enable")


def write_until_killed(portal: Portal, poster: Poster, switches: list[str], acknowledged: list[str]) -> None:
    over = threading.Event()

    def write(number: int) -> None:
        while not over.is_set():
            path = switches[number % 2]
            number += 1
            try:
                answer = poster.post(path)
            except (OSError, HTTPException):
                # The connection broke in the middle: the write may or may not have happened.
                return
            if answer.status == 302:
                acknowledged.append(path)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    # On any machine, some writes are done before the kill.
    wait_until(lambda: acknowledged, what="a write was acknowledged", timeout=60)
    time.sleep(WRITING_SECONDS)
    portal.product.kill("portal")
    over.set()
    for writer in writers:
        writer.join()
