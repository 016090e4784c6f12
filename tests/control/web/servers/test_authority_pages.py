"""The CA certificate in the dialog and in the list, without scripts and in parts."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse

from kit import authorities, sample_portal
from kit.sample_portal import EXPIRED, PROD_OKTA, SELF_SIGNED, UNKNOWN_AUTHORITY, WITHOUT_ROOT, private_root
from watchword.control.servers import validate
from watchword.control.servers.models import AuthorizationServer

if TYPE_CHECKING:
    from uuid import UUID

    from watchword.control.identity.models import Person
    from watchword.control.servers.rules import ServerFields

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
INTERNAL = replace(PROD_OKTA, jwks_location=UNKNOWN_AUTHORITY)


@dataclass
class Portal:
    """A person's browser on Acme's page."""

    client: Client
    person: Person

    def get(self, name: str, *arguments: object) -> str:
        return text(self.client.get(reverse(f"servers:{name}", args=["acme", *arguments])))

    def post(self, name: str, form: dict[str, str], *arguments: object, htmx: bool = False) -> Any:
        return self.client.post(
            reverse(f"servers:{name}", args=["acme", *arguments]), form, headers=HTMX if htmx else {}
        )

    def add(self, fields: ServerFields) -> UUID:
        return sample_portal.add(sample_portal.acting(self.person), fields)

    def receipt(self, fields: ServerFields) -> str:
        return sample_portal.receipt_for(sample_portal.acting(self.person), fields)


def typed(fields: ServerFields, **more: str) -> dict[str, str]:
    boxes = {name: "on" for name in ("enabled", "verify_certificate") if getattr(fields, name)}
    texts = ("name", "description", "jwks_location", "authority", "audience", "issuer", "client_id")
    return {**boxes, **{name: getattr(fields, name) for name in texts}, **more}


def text(response: Any) -> str:
    return str(response.content.decode())


def field(page: str) -> str:
    """What is in the text area."""
    (content,) = re.findall(r'<textarea[^>]*name="authority"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    return unescape(str(content))


def is_open(page: str) -> bool:
    return re.search(r'id="authority".*?<details open>', page, re.DOTALL) is not None


@pytest.fixture(autouse=True)
def _sample_answers(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(validate, "probe", sample_portal.probe)
    settings.ALLOWED_HOSTS = ["testserver"]


@pytest.fixture
def portal(alice: Person) -> Portal:
    client = Client()
    client.cookies["watchword_session"] = sample_portal.session_of(alice)
    return Portal(client, alice)


@pytest.mark.parametrize("htmx", [True, False])
def test_an_unknown_authority_is_named_with_three_remedies_its_chain_and_its_root(
    portal: Portal,
    htmx: bool,  # noqa: FBT001
) -> None:
    page = text(portal.post("validate", typed(INTERNAL), htmx=htmx))
    assert "signed by an unrecognized Certificate Authority (CA)." in page
    for remedy in ("Attach the certificate", "change the server certificate", "Disable certificate validation"):
        assert remedy in page
    for name in ("sso.internal.acme.example", "Acme Issuing CA 2", "Acme Corporation Internal Root CA"):
        assert name in page
    assert "Trust this CA" in page
    assert private_root().fingerprint in page
    assert "Compare it with the fingerprint that the operators of the server give you" in page
    assert "Trust this CA certificate" in page
    assert 'id="save"' not in page
    assert is_open(page)
    assert field(page) == ""


def test_a_self_signed_certificate_is_called_one(portal: Portal) -> None:
    page = text(portal.post("validate", typed(replace(INTERNAL, jwks_location=SELF_SIGNED))))
    assert "Trust this server certificate" in page
    assert "Trust this certificate" in page


def test_without_a_root_the_authority_to_ask_for_is_named(portal: Portal) -> None:
    page = text(portal.post("validate", typed(replace(INTERNAL, jwks_location=WITHOUT_ROOT))))
    assert (
        "ask the operators of the server for the certificate of <strong>Acme Corporation Internal Root CA</strong>"
        in page
    )
    assert 'id="trust"' not in page


def test_what_trust_cannot_cure_is_not_offered(portal: Portal) -> None:
    page = text(portal.post("validate", typed(replace(INTERNAL, jwks_location=EXPIRED))))
    assert "old.acme.example" in page
    assert 'id="trust"' not in page


def test_trust_fills_in_the_root_and_saves_nothing(portal: Portal) -> None:
    page = text(portal.post("trust", typed(INTERNAL, trust=private_root().pem)))
    assert field(page) == private_root().pem
    assert private_root().fingerprint in page
    assert "then press <strong>Validate</strong>" in page
    assert 'id="save"' not in page
    assert f'value="{UNKNOWN_AUTHORITY}"' in page
    assert is_open(page)
    assert not AuthorizationServer.objects.exists()
    validated = text(portal.post("validate", typed(replace(INTERNAL, authority=field(page)))))
    assert 'id="save"' in validated
    receipt = re.findall(r'name="receipt" value="([^"]+)"', validated)[0]
    wanted = replace(INTERNAL, authority=field(page).replace("\n", "\r\n"))
    assert portal.post("add", typed(wanted, receipt=receipt)).status_code == 302
    assert AuthorizationServer.objects.get().ca_bundle == private_root().pem
    assert "Private CA" in portal.get("list")


def test_trust_keeps_what_is_attached_already(portal: Portal) -> None:
    other = authorities.issue("Globex Root")
    page = text(portal.post("trust", typed(replace(INTERNAL, authority=other.pem), trust=private_root().pem)))
    assert private_root().pem in field(page)
    assert other.pem in field(page)


@pytest.mark.parametrize(
    "offered", ["", "nonsense", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----"]
)
def test_forged_certificate_is_refused_and_not_shown(portal: Portal, offered: str) -> None:
    response = portal.post("trust", typed(INTERNAL, trust=offered))
    assert response.status_code == 422
    assert field(text(response)) == ""
    assert "c2VjcmV0" not in text(response)


def test_trust_needs_permission_to_change_servers(portal: Portal, bob: Person) -> None:
    client = Client()
    client.cookies["watchword_session"] = sample_portal.session_of(bob)
    assert Portal(client, bob).post("trust", typed(INTERNAL, trust=private_root().pem)).status_code == 403
    other = "00000000-0000-4000-8000-000000000000"
    assert portal.post("trust-edit", typed(INTERNAL, trust=private_root().pem), other).status_code == 404
    assert portal.client.get(reverse("servers:trust", args=["acme"])).status_code == 405


@pytest.mark.parametrize(("route", "htmx"), [("validate", True), ("validate", False), ("add", False), ("trust", False)])
def test_private_key_is_refused_and_never_shown_again(
    portal: Portal,
    route: str,
    htmx: bool,  # noqa: FBT001
    caplog: pytest.LogCaptureFixture,
) -> None:
    secret = authorities.issue("Initech Root").key_pem
    fields = typed(replace(INTERNAL, authority=secret + private_root().pem), trust=private_root().pem)
    response = portal.post(route, fields, htmx=htmx)
    assert response.status_code == 422
    page = text(response)
    assert "DANGER: this contains a PRIVATE KEY" in page
    assert field(page) == ""
    assert is_open(page)
    for line in secret.splitlines()[1:-1]:
        assert line not in page + caplog.text
    assert not AuthorizationServer.objects.exists()


@pytest.mark.parametrize("htmx", [True, False])
def test_invalid_certificate_is_refused_at_the_field_and_kept(portal: Portal, htmx: bool) -> None:  # noqa: FBT001
    response = portal.post("validate", typed(replace(INTERNAL, authority="<b>nonsense")), htmx=htmx)
    assert response.status_code == 422
    assert field(text(response)) == "<b>nonsense"
    assert "<b>nonsense" not in text(response)
    assert text(response).count("Paste nothing but the lines") == 2


def test_edit_shows_what_is_attached_and_can_be_saved_at_once(portal: Portal) -> None:
    server = portal.add(replace(INTERNAL, authority=private_root().pem))
    page = portal.get("edit", server)
    assert field(page) == private_root().pem
    assert private_root().fingerprint in page
    assert is_open(page)
    assert 'id="save"' in page
    changed = replace(INTERNAL, authority=field(page).replace("\n", "\r\n"), client_id="acme-batch")
    assert portal.post("edit", typed(changed, version="1"), server).status_code == 302


def test_edit_of_the_authority_needs_a_validation(portal: Portal) -> None:
    server = portal.add(replace(INTERNAL, authority=private_root().pem))
    response = portal.post("edit", typed(INTERNAL, version="1"), server)
    assert response.status_code == 422
    assert "Validate the JWKS location before saving." in text(response)
    assert 'id="save"' not in text(response)
    page = text(portal.post("trust-edit", typed(INTERNAL, trust=authorities.issue("Globex").pem), server))
    assert 'id="save"' not in page
    # Trusting what is trusted already changes nothing, and asks for nothing.
    same = replace(INTERNAL, authority=private_root().pem)
    assert 'id="save"' in text(portal.post("trust-edit", typed(same, trust=private_root().pem), server))


def test_after_a_refused_save_the_validated_authority_stays_validated(portal: Portal) -> None:
    wanted = replace(INTERNAL, name="Prod Okta", authority=private_root().pem)
    page = text(portal.post("add", typed(wanted, receipt=portal.receipt(wanted))))
    assert 'id="save"' in page
    assert 'data-validated-authority="-----BEGIN CERTIFICATE-----' in page


def test_the_field_is_closed_while_nothing_is_attached(portal: Portal) -> None:
    page = portal.get("add")
    assert not is_open(page)
    assert "Not used while certificate validation is off" in page


def test_the_badges_of_the_list(portal: Portal) -> None:
    portal.add(replace(INTERNAL, authority=private_root().pem))
    ending = authorities.issue("Acme Root G1", expires_in_days=9).pem
    portal.add(replace(INTERNAL, name="Ending", enabled=False, authority=ending))
    page = portal.get("list")
    assert f"SHA-256 {private_root().fingerprint}" in page
    assert "Private CA expires soon" in page
    assert "Certificate not validated" not in page
    AuthorizationServer.objects.update(verify_certificate=False)
    page = portal.get("list")
    assert "Private CA" not in page
    assert page.count("Certificate not validated") == 2


def test_an_attached_certificate_that_ends_soon_or_has_ended_is_told_in_the_dialog(portal: Portal) -> None:
    server = portal.add(replace(INTERNAL, authority=authorities.issue("Acme Root G1", expires_in_days=9).pem))
    assert "add its replacement as well" in portal.get("edit", server)
    ended = authorities.issue("Acme Root G1", expires_in_days=-1).pem
    AuthorizationServer.objects.update(ca_bundle=ended)
    assert "Expired " in portal.get("edit", server)
    assert "Private CA expired" in portal.get("list")
