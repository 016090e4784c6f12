"""A server with a certificate of an authority of its own, from the first failed validation to the refreshed keys."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from kit.authorities import issue, presenting, server
from kit.key_server import serves
from kit.portal_alone import ALICE, ALICE_OF_INITECH, CHARLIE, GOOD_KEYS, Portal, running_portal
from kit.portal_pages import VALIDATION_MILLISECONDS, ServerDialog, ServersPage
from kit.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]

ROOT = issue("Acme Internal Root CA")
ISSUING = issue("Acme Issuing CA", by=ROOT)
CERTIFICATE = presenting(server(ISSUING), ISSUING, ROOT)
REMEDIES = (
    'Attach the certificate of the server\'s own authority under "CA certificate"',
    "Or change the server certificate to one signed by a recognized authority",
    'Disable certificate validation using the option "JWKS Server Certificate Validation" only if neither is possible',
)


@pytest.fixture(scope="module")
def portal(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running_portal(tmp_path_factory.mktemp("authority"), browser, unknown=CERTIFICATE) as running:
        yield running


def fail_to_validate(portal: Portal, page: Page) -> ServerDialog:
    dialog = ServersPage(page).add()
    dialog.fill(portal.registration(jwks_location=portal.stranger.location))
    dialog.validate()
    dialog.expect_step("The SSL certificate of the server is signed by an unrecognized Certificate Authority (CA).")
    return dialog


def trust_the_root(dialog: ServerDialog) -> None:
    dialog.dialog.get_by_role("button", name="Trust this CA certificate").click()
    expect(dialog.field("CA certificate")).to_have_value(ROOT.pem)


def edits(portal: Portal) -> list[dict[str, Any]]:
    """What the audit log says of edits, oldest first."""
    path = Path(portal.product.environment["WATCHWORD_DATA_DIR"]) / "watchword.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT changes FROM audit_auditevent WHERE action = 'server_edited' ORDER BY sequence")
        return [json.loads(changes) for (changes,) in rows]


def test_from_an_unknown_authority_to_keys_that_stay_fresh(portal: Portal) -> None:
    # Other tests of this file, in any order, may have had responses from it.
    answered = len(portal.stranger.requests)
    with portal.open(ALICE, "trust-the-root") as page:
        dialog = fail_to_validate(portal, page)
        for remedy in REMEDIES:
            dialog.expect_step(remedy)
        result = dialog.dialog.get_by_role("group", name="Result of the validation")
        presented = result.get_by_role("list", name="Certificates the server presented").get_by_role("listitem")
        expect(presented).to_have_count(3)
        expect(presented.nth(0)).to_contain_text("issued by Acme Issuing CA")
        expect(presented.nth(2)).to_contain_text(ROOT.fingerprint)
        expect(result.get_by_text("Trust this CA: Acme Internal Root CA")).to_be_visible()
        expect(dialog.save_button).to_have_count(0)
        assert len(portal.stranger.requests) == answered

        trust_the_root(dialog)
        attached = dialog.dialog.get_by_role("list", name="Attached CA certificates")
        expect(attached).to_contain_text(ROOT.fingerprint)
        expect(dialog.save_button).to_have_count(0)
        expect(dialog.dialog.get_by_role("button", name="Validate", exact=True)).to_be_focused()
        dialog.expect_typed(portal.registration(jwks_location=portal.stranger.location))
        dialog.validate()
        dialog.expect_validated()
        expect(attached).to_contain_text("Acme Internal Root CA")
        dialog.save()
        badge = page.get_by_text("Private CA", exact=True)
        expect(badge).to_have_attribute("title", re.compile(ROOT.fingerprint))

        # The worker fetches with the attached authority, too.
        fetched = len(portal.stranger.requests)
        portal.product.start("worker")
        ServersPage(page).refresh_keys("ProdOkta")
        wait_until(lambda: len(portal.stranger.requests) > fetched, what="the worker fetched the keys", timeout=20)
        page.reload()
        expect(page.get_by_text("Failing since")).to_have_count(0)
        portal.product.stop("worker")

        switch_validation_off(portal, page)


def switch_validation_off(portal: Portal, page: Page) -> None:
    dialog = ServersPage(page).edit("ProdOkta")
    expect(dialog.save_button).to_be_visible()
    expect(dialog.field("CA certificate")).to_have_value(ROOT.pem)
    dialog.field("JWKS Server Certificate Validation").uncheck()
    expect(dialog.save_button).to_have_count(0)
    expect(dialog.dialog.get_by_text("Not used while certificate validation is off.")).to_be_visible()
    dialog.validate()
    dialog.expect_validated()
    # What is not used may change without a validation.
    dialog.field("CA certificate").press("End")
    dialog.field("CA certificate").type("\n")
    expect(dialog.save_button).to_be_visible()
    dialog.save()
    expect(page.get_by_text("Certificate not validated")).to_be_visible()
    expect(page.get_by_text("Private CA", exact=True)).to_have_count(0)
    (edited,) = edits(portal)
    assert edited["verify_certificate"] == [True, False]
    assert "ca_bundle" not in edited


def test_save_and_trust_come_and_go_with_exactly_what_was_validated(portal: Portal) -> None:
    with portal.open(CHARLIE, "authority-changed") as page:
        dialog = fail_to_validate(portal, page)
        trust = dialog.dialog.get_by_role("button", name="Trust this CA certificate")
        expect(trust).to_be_visible()
        location = dialog.field("OAuth 2.0 JWKS Location")
        location.press("End")
        location.type("2")
        expect(trust).to_have_count(0)
        location.press("Backspace")
        dialog.validate()
        expect(trust).to_be_visible(timeout=VALIDATION_MILLISECONDS)
        trust_the_root(dialog)
        dialog.validate()
        dialog.expect_validated()
        certificate = dialog.field("CA certificate")
        certificate.fill(issue("Globex Root").pem)
        expect(dialog.save_button).to_have_count(0)
        expect(dialog.dialog.get_by_role("list", name="Attached CA certificates")).to_have_count(0)
        certificate.fill(ROOT.pem)
        expect(dialog.save_button).to_be_visible()
        certificate.fill("")
        expect(dialog.save_button).to_have_count(0)
        dialog.validate()
        dialog.expect_step("unrecognized Certificate Authority (CA)")
        certificate.fill(issue("Globex Root").pem)
        dialog.validate()
        dialog.expect_step("signed neither by a recognized nor by the attached authority.")
        expect(dialog.save_button).to_have_count(0)


def test_pasted_private_key_is_removed_from_the_page(portal: Portal) -> None:
    with portal.open(ALICE_OF_INITECH, "private-key") as page:
        dialog = ServersPage(page).add()
        dialog.fill(portal.registration())
        dialog.dialog.get_by_text("CA certificate", exact=True).click()
        dialog.field("CA certificate").fill(ROOT.key_pem)
        dialog.validate()
        expect(dialog.dialog.get_by_text("DANGER: this contains a PRIVATE KEY").first).to_be_visible()
        expect(dialog.field("CA certificate")).to_have_value("")
        expect(dialog.field("CA certificate")).to_have_accessible_description(re.compile("PRIVATE KEY"))
        assert ROOT.key_pem.splitlines()[1] not in page.content()
        expect(dialog.save_button).to_have_count(0)


def test_trust_works_without_scripts(portal: Portal) -> None:
    portal.stranger.behaviour = serves(GOOD_KEYS)
    with portal.open(ALICE_OF_INITECH, "trust-without-scripts", scripts=False) as page:
        dialog = fail_to_validate(portal, page)
        trust_the_root(dialog)
        dialog.expect_typed(portal.registration(jwks_location=portal.stranger.location))
        expect(dialog.dialog.get_by_text("then press Validate")).to_be_visible()
        dialog.validate()
        dialog.expect_validated()
        dialog.save_button.click()
        expect(page.get_by_text("Added ProdOkta.")).to_be_visible()
        expect(page.get_by_text("Private CA", exact=True)).to_be_visible()
