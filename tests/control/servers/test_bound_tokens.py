"""The setting that accepts tokens bound to a key or certificate, from the form to the verifiers (FL-04)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse

from kit import registrations, sample_portal
from kit.registrations import ALICE, add, events, revision
from kit.sample_portal import PROD_OKTA
from watchword.control.servers.commands import EditServer
from watchword.control.servers.models import AuthorizationServer
from watchword.control.servers.trust import trust_of

if TYPE_CHECKING:
    from uuid import UUID

    from watchword.control.identity.models import Person

pytestmark = pytest.mark.django_db

ACCEPTING = replace(PROD_OKTA, accepts_bound_tokens=True)
BOX = 'name="accepts_bound_tokens"'
WARNING = "Tokens bound to a key or certificate are accepted without proof of possession."


def accepted_by_verifiers() -> bool:
    server = trust_of("acme").server
    assert server is not None
    return server.accepts_bound_tokens


# -------------------------------------------------------------------- commands


def test_fl_04_new_registration_refuses_bound_tokens() -> None:
    registrations.organization("acme")
    add()
    assert not accepted_by_verifiers()
    assert events("server_added")[0].changes["accepts_bound_tokens"] == [None, False]


@pytest.mark.parametrize("accepts", [True, False])
def test_fl_04_edit_of_the_setting_is_published_and_audited(accepts: bool) -> None:  # noqa: FBT001 - a parameter.
    registrations.organization("acme")
    server = add(accepts_bound_tokens=not accepts)
    before = revision()
    fields = registrations.fields(accepts_bound_tokens=accepts)
    EditServer(organization_id="acme", server_id=server.pk, expected_version=1, fields=fields).run(ALICE)
    assert accepted_by_verifiers() is accepts
    assert revision() == before + 1
    (event,) = events("server_edited")
    assert event.changes == {"accepts_bound_tokens": [not accepts, accepts]}


# -------------------------------------------------------------------- pages


class Portal:
    """Alice's browser on Acme's page."""

    def __init__(self) -> None:
        sample_portal.acme()
        self.alice: Person = sample_portal.alice()
        self.client = Client()
        self.client.cookies["watchword_session"] = sample_portal.session_of(self.alice)

    def add(self, *, accepts: bool) -> UUID:
        fields = ACCEPTING if accepts else PROD_OKTA
        return sample_portal.add(sample_portal.acting(self.alice), fields)

    def page(self, name: str, *arguments: object) -> str:
        return str(self.client.get(reverse(f"servers:{name}", args=["acme", *arguments])).content.decode())

    def save(self, name: str, *arguments: object, **form: str) -> Any:
        texts = ("name", "description", "jwks_location", "audience", "issuer", "client_id")
        typed = {text: getattr(PROD_OKTA, text) for text in texts}
        boxes = {"enabled": "on", "verify_certificate": "on"}
        return self.client.post(reverse(f"servers:{name}", args=["acme", *arguments]), {**boxes, **typed, **form})


@pytest.fixture
def portal(settings: Any) -> Portal:
    settings.ALLOWED_HOSTS = ["testserver"]
    return Portal()


def test_fl_04_window_shows_the_setting_under_more_options(portal: Portal) -> None:
    added = portal.page("add")
    assert '<details class="more-options">' in added
    assert f"{BOX} checked" not in added
    edited = portal.page("edit", portal.add(accepts=True))
    assert '<details class="more-options" open>' in edited
    assert f"{BOX} checked" in edited
    assert "a stolen token of this kind can be used" in edited


def test_fl_04_page_warns_as_long_as_bound_tokens_are_accepted(portal: Portal) -> None:
    server = portal.add(accepts=True)
    page = portal.page("list")
    assert WARNING in page
    assert "To refuse them: Edit, More options." in page
    assert portal.save("edit", server, version="1").status_code == 302
    assert WARNING not in portal.page("list")
    assert not accepted_by_verifiers()


@pytest.mark.parametrize(
    ("value", "accepts"), [("on", True), ("off", False), ("true", False), ("1", False), ("", False)]
)
def test_fl_04_only_a_checked_box_accepts_bound_tokens(portal: Portal, value: str, accepts: bool) -> None:  # noqa: FBT001
    receipt = sample_portal.receipt_for(sample_portal.acting(portal.alice), PROD_OKTA)
    assert portal.save("add", receipt=receipt, accepts_bound_tokens=value).status_code == 302
    assert AuthorizationServer.objects.get().accepts_bound_tokens is accepts


def test_fl_04_stale_edit_shows_stored_and_typed_values(portal: Portal) -> None:
    server = portal.add(accepts=True)
    portal.save("edit", server, version="1", accepts_bound_tokens="on")
    response = portal.save("edit", server, version="1")
    assert response.status_code == 409
    page = response.content.decode()
    assert "<dt>Accept tokens bound to a key or certificate</dt><dd><del>on</del> → <ins>off</ins></dd>" in page
