"""The specification's other two tasks, edit and delete, and the rule that only one server is enabled; in a browser."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kit.portal_alone import ALICE, Portal, running_portal
from kit.portal_pages import ServersPage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]


@pytest.fixture
def portal(tmp_path: Path, browser: Browser) -> Iterator[Portal]:
    with running_portal(tmp_path, browser) as running:
        yield running


def test_server_is_edited_replaced_and_deleted(portal: Portal) -> None:
    with portal.open(ALICE, "edit-and-delete") as page:
        servers = ServersPage(page)
        add(portal, servers, "ProdOkta")
        add(portal, servers, "ProdKeycloak")
        expect_enabled(page, "ProdKeycloak", disabled="ProdOkta")
        expect(page.get_by_role("button", name="Add Authorization Server")).to_be_disabled()

        # Wholly on screen in a browser window of 1280 pixels, not clipped by the table's edge.
        expect(page.get_by_role("button", name="Delete ProdKeycloak")).to_be_in_viewport(ratio=1)

        edit_only_the_description(portal, servers)
        servers.enable("ProdOkta", displacing=True)
        expect_enabled(page, "ProdOkta", disabled="ProdKeycloak")

        confirmation = servers.delete("ProdOkta")
        expect(confirmation.get_by_role("button", name="Cancel")).to_be_focused()
        confirmation.get_by_role("button", name="Cancel").click()
        assert servers.names() == ["ProdOkta", "ProdKeycloak"]
        servers.delete("ProdOkta").get_by_role("button", name="OK").click()
        expect(page.get_by_text("Deleted ProdOkta.")).to_be_visible()
        # The other one is not enabled silently.
        expect(page.get_by_text("1 of 2 used · 0 enabled")).to_be_visible()
        assert servers.names() == ["ProdKeycloak"]


def add(portal: Portal, servers: ServersPage, name: str) -> None:
    dialog = servers.add()
    dialog.fill(portal.registration(name=name))
    dialog.validate()
    dialog.expect_validated()
    dialog.save()


def edit_only_the_description(portal: Portal, servers: ServersPage) -> None:
    """An edit that keeps location and certificate setting needs no new validation."""
    connections = portal.keys.connections
    dialog = servers.edit("ProdOkta")
    # The second one replaced it.
    dialog.expect_typed(portal.registration())
    dialog.fill(replace(portal.registration(description="Moved to new clients"), enable=False))
    dialog.save()
    expect(servers.page.get_by_text("Moved to new clients")).to_be_visible()
    assert portal.keys.connections == connections


def expect_enabled(page: Page, enabled: str, *, disabled: str) -> None:
    expect(page.get_by_text("2 of 2 used · 1 enabled")).to_be_visible()
    expect(page.get_by_role("button", name=f"Disable {enabled}", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name=f"Enable {disabled}", exact=True)).to_be_visible()
