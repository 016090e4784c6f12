"""Find from issuer, against a real TLS server."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from kit import sample_portal
from kit.certificates import FROM_UNKNOWN_AUTHORITY
from kit.key_server import KeyServer, answers
from kit.metadata_portal import Portal, error, metadata, portal_of, text, value
from kit.registrations import expire, suspend
from kit.sample_portal import PROD_OKTA
from watchword.control.audit.models import AuditEvent
from watchword.control.servers.models import AuthorizationServer
from watchword.control.servers.validate import ATTEMPTS, BeginValidation

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from watchword.control.identity.models import Person
    from watchword.control.servers.rules import ServerFields

pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]


@pytest.fixture
def portal(alice: Person, metadata_server: KeyServer) -> Portal:
    return portal_of(alice, metadata_server)


def add(portal: Portal, fields: ServerFields) -> UUID:
    return sample_portal.add(sample_portal.acting(portal.person), fields)


class TestFindFromIssuer:
    @pytest.mark.parametrize("htmx", [True, False])
    def test_the_location_is_filled_in_and_all_else_stays(self, portal: Portal, htmx: bool) -> None:  # noqa: FBT001
        page = text(portal.post("find", portal.typed(issuer=portal.issuer, description="Mine"), htmx=htmx))
        assert value(page, "jwks_location") == f"{portal.issuer}/keys"
        assert value(page, "issuer") == portal.issuer
        assert value(page, "name") == "Typed"
        assert ">Mine</textarea>" in page
        assert "Press <strong>Validate</strong> next." in page
        assert 'id="save"' not in page
        assert "data-again" in page

    def test_nothing_is_written(self, portal: Portal) -> None:
        events = AuditEvent.objects.count()
        portal.post("find", portal.typed(issuer=portal.issuer))
        assert not AuthorizationServer.objects.exists()
        assert AuditEvent.objects.count() == events

    def test_filled_in_location_can_be_validated(self, portal: Portal) -> None:
        page = text(portal.post("find", portal.typed(issuer=portal.issuer)))
        typed = portal.typed(issuer=portal.issuer, jwks_location=value(page, "jwks_location"), filled="on")
        assert 'id="save"' in text(portal.post("validate", typed))

    def test_a_location_that_is_replaced_is_shown_and_can_be_put_back(self, portal: Portal) -> None:
        before = "https://old.acme.example/keys"
        page = text(portal.post("find", portal.typed(issuer=portal.issuer, jwks_location=before)))
        assert f"<del>{before}</del> → <ins>{portal.issuer}/keys</ins>" in page
        assert value(page, "replaced_jwks_location") == before
        sent = {name: value(page, name) for name in ("jwks_location", "replaced_jwks_location", "replaced_issuer")}
        page = text(portal.post("fill", portal.typed(**sent, filled="on", fill="before")))
        assert value(page, "jwks_location") == before
        assert value(page, "issuer") == portal.issuer
        assert "are as they were before" in page
        assert 'name="filled"' not in page

    def test_a_location_that_was_validated_and_is_the_same_stays_validated(self, portal: Portal) -> None:
        typed = portal.typed(issuer=portal.issuer, jwks_location=f"{portal.issuer}/keys")
        receipt = value(text(portal.post("validate", typed)), "receipt")
        page = text(portal.post("find", {**typed, "receipt": receipt}))
        assert value(page, "receipt") == receipt
        assert 'id="save"' in page
        assert "names this JWKS location and this issuer" in page
        assert 'id="fill-before"' not in page

    @pytest.mark.parametrize(
        ("typed", "words"),
        [("", "Enter the Issuer URI first"), ("http://login.acme.example", "does not begin with https://")],
    )
    def test_bad_issuer_shows_its_error_at_the_field(self, portal: Portal, typed: str, words: str) -> None:
        response = portal.post("find", portal.typed(issuer=typed))
        assert response.status_code == 422
        assert words in error(text(response))
        assert value(text(response), "issuer") == typed
        assert portal.server.connections == 0

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"issuer": "https://evil.example/<b>"}, "The issuer in the metadata is not a URL"),
            ({"issuer": "https://evil.example/"}, "“https://evil.example/” and not “https://127.0.0.1"),
            ({"jwks_uri": None}, "The jwks_uri in the metadata is missing."),
            ({"jwks_uri": "http://127.0.0.1/keys"}, "The jwks_uri in the metadata does not begin with https://."),
        ],
    )
    def test_hostile_metadata_fills_in_nothing(self, portal: Portal, changes: dict[str, Any], words: str) -> None:
        portal.server.behaviour = metadata(portal.server, **changes)
        response = portal.post("find", portal.typed(issuer=portal.issuer))
        page = text(response)
        assert response.status_code == 422
        assert words in error(page)
        assert "<b>" not in page
        assert value(page, "jwks_location") == ""
        assert value(page, "issuer") == portal.issuer
        assert 'name="filled"' not in page

    def test_missing_metadata_is_an_error_at_the_issuer(self, portal: Portal) -> None:
        portal.server.behaviour = answers(404)
        assert "no metadata for this issuer" in error(text(portal.post("find", portal.typed(issuer=portal.issuer))))

    def test_the_certificate_setting_of_the_form_counts(
        self, alice: Person, allow: Callable[[KeyServer], None]
    ) -> None:
        with KeyServer(answers(404), FROM_UNKNOWN_AUTHORITY) as unknown:
            allow(unknown)
            unknown.behaviour = metadata(unknown)
            portal = portal_of(alice, unknown)
            typed = portal.typed(issuer=portal.issuer)
            assert "unrecognized Certificate Authority" in error(text(portal.post("find", typed)))
            del typed["verify_certificate"]
            page = text(portal.post("find", typed))
            assert value(page, "jwks_location") == f"{portal.issuer}/keys"

    def test_bad_ca_certificate_shows_its_error_at_the_field(self, portal: Portal) -> None:
        response = portal.post("find", portal.typed(issuer=portal.issuer, authority="nonsense"))
        assert response.status_code == 422
        assert "Paste nothing but the lines" in error(text(response), "authority")
        assert portal.server.connections == 0

    def test_metadata_fetches_count_as_validations(self, portal: Portal) -> None:
        actor = sample_portal.acting(portal.person)
        for _ in range(ATTEMPTS - 1):
            BeginValidation(organization_id="acme").run(actor, timezone.now())
        assert portal.post("find", portal.typed(issuer=portal.issuer)).status_code == 200
        connections = portal.server.connections
        response = portal.post("find", portal.typed(issuer=portal.issuer))
        assert response.status_code == 429
        assert "seconds" in error(text(response))
        assert portal.post("validate", portal.typed(jwks_location=portal.server.location)).status_code == 429
        assert portal.server.connections == connections

    @pytest.mark.parametrize("lock", [expire, suspend])
    @pytest.mark.parametrize("route", ["find", "fill"])
    def test_locked_organization_cannot_fetch_metadata(
        self, portal: Portal, lock: Callable[[], None], route: str
    ) -> None:
        lock()
        assert portal.post(route, portal.typed(issuer=portal.issuer)).status_code == 403
        assert portal.server.connections == 0

    @pytest.mark.usefixtures("alice")
    def test_role_without_the_permission_causes_no_connection(self, bob: Person, metadata_server: KeyServer) -> None:
        assert portal_of(bob, metadata_server).post("find", {"issuer": "https://127.0.0.1"}).status_code == 403
        assert metadata_server.connections == 0

    def test_an_edit_keeps_its_save_while_its_source_is_the_same(self, portal: Portal) -> None:
        same = replace(PROD_OKTA, jwks_location=f"{portal.issuer}/keys", issuer=portal.issuer)
        edited = add(portal, same)
        typed = portal.typed(issuer=portal.issuer, jwks_location=same.jwks_location, version="1")
        assert 'id="save"' in text(portal.post("find-edit", typed, edited))
        portal.server.behaviour = metadata(portal.server, jwks_uri=f"{portal.issuer}/other")
        page = text(portal.post("find-edit", typed, edited))
        assert 'id="save"' not in page
        assert value(page, "version") == "1"
