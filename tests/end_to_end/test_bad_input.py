"""Typing mistakes and attacks: each gets its own message, and nothing is saved."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kit import forge
from kit.key_server import redirects, sends_without_end, serves, stalls
from kit.portal_alone import ALICE, CHARLIE, GOOD_KEYS, Portal, running_portal
from kit.portal_pages import Registration, ServersPage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from kit.key_server import Behaviour

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]

HTML = b"<!DOCTYPE html><html><title>Sign in</title><p>Please sign in.</p></html>"


@dataclass(frozen=True)
class BadLocation:
    """A JWKS location that validation must refuse.

    Attributes:
        what: the name of the row.
        sentence: shown at the step.
        behaviour: of the key server; None if no server is contacted.
        location: the typed text, with `{port}` for the port of the key server.
    """

    what: str
    sentence: str | re.Pattern[str]
    behaviour: Behaviour | None = None
    location: str = "https://127.0.0.1:{port}/keys"


BAD_LOCATIONS = (
    BadLocation("http", "The JWKS location does not begin with https://.", location="http://127.0.0.1:{port}/keys"),
    # Without any DNS server the resolver cannot say that the name does not exist, only that it could not be looked up.
    BadLocation(
        "a host that does not resolve",
        re.compile(r"The host name in the JWKS location (does not exist or has no address|could not be looked up)\."),
        location="https://keys.acme.invalid:{port}/keys",
    ),
    BadLocation(
        "a private address",
        "This service does not connect to this host: its name or one of its addresses is not public or not allowed.",
        location="https://10.0.0.1:{port}/keys",
    ),
    BadLocation(
        "a redirect",
        "The server redirects to another location; redirects are not followed.",
        redirects("https://127.0.0.1/keys"),
    ),
    BadLocation(
        "HTML",
        "The server answered with a web page instead of a key set.",
        serves(HTML, content_type="text/html; charset=utf-8"),
    ),
    BadLocation("an empty key set", "The key set is empty.", serves({"keys": []})),
    BadLocation(
        "a private key in the set",
        "DANGER: the key set publishes PRIVATE key material.",
        serves({"keys": [{**forge.ec_key("alice").jwk(), "d": "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}]}),
    ),
    BadLocation("a slow answer", "The server did not answer completely within the time allowed.", stalls()),
    BadLocation(
        "an endless answer",
        "The server's answer is larger than allowed (256 KiB).",
        sends_without_end(
            b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"keys": [', b'{"kty": "EC"}, ' * 512
        ),
    ),
)
UNKNOWN_AUTHORITY = "The SSL certificate of the server is signed by an unrecognized Certificate Authority (CA)."

# The form's field, its label, the typed text, and the message at the field.
BAD_FIELDS = (
    ("name", "Name", "Prod Okta", "The name cannot contain spaces or line breaks."),
    ("name", "Name", "a" * 65, "The name cannot exceed 64 characters; this one has 65."),
    ("name", "Name", "Okté", "The name can only contain the letters A to Z and a to z and the digits 0 to 9."),
    ("description", "Description", "d" * 257, "The description cannot exceed 256 characters; this one has 257."),
)


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Portal]:
    with running_portal(tmp_path_factory.mktemp("bad-input"), browser) as running:
        yield running


@pytest.mark.parametrize("case", BAD_LOCATIONS, ids=lambda case: case.what)
def test_unusable_location_shows_the_problem_at_its_step(portal: Portal, case: BadLocation) -> None:
    portal.keys.behaviour = case.behaviour or serves(GOOD_KEYS)
    registration = portal.registration(jwks_location=case.location.format(port=portal.keys.port))
    with portal.open(ALICE, case.what) as page:
        expect_refused_validation(page, registration, case.sentence)


def test_unknown_authority_shows_its_remedies(
    portal: Portal,
) -> None:
    # Globex, because Acme uses up its ten validations a minute above.
    registration = portal.registration(jwks_location=portal.stranger.location)
    with portal.open(CHARLIE, "unknown-authority") as page:
        expect_refused_validation(
            page,
            registration,
            UNKNOWN_AUTHORITY,
            'Attach the certificate of the server\'s own authority under "CA certificate": validation stays on. '
            "Or change the server certificate to one signed by a recognized authority. Disable certificate validation "
            'using the option "JWKS Server Certificate Validation" only if neither is possible.',
        )
        dialog = ServersPage(page).add()
        dialog.fill(replace(registration, verify_certificate=False))
        dialog.validate()
        dialog.expect_validated()


def expect_refused_validation(page: Page, registration: Registration, *sentences: str | re.Pattern[str]) -> None:
    servers = ServersPage(page)
    dialog = servers.add()
    dialog.fill(registration)
    dialog.validate()
    for sentence in sentences:
        dialog.expect_step(sentence)
    dialog.expect_typed(registration)
    expect(dialog.save_button).to_have_count(0)
    assert servers.names() == []


def test_bad_fields_show_their_errors_and_keep_the_text(portal: Portal) -> None:
    portal.keys.behaviour = serves(GOOD_KEYS)
    with portal.open(CHARLIE, "fields") as page:
        servers = ServersPage(page)
        dialog = servers.add()
        dialog.fill(portal.registration())
        dialog.validate()
        dialog.expect_validated()
        for field, label, typed, sentence in BAD_FIELDS:
            registration = portal.registration(**{field: typed})
            dialog.fill(registration)
            dialog.save_button.click()
            # The message belongs to the field, also for screen readers.
            expect(dialog.field(label)).to_have_accessible_description(re.compile(re.escape(sentence)))
            expect(dialog.field(label)).to_be_focused()
            dialog.expect_typed(registration)
        assert servers.names() == []


def test_changing_a_validated_field_removes_save(portal: Portal) -> None:
    portal.keys.behaviour = serves(GOOD_KEYS)
    registration = portal.registration()
    with portal.open(CHARLIE, "changed") as page:
        dialog = ServersPage(page).add()
        dialog.fill(registration)
        dialog.validate()
        dialog.expect_validated()
        dialog.fill(replace(registration, jwks_location=registration.jwks_location + "2"))
        expect(dialog.save_button).to_have_count(0)
        dialog.fill(registration)
        expect(dialog.save_button).to_be_visible()
        dialog.fill(replace(registration, verify_certificate=False))
        expect(dialog.save_button).to_have_count(0)
