"""The portal's connections to PostgreSQL: kept between requests, bounded in number, replaced when they are lost."""

from __future__ import annotations

import json
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING

import psycopg
import pytest

from kit.client import request
from kit.processes import wait_until
from kit.product import Product
from watchword.settings.database import POOL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.postgres import Cluster

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]

REQUESTS = 60
UNKNOWN = "a" * 43
OTHERS = 10
"""Of the feed, its wake-up and what else the portal keeps."""

SESSIONS = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"
PRESENT = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
# Every portal page reads this table, so that all of them wait at the same time.
LOCK = "LOCK TABLE identity_session IN ACCESS EXCLUSIVE MODE"


@pytest.fixture
def database(cluster: Cluster) -> str:
    return cluster.create_database()


@pytest.fixture
def product(tmp_path: Path, database: str) -> Iterator[Product]:
    running = Product(tmp_path, database_url=database)
    try:
        running.desk("prepare", json.dumps({"acme": {}}))
        running.create_verifier()
        running.start("portal")
        yield running
    finally:
        running.close()


def ask(product: Product) -> int:
    """The status of a page that looks for a session in the database."""
    return request(f"{product.portal}/", headers={"Cookie": f"watchword_session={UNKNOWN}"}, timeout=60).status


def ask_api(product: Product) -> int:
    """The status of a request to the management API that looks for a key in the database."""
    address = f"{product.portal}/api/v1/organizations/acme/authorization-servers"
    return request(address, headers={"Authorization": f"Bearer wwk_{UNKNOWN}"}, timeout=60).status


def number(connection: psycopg.Connection, query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def test_fk_09_connections_are_kept_and_bounded(product: Product, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as own:
        assert ask(product) == HTTPStatus.FOUND
        for asking, status in ((ask, HTTPStatus.FOUND), (ask_api, HTTPStatus.UNAUTHORIZED)):
            before = number(own, SESSIONS)
            for _ in range(REQUESTS):
                assert asking(product) == status
            assert number(own, SESSIONS) - before < REQUESTS // 4

        answered: list[int] = []
        waiting = [threading.Thread(target=lambda: answered.append(ask(product))) for _ in range(REQUESTS)]
        # Within a transaction, PostgreSQL shows its activity as it was at the first look.
        with psycopg.connect(database) as locking:
            locking.execute(LOCK)
            for thread in waiting:
                thread.start()
            wait_until(lambda: number(own, PRESENT) >= POOL["max_size"], what="every connection waits", timeout=60)
            assert number(own, PRESENT) <= POOL["max_size"] + OTHERS
        for thread in waiting:
            thread.join(60)
        assert len(answered) == REQUESTS
        assert ask(product) == HTTPStatus.FOUND


def test_fk_09_requests_to_the_management_api_share_the_connections(product: Product, database: str) -> None:
    product.desk("api_role", "acme", "Deployer")
    secret = product.desk("api_key", "acme", "Deployer")
    with psycopg.connect(database, autocommit=True) as own:
        servers = f"{product.portal}/api/v1/organizations/acme/authorization-servers"
        assert request(servers, bearer=secret, timeout=60).status == HTTPStatus.OK
        before = number(own, SESSIONS)
        for _ in range(REQUESTS):
            assert request(servers, bearer=secret, timeout=60).status == HTTPStatus.OK
        assert number(own, SESSIONS) - before < REQUESTS // 4


def test_fk_09_lost_connections_cost_no_request(product: Product, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as own:
        assert ask(product) == HTTPStatus.FOUND
        own.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert [ask(product) for _ in range(5)] == [HTTPStatus.FOUND] * 5
