"""What the page says and asks where tokens of others would be accepted, and what a hand-made POST gets (M-06)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse

from kit import sample_portal
from kit.sample_portal import GITLAB, GOOGLE, PROD_OKTA
from watchword.control.servers import validate
from watchword.control.servers.models import AuthorizationServer

if TYPE_CHECKING:
    from uuid import UUID

    from watchword.control.identity.models import Person
    from watchword.control.servers.rules import ServerFields

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
OPEN = replace(PROD_OKTA, audience="", issuer="", client_id="")
AT_GOOGLE = replace(PROD_OKTA, jwks_location=GOOGLE, audience="acme.apps.googleusercontent.com", issuer="")
AT_GITLAB = replace(PROD_OKTA, jwks_location=GITLAB)
BOXES = ("enabled", "verify_certificate", "accept_any", "accept_anybody")


@dataclass
class Portal:
    """Alice's browser on Acme's page."""

    client: Client
    person: Person

    def url(self, name: str, *arguments: object) -> str:
        return reverse(f"servers:{name}", args=["acme", *arguments])

    def get(self, name: str, *arguments: object) -> str:
        return str(self.client.get(self.url(name, *arguments)).content.decode())

    def post(self, name: str, *arguments: object, form: dict[str, str] | None = None, htmx: bool = False) -> Any:
        return self.client.post(self.url(name, *arguments), form or {}, headers=HTMX if htmx else {})

    def save(self, fields: ServerFields) -> Any:
        receipt = sample_portal.receipt_for(sample_portal.acting(self.person), fields)
        return self.post("add", form=typed(fields, receipt=receipt))

    def add(self, fields: ServerFields) -> UUID:
        return sample_portal.add(sample_portal.acting(self.person), fields)


def typed(fields: ServerFields, **more: str) -> dict[str, str]:
    boxes = {name: "on" for name in BOXES if getattr(fields, name)}
    texts = ("name", "description", "jwks_location", "authority", "audience", "issuer", "client_id")
    return {**boxes, **{name: getattr(fields, name) for name in texts}, **more}


def text(response: Any) -> str:
    return str(response.content.decode())


def is_checked(page: str, box: str) -> bool:
    found = re.search(rf'<input type="checkbox"\s[^>]*id="id_{box}"[^>]*>', page)
    assert found is not None
    return "checked" in found[0]


@pytest.fixture(autouse=True)
def _sample_answers(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(validate, "probe", sample_portal.probe)
    settings.ALLOWED_HOSTS = ["testserver"]


@pytest.fixture
def portal() -> Portal:
    sample_portal.acme()
    alice = sample_portal.alice()
    client = Client()
    client.cookies["watchword_session"] = sample_portal.session_of(alice)
    return Portal(client, alice)


def test_m06_the_dialog_of_what_accepts_every_token_has_the_box_checked_only_once_confirmed(portal: Portal) -> None:
    ordinary = portal.add(replace(PROD_OKTA, name="Ordinary", enabled=False))
    assert not is_checked(portal.get("edit", ordinary), "accept_any")
    confirmed = portal.add(replace(OPEN, accept_any=True))
    assert is_checked(portal.get("edit", confirmed), "accept_any")


def test_m06_a_post_that_leaves_the_confirmation_out_is_refused_at_add_and_edit(portal: Portal) -> None:
    response = portal.save(OPEN)
    assert response.status_code == 422
    assert "or confirm that this is what you want" in text(response)
    server = portal.add(replace(OPEN, accept_any=True))
    response = portal.post("edit", server, form=typed(OPEN, version="1"))
    assert response.status_code == 422
    assert AuthorizationServer.objects.get().version == 1


@pytest.mark.parametrize("value", ["off", "false", "no", "0", "", "ON"])
def test_m06_only_a_checked_box_confirms(portal: Portal, value: str) -> None:
    receipt = sample_portal.receipt_for(sample_portal.acting(portal.person), OPEN)
    response = portal.post("add", form=typed(OPEN, receipt=receipt, accept_any=value))
    assert (response.status_code, AuthorizationServer.objects.exists()) == (422, False)


def test_m06_the_list_keeps_the_warning_until_it_is_no_longer_so(portal: Portal) -> None:
    server = portal.add(replace(OPEN, accept_any=True))
    page = portal.get("list")
    assert "Every token this server signs is accepted" in page
    assert "Fill in at least one of the three." in page
    portal.post("edit", server, form=typed(replace(OPEN, audience="https://api.example.com"), version="1"))
    assert "Every token this server signs is accepted" not in portal.get("list")


def test_m06_validate_already_says_what_a_server_of_the_whole_world_needs(portal: Portal) -> None:
    for htmx in (True, False):
        page = text(portal.post("validate", form=typed(AT_GOOGLE), htmx=htmx))
        assert "Google signs the tokens of all Google accounts" in page
        assert "Enter the Audience URI of your application" in page
    assert "shared-server" not in text(portal.post("validate", form=typed(PROD_OKTA), htmx=True))


def test_m06_a_server_of_the_whole_world_is_refused_with_the_reason_and_no_box(portal: Portal) -> None:
    response = portal.save(replace(AT_GITLAB, accept_any=True, accept_anybody=True, audience="", issuer=""))
    page = text(response)
    assert response.status_code == 422
    assert 'id="expectations-error"' in page
    assert "GitLab.com signs the tokens of every project" in page
    assert not AuthorizationServer.objects.exists()


def test_m06_audience_that_anyone_can_request_must_be_confirmed(portal: Portal) -> None:
    assert "accept-anybody" not in portal.get("add")
    response = portal.save(AT_GOOGLE)
    page = text(response)
    assert response.status_code == 422
    assert "Accept tokens that anyone can request" in page
    assert "anyone who learns yours can call your API" in page
    assert not is_checked(page, "accept_anybody")
    assert portal.save(replace(AT_GOOGLE, accept_anybody=True)).status_code == 302
    assert "Anyone can request such a token from Google" in portal.get("list")
    assert is_checked(portal.get("edit", AuthorizationServer.objects.get().pk), "accept_anybody")


def test_m06_enabling_a_server_that_accepts_every_token_must_be_confirmed(portal: Portal) -> None:
    server = portal.add(replace(OPEN, accept_any=True, enabled=False))
    # The row leads to the confirmation also if there is no other reason for a dialog.
    assert f'hx-get="{portal.url("enable", server)}"' in portal.get("list")
    asked = portal.get("enable", server)
    assert "tokens issued for any service, by any issuer and to any client are accepted" in asked
    assert "Accept these tokens" in asked

    for htmx in (True, False):
        response = portal.post("enable", server, htmx=htmx)
        assert response.status_code == 422
        assert "every token that this server signs would be accepted" in text(response)
        assert "Accept these tokens" in text(response)
    assert not AuthorizationServer.objects.get().enabled

    assert portal.post("enable", server, form={"confirmed": "on"}).status_code == 302
    assert AuthorizationServer.objects.get().enabled


def test_m06_server_that_cannot_be_confirmed_cannot_be_enabled(portal: Portal) -> None:
    server = portal.add(replace(PROD_OKTA, enabled=False))
    AuthorizationServer.objects.update(jwks_location=GITLAB, audience=None)
    assert "Accept these tokens" not in portal.get("enable", server)
    response = portal.post("enable", server, form={"confirmed": "on"})
    assert response.status_code == 422
    assert "or use a GitLab of your own." in text(response)
    assert "Every token that GitLab.com signs is accepted" in portal.get("list")


def test_enabling_an_ordinary_server_needs_no_confirmation(portal: Portal) -> None:
    server = portal.add(replace(PROD_OKTA, enabled=False))
    assert "Accept these tokens" not in portal.get("enable", server)
    assert portal.post("enable", server).status_code == 302


@pytest.mark.parametrize(
    "name", ["Prod Okta", "ProdOkta\n", "Prod\nOkta", "Prod\tOkta", "Café", "Prod٣", "\uff30rod", "Prod²", "A" * 65, ""]
)
@pytest.mark.parametrize("dialog", ["add", "edit"])
def test_p05_invalid_name_is_refused_at_its_field(portal: Portal, dialog: str, name: str) -> None:
    if dialog == "add":
        response = portal.save(replace(PROD_OKTA, name=name))
        expected = []
    else:
        server = portal.add(PROD_OKTA)
        response = portal.post("edit", server, form=typed(replace(PROD_OKTA, name=name), version="1"))
        expected = ["ProdOkta"]
    assert response.status_code == 422
    assert 'id="id_name-error"' in text(response)
    assert [server.name for server in AuthorizationServer.objects.all()] == expected


@pytest.mark.parametrize("name", ["A" * 64, "z9", "0"])
def test_p05_a_name_of_64_ascii_letters_and_digits_is_saved_as_it_is(portal: Portal, name: str) -> None:
    assert portal.save(replace(PROD_OKTA, name=name)).status_code == 302
    assert AuthorizationServer.objects.get().name == name
