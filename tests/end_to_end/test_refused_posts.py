"""Requests that no button of the page sends, and that the server refuses: a hidden button is not a check."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kit.portal_alone import ALICE, ALICE_OF_INITECH, BOB, CHARLIE, Portal, Poster, fields, receipt_of, running_portal
from kit.portal_pages import ServersPage
from kit.soak import length

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from kit.postgres import Cluster

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180), pytest.mark.soak]

PARALLEL = length(20, 50)


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Portal]:
    with running_portal(tmp_path_factory.mktemp("refused-posts"), browser) as running:
        yield running


def test_post_without_validation_is_refused(portal: Portal) -> None:
    with portal.open(CHARLIE, "skips") as page:
        ServersPage(page).add()
        answer = Poster.of(page).post("add/", **fields(portal.registration()))
        assert answer.status == 422
        assert b"Validate the JWKS location before saving." in answer.body
        assert ServersPage(page).names() == []


def test_receipt_for_other_settings_is_refused(portal: Portal) -> None:
    with portal.open(CHARLIE, "other-url") as page:
        receipt = receipt_of(portal, page)
        poster = Poster.of(page)
        for registration in (
            portal.registration(jwks_location=portal.keys.location_at("127.0.0.1", "/others")),
            replace(portal.registration(), verify_certificate=False),
        ):
            answer = poster.post("add/", **fields(registration, receipt=receipt))
            assert answer.status == 422
            assert b"differs from what was validated" in answer.body
        assert ServersPage(page).names() == []


def test_receipt_of_another_organization_is_refused(portal: Portal) -> None:
    with portal.open(CHARLIE, "lender") as page:
        receipt = receipt_of(portal, page)
    with portal.open(ALICE_OF_INITECH, "borrower") as page:
        ServersPage(page).add()
        answer = Poster.of(page).post("add/", **fields(portal.registration(), receipt=receipt))
        assert answer.status == 422
        assert b"Validate the JWKS location before saving." in answer.body


def test_role_without_permission_is_refused(portal: Portal) -> None:
    connections = portal.keys.connections
    with portal.open(BOB, "no-permission", follow_the_menu=False) as page:
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Internet & SaaS API").click()
        expect(page.get_by_text("Your role does not have the “API Key Management” permission.")).to_be_visible()
        poster = Poster.of(page)
        for path in ("add/", "validate/"):
            answer = poster.post(path, **fields(portal.registration()))
            assert answer.status == 403
            assert "API Key Management" in answer.body.decode()
    assert portal.keys.connections == connections
    with portal.open(ALICE, "no-permission-saved-nothing") as page:
        assert ServersPage(page).names() == []


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_parallel_requests_create_no_third_and_enable_no_second_server(
    request: pytest.FixtureRequest, tmp_path: Path, browser: Browser, database: str
) -> None:
    cluster: Cluster | None = request.getfixturevalue("cluster") if database == "postgresql" else None
    url = None if cluster is None else cluster.create_database()
    with (
        running_portal(tmp_path, browser, url) as portal,
        portal.open(ALICE_OF_INITECH, f"parallel-{database}") as page,
        ThreadPoolExecutor(PARALLEL) as pool,
    ):
        receipt = receipt_of(portal, page)
        poster = Poster.of(page)
        forms = [fields(portal.registration(name=f"Prod{n}"), receipt=receipt) for n in range(PARALLEL)]
        added = list(pool.map(lambda form: poster.post("add/", **form).status, forms))
        assert sorted(status for status in added if status < 400) == [302, 302]
        assert {status for status in added if status >= 400} == {409}
        expect_one_enabled_of_two(page)

        paths = ServersPage(page).paths_of("enable")
        switched = list(pool.map(lambda n: poster.post(paths[n % 2]).status, range(PARALLEL)))
        assert set(switched) <= {302, 409}
        expect_one_enabled_of_two(page)


def expect_one_enabled_of_two(page: Page) -> None:
    assert len(ServersPage(page).names()) == 2
    expect(page.get_by_text("2 of 2 used · 1 enabled")).to_be_visible()
