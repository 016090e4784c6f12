"""Find from issuer, and the button under a validation that met metadata, against a real TLS server."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from html import unescape
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from kit import sample_portal
from kit.certificates import FROM_UNKNOWN_AUTHORITY, authority_pem
from kit.forge import ec_key, key_set
from kit.key_server import Behaviour, Conversation, KeyServer, answers, serves
from kit.registrations import expire, suspend
from kit.sample_portal import PROD_OKTA
from watchword.control.audit.models import AuditEvent
from watchword.control.servers.models import AuthorizationServer
from watchword.control.servers.validate import ATTEMPTS, BeginValidation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from uuid import UUID

    from watchword.control.access.models import Person
    from watchword.control.servers.rules import ServerFields

pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]

OIDC = "/.well-known/openid-configuration"
KEYS = key_set(ec_key("first"))


@dataclass
class Portal:
    """A browser on Acme's page, and an authorization server."""

    client: Client
    person: Person
    server: KeyServer

    @property
    def issuer(self) -> str:
        return self.server.location_at("127.0.0.1", "")

    def post(self, name: str, form: dict[str, str], *arguments: object, htmx: bool = False) -> Any:
        headers = {"HX-Request": "true"} if htmx else {}
        return self.client.post(reverse(f"servers:{name}", args=["acme", *arguments]), form, headers=headers)

    def typed(self, **more: str) -> dict[str, str]:
        texts = ("description", "authority", "audience", "client_id")
        typed = {name: getattr(PROD_OKTA, name) for name in texts}
        return typed | {"verify_certificate": "on", "name": "Typed", "jwks_location": "", "issuer": "", **more}


def metadata(server: KeyServer, **changes: Any) -> Behaviour:
    """The keys, and at all other paths the metadata."""
    issuer = server.location_at("127.0.0.1", "")

    def on_request(conversation: Conversation) -> None:
        of_keys = conversation.request.startswith(b"GET /keys ")
        document = {"issuer": issuer, "jwks_uri": f"{issuer}/keys", **changes}
        serves(KEYS if of_keys else document).on_request(conversation)

    return Behaviour(on_request)


def text(response: Any) -> str:
    return str(response.content.decode())


def value(page: str, name: str) -> str:
    (found,) = re.findall(rf'<input[^>]*?name="{name}"\s+value="([^"]*)"', page)
    return unescape(str(found))


def error(page: str, field: str = "issuer") -> str:
    (found,) = re.findall(rf'id="id_{field}-error">.*?<span>(.*?)</span>', page, re.DOTALL)
    return unescape(str(found))


def portal_of(person: Person, server: KeyServer) -> Portal:
    client = Client()
    client.cookies["watchword_session"] = sample_portal.session_of(person)
    return Portal(client, person, server)


@pytest.fixture
def allow(settings: Any, tmp_path: Path) -> Callable[[KeyServer], None]:
    """Lets the operator's settings reach a server of the tests."""
    settings.ALLOWED_HOSTS = ["testserver"]
    (tmp_path / "ca.pem").write_text(authority_pem())

    def of(server: KeyServer) -> None:
        changes = {
            "jwks_allowed_networks": (ip_network("127.0.0.0/8"),),
            "jwks_allowed_ports": frozenset({server.port}),
            "jwks_ca_file": tmp_path / "ca.pem",
        }
        settings.WATCHWORD = settings.WATCHWORD.model_copy(update=changes)

    return of


@pytest.fixture
def server(allow: Callable[[KeyServer], None]) -> Iterator[KeyServer]:
    with KeyServer(answers(404)) as running:
        allow(running)
        running.behaviour = metadata(running)
        yield running


@pytest.fixture
def portal(alice: Person, server: KeyServer) -> Portal:
    return portal_of(alice, server)


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

    def test_what_it_led_to_can_be_validated(self, portal: Portal) -> None:
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
    def test_a_bad_issuer_has_its_error_beside_the_field(self, portal: Portal, typed: str, words: str) -> None:
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

    def test_nothing_at_both_places(self, portal: Portal) -> None:
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

    def test_a_bad_ca_certificate_has_its_error_at_its_field(self, portal: Portal) -> None:
        response = portal.post("find", portal.typed(issuer=portal.issuer, authority="nonsense"))
        assert response.status_code == 422
        assert "Paste nothing but the lines" in error(text(response), "authority")
        assert portal.server.connections == 0

    def test_it_counts_as_a_validation(self, portal: Portal) -> None:
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
    def test_locked_changes_lock_it_too(self, portal: Portal, lock: Callable[[], None], route: str) -> None:
        lock()
        assert portal.post(route, portal.typed(issuer=portal.issuer)).status_code == 403
        assert portal.server.connections == 0

    @pytest.mark.usefixtures("alice")
    def test_a_role_without_the_permission_connects_to_nothing(self, bob: Person, server: KeyServer) -> None:
        assert portal_of(bob, server).post("find", {"issuer": "https://127.0.0.1"}).status_code == 403
        assert server.connections == 0

    def test_an_edit_keeps_its_save_while_its_source_is_the_same(self, portal: Portal) -> None:
        same = replace(PROD_OKTA, jwks_location=f"{portal.issuer}/keys", issuer=portal.issuer)
        edited = add(portal, same)
        typed = portal.typed(issuer=portal.issuer, jwks_location=same.jwks_location, version="1")
        assert 'id="save"' in text(portal.post("find-edit", typed, edited))
        portal.server.behaviour = metadata(portal.server, jwks_uri=f"{portal.issuer}/other")
        page = text(portal.post("find-edit", typed, edited))
        assert 'id="save"' not in page
        assert value(page, "version") == "1"


class TestMetadataWhereTheKeySetWasExpected:
    def validate(self, portal: Portal, *, htmx: bool = True, path: str = OIDC, **more: str) -> str:
        return text(portal.post("validate", portal.typed(jwks_location=portal.issuer + path, **more), htmx=htmx))

    @pytest.mark.parametrize("htmx", [True, False])
    @pytest.mark.parametrize("path", [OIDC, "/.well-known/oauth-authorization-server"])
    def test_its_values_are_shown_and_offered(self, portal: Portal, htmx: bool, path: str) -> None:  # noqa: FBT001
        page = self.validate(portal, htmx=htmx, path=path)
        assert "Use its jwks_uri and issuer" in page
        shown = [
            value.strip() for value in re.findall('<dd class="mono">(.*?)</dd>', page, re.DOTALL) if "{" not in value
        ]
        assert shown == [f"{portal.issuer}/keys", portal.issuer]
        assert "belongs at another address" not in page
        assert value(page, "offered_jwks_location") == f"{portal.issuer}/keys"
        assert 'id="save"' not in page

    @pytest.mark.parametrize("htmx", [True, False])
    def test_they_are_filled_in_with_what_they_replace(self, portal: Portal, htmx: bool) -> None:  # noqa: FBT001
        page = self.validate(portal, issuer="https://other.example/")
        offered = {name: value(page, name) for name in ("offered_jwks_location", "offered_issuer")}
        typed = portal.typed(jwks_location=portal.issuer + OIDC, issuer="https://other.example/", **offered)
        page = text(portal.post("fill", {**typed, "fill": "metadata"}, htmx=htmx))
        assert value(page, "jwks_location") == f"{portal.issuer}/keys"
        assert value(page, "issuer") == portal.issuer
        assert value(page, "name") == "Typed"
        assert f"<del>https://other.example/</del> → <ins>{portal.issuer}</ins>" in page
        assert value(page, "replaced_issuer") == "https://other.example/"
        assert 'role="status" data-announce' in page
        assert not AuthorizationServer.objects.exists()

    def test_what_was_replaced_stays_with_a_form_without_scripts(self, portal: Portal) -> None:
        sent = {"filled": "on", "replaced_issuer": "https://other.example/", "replaced_jwks_location": "x"}
        page = text(portal.post("validate", portal.typed(jwks_location=portal.server.location, **sent)))
        assert value(page, "replaced_issuer") == "https://other.example/"
        assert 'id="fill-before"' in page

    def test_an_issuer_of_another_place_is_offered_with_a_warning(self, portal: Portal) -> None:
        portal.server.behaviour = metadata(portal.server, issuer="https://sts.acme.example/")
        page = self.validate(portal)
        assert "belongs at another address" in page
        assert value(page, "offered_issuer") == "https://sts.acme.example/"

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"jwks_uri": "http://127.0.0.1/keys"}, "The jwks_uri in the metadata does not begin with https://."),
            ({"jwks_uri": "javascript:alert(1)"}, "The jwks_uri in the metadata does not begin with https://."),
            ({"jwks_uri": 7}, "The jwks_uri in the metadata is not a text."),
            ({"jwks_uri": None}, "The jwks_uri in the metadata is missing."),
            ({"jwks_uri": "https://a.example/" + "x" * 9000}, "longer than 2,048 characters"),
            ({"issuer": "https://a.example/\u202e"}, "The issuer in the metadata contains a blank"),
            ({"issuer": "https://a.example/{tenantid}/v2.0"}, "The issuer in the metadata contains a placeholder"),
            ({"issuer": {"a": 1}}, "The issuer in the metadata is not a text."),
            ({"issuer": None}, "The issuer in the metadata is missing."),
        ],
    )
    def test_hostile_values_are_not_offered(self, portal: Portal, changes: dict[str, Any], words: str) -> None:
        portal.server.behaviour = metadata(portal.server, **changes)
        page = self.validate(portal)
        assert words in page
        assert 'id="fill-metadata"' not in page
        assert "offered_" not in page
        assert "alert(1)" not in page

    @pytest.mark.parametrize(
        "sent",
        [{"fill": "metadata"}, {"fill": "metadata", "offered_issuer": "x"}, {"fill": "before"}, {"fill": "x"}, {}],
    )
    def test_where_nothing_was_offered_nothing_changes(self, portal: Portal, sent: dict[str, str]) -> None:
        page = text(portal.post("fill", portal.typed(jwks_location="https://a.example/k", issuer="mine", **sent)))
        assert value(page, "jwks_location") == "https://a.example/k"
        assert value(page, "issuer") == "mine"
        assert 'name="filled"' not in page

    def test_what_was_typed_is_text(self, portal: Portal) -> None:
        sent = {"offered_jwks_location": '"><script>alert(1)</script>', "offered_issuer": "<b>"}
        page = text(portal.post("fill", portal.typed(**sent, fill="metadata")))
        assert "<script>alert" not in page
        assert "<b>" not in page
