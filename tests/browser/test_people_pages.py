"""Administrators and Role Management in a real browser: from the invitation to the end of the account."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kit.browser import portal_page
from kit.portal_pages import PASSWORD, set_password, sign_in
from kit.product import Product

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]

ALICE = "alice@acme.example"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Acme, where Alice holds every permission, and the role of Bob reads the audit log alone."""
    product = Product(tmp_path_factory.mktemp("people"))
    try:
        product.desk("prepare", json.dumps({"acme": {"alice": "*", "bob": "Audit Logs"}}))
        product.start("portal")
        yield product
    finally:
        product.close()


@pytest.fixture
def page(portal: Product, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Alice on the Administrators page."""
    with portal_page(browser, portal.portal, name=request.node.name) as opened:
        sign_in(opened, ALICE)
        follow(opened, "Administrators")
        yield opened


def follow(page: Page, entry: str) -> None:
    page.get_by_role("navigation", name="Main").get_by_role("link", name=entry, exact=True).click()
    expect(page.get_by_role("heading", name=entry, level=1)).to_be_visible()


@contextmanager
def elsewhere(browser: Browser, portal: Product, name: str) -> Iterator[Page]:
    """Another person's browser."""
    with portal_page(browser, portal.portal, name=name) as opened:
        yield opened


def invite(page: Page, name: str, role: str) -> str:
    """Invite a person; return the link that the dialog shows."""
    page.get_by_role("button", name="Invite Administrator").click()
    dialog = page.get_by_role("dialog", name="Invite Administrator")
    expect(dialog.get_by_label("Name", exact=True)).to_be_focused()
    dialog.get_by_label("Name", exact=True).fill(name)
    dialog.get_by_label("E-mail address").fill(f"{name.lower()}@acme.example")
    dialog.get_by_label("Role", exact=True).select_option(role)
    dialog.get_by_role("button", name="Create Invitation").click()
    shown = page.get_by_role("dialog", name=f"Sign-in link for {name}")
    expect(shown.get_by_text("it is not shown again")).to_be_visible()
    expect(shown.get_by_text("No e-mail was sent.")).to_be_visible()
    expect(shown.get_by_role("button", name="Copy Link")).to_be_focused()
    link = shown.locator("#sign-in-link").inner_text()
    shown.get_by_role("button", name="Done").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    return link


def change_role(page: Page, name: str, role: str) -> None:
    page.get_by_role("button", name=f"Change Role of {name}").click()
    dialog = page.get_by_role("dialog", name="Change Role")
    dialog.get_by_label("Role", exact=True).select_option(role)
    dialog.get_by_role("button", name="Change Role").click()
    expect(page.get_by_text(f"{name} now has the role {role}.")).to_be_visible()


def deactivate(page: Page, name: str) -> None:
    page.get_by_role("button", name=f"Deactivate {name}", exact=True).click()
    question = page.get_by_role("alertdialog", name=f"Deactivate {name}?")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    question.get_by_role("button", name="Deactivate").click()
    expect(page.get_by_text(f"{name} is deactivated and signed out.")).to_be_visible()


def row_of(page: Page, name: str) -> str:
    return page.get_by_role("row", name=name).inner_text()


def test_from_the_invitation_to_the_end_of_the_account(portal: Product, browser: Browser, page: Page) -> None:
    link = invite(page, "Charlie", "Role of bob")
    assert "Invited" in row_of(page, "Charlie")
    page.reload()
    assert link not in page.content()

    with elsewhere(browser, portal, "charlies-browser") as charlies:
        set_password(charlies, link)
        # Home is the first page that the role opens; a page that it does not open says what is missing, in the frame.
        expect(charlies.get_by_role("heading", name="Audit Logs")).to_be_visible()
        charlies.get_by_role("navigation", name="Main").get_by_role("link", name="Internet & SaaS API").click()
        expect(charlies.get_by_text("Your role does not have the “API Key Management” permission.")).to_be_visible()
        expect(charlies.get_by_role("navigation", name="Main")).to_be_visible()
        page.reload()
        assert "Active" in row_of(page, "Charlie")
        assert "just now" in row_of(page, "Charlie")

        change_role(page, "Charlie", "Role of alice")
        charlies.reload()
        expect(charlies.get_by_role("button", name="Add Authorization Server")).to_be_visible()

        deactivate(page, "Charlie")
        assert "Deactivated" in row_of(page, "Charlie")
        charlies.get_by_role("navigation", name="Main").get_by_role("link", name="Administrators").click()
        expect(charlies.get_by_role("heading", name="Sign in")).to_be_visible()
        charlies.get_by_label("E-mail address").fill("charlie@acme.example")
        charlies.get_by_label("Password").fill(PASSWORD)
        charlies.get_by_role("button", name="Sign in").click()
        expect(charlies.get_by_text("The e-mail address or the password is wrong.")).to_be_visible()


def test_a_role_is_made_given_edited_and_deleted(page: Page) -> None:
    follow(page, "Role Management")
    page.get_by_role("button", name="Create Role").click()
    dialog = page.get_by_role("dialog", name="Create Role")
    dialog.get_by_label("Name", exact=True).fill("Auditor")
    dialog.get_by_role("checkbox", name="Audit Logs").check()
    dialog.get_by_role("button", name="Create Role").click()
    expect(page.get_by_text("Created the role Auditor.")).to_be_visible()

    page.get_by_role("button", name="Edit Auditor").click()
    dialog = page.get_by_role("dialog", name="Edit Role")
    expect(dialog.get_by_role("checkbox", name="Audit Logs")).to_be_checked()
    dialog.get_by_role("checkbox", name="Activity").check()
    dialog.get_by_role("button", name="Save").click()
    matrix = page.get_by_role("table", name="Permissions of each role")
    expect(matrix.get_by_role("row", name="Auditor no no yes yes")).to_be_visible()

    page.get_by_role("button", name="Delete Auditor", exact=True).click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Deleted the role Auditor.")).to_be_visible()
    expect(page.get_by_role("row", name="Auditor")).to_have_count(0)
    locked = page.get_by_role(
        "button", name="Delete Role of bob: A role cannot be deleted while administrators have it."
    )
    expect(locked).to_have_attribute("aria-disabled", "true")


def test_the_last_full_administrator_is_told_what_to_do(page: Page) -> None:
    page.get_by_role("button", name="Change Role of Alice").click()
    dialog = page.get_by_role("dialog", name="Change Role")
    dialog.get_by_label("Role", exact=True).select_option("Role of bob")
    dialog.get_by_role("button", name="Change Role").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Give another administrator a role with every permission first")
    expect(dialog.get_by_label("Role", exact=True)).to_have_value("Role of bob")
    page.keyboard.press("Escape")
    page.get_by_role("alertdialog").get_by_role("button", name="Discard").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Change Role of Alice")).to_be_focused()


def test_on_a_telephone_nothing_is_cut_off_and_everything_works(portal: Product, browser: Browser, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    for entry in ("Administrators", "Role Management"):
        page.get_by_role("button", name="Open the navigation").click()
        page.get_by_role("navigation", name="Main").get_by_role("link", name=entry).click()
        expect(page.get_by_role("heading", name=entry, level=1)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.go_back()
    link = invite(page, "Bob2", "Role of bob")
    with elsewhere(browser, portal, "bob2s-telephone") as telephone:
        telephone.set_viewport_size({"width": 390, "height": 844})
        set_password_on_a_telephone(telephone, link)
    deactivate(page, "Bob2")


def set_password_on_a_telephone(page: Page, link: str) -> None:
    page.goto(link)
    for label in ("New password", "Confirm new password"):
        page.get_by_label(label, exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Set password and sign in").click()
    expect(page.get_by_role("heading", name="Audit Logs")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_everything_works_without_scripts(portal: Product, browser: Browser) -> None:
    with portal_page(browser, portal.portal, name="no-scripts", scripts=False) as page:
        sign_in(page, ALICE)
        follow(page, "Administrators")
        page.get_by_role("button", name="Invite Administrator").click()
        page.get_by_label("Name", exact=True).fill("Bob3")
        page.get_by_label("E-mail address").fill("bob3@acme.example")
        page.get_by_role("dialog").get_by_label("Role", exact=True).select_option("Role of bob")
        page.get_by_role("button", name="Create Invitation").click()
        expect(page.locator("#sign-in-link")).to_contain_text("/sign-in/")
        page.get_by_role("button", name="Done").click()
        page.get_by_label("Name, e-mail or role").fill("bob3")
        page.get_by_role("button", name="Filter").click()
        page.get_by_role("button", name="Deactivate Bob3").click()
        page.get_by_role("alertdialog").get_by_role("button", name="Deactivate").click()
        expect(page.get_by_text("Bob3 is deactivated and signed out.")).to_be_visible()
