"""The button under a validation that found metadata, and Undo, against a real TLS server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from kit.metadata_portal import OIDC, Portal, metadata, portal_of, text, value
from watchword.control.servers.models import AuthorizationServer

if TYPE_CHECKING:
    from kit.key_server import KeyServer
    from watchword.control.identity.models import Person

pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]


@pytest.fixture
def portal(alice: Person, metadata_server: KeyServer) -> Portal:
    return portal_of(alice, metadata_server)


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
    def test_fill_without_an_offer_changes_nothing(self, portal: Portal, sent: dict[str, str]) -> None:
        page = text(portal.post("fill", portal.typed(jwks_location="https://a.example/k", issuer="mine", **sent)))
        assert value(page, "jwks_location") == "https://a.example/k"
        assert value(page, "issuer") == "mine"
        assert 'name="filled"' not in page

    def test_typed_values_are_escaped(self, portal: Portal) -> None:
        sent = {"offered_jwks_location": '"><script>alert(1)</script>', "offered_issuer": "<b>"}
        page = text(portal.post("fill", portal.typed(**sent, fill="metadata")))
        assert "<script>alert" not in page
        assert "<b>" not in page
