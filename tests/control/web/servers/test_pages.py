"""The page as the browser gets it without scripts, and in parts as htmx gets it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_htmx.http import HttpResponseStopPolling

from kit import sample_portal
from kit.sample_portal import LOCATION, PROD_OKTA, STANDBY, UNKNOWN_AUTHORITY
from watchword.control.base.actor import command_line
from watchword.control.organizations.commands import Suspend
from watchword.control.organizations.models import SuspensionReason
from watchword.control.servers import queries, validate
from watchword.control.servers.models import AuthorizationServer, KeySetState
from watchword.jwks.problem import Problem

if TYPE_CHECKING:
    from uuid import UUID

    from watchword.control.identity.models import Person
    from watchword.control.servers.rules import ServerFields

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@dataclass
class Portal:
    """A person's browser on Acme's page."""

    client: Client
    person: Person

    def url(self, name: str, *arguments: object) -> str:
        return reverse(f"servers:{name}", args=["acme", *arguments])

    def get(self, name: str, *arguments: object, htmx: bool = False) -> Any:
        return self.client.get(self.url(name, *arguments), headers=HTMX if htmx else {})

    def post(self, name: str, *arguments: object, form: dict[str, str] | None = None, htmx: bool = False) -> Any:
        return self.client.post(self.url(name, *arguments), form or {}, headers=HTMX if htmx else {})

    def add(self, fields: ServerFields) -> UUID:
        return sample_portal.add(sample_portal.acting(self.person), fields)

    def receipt(self, fields: ServerFields) -> str:
        return sample_portal.receipt_for(sample_portal.acting(self.person), fields)


def typed(fields: ServerFields, **more: str) -> dict[str, str]:
    """The fields as a browser sends them: a box that is not checked is not sent."""
    boxes = {name: "on" for name in ("enabled", "verify_certificate", "accept_any") if getattr(fields, name)}
    texts = ("name", "description", "jwks_location", "authority", "audience", "issuer", "client_id")
    return {**boxes, **{name: getattr(fields, name) for name in texts}, **more}


def text(response: Any) -> str:
    return str(response.content.decode())


def has_save(response: Any) -> bool:
    return 'id="save"' in text(response)


def signed_in(person: Person) -> Portal:
    client = Client()
    client.cookies["watchword_session"] = sample_portal.session_of(person)
    return Portal(client, person)


@pytest.fixture(autouse=True)
def _sample_answers(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(validate, "probe", sample_portal.probe)
    settings.ALLOWED_HOSTS = ["testserver"]


@pytest.fixture
def portal(alice: Person) -> Portal:
    return signed_in(alice)


class TestList:
    def test_the_empty_page_says_what_to_do(self, portal: Portal) -> None:
        response = portal.get("list")
        assert response.status_code == 200
        assert "<strong>0 of 2</strong> used" in text(response)
        for product in ("Okta", "Microsoft Entra ID", "PingFederate", "Auth0", "Keycloak", "Amazon Cognito"):
            assert product in text(response)

    def test_rows_show_their_servers(self, portal: Portal) -> None:
        portal.add(PROD_OKTA)
        portal.add(STANDBY)
        page = text(portal.get("list"))
        assert "<strong>2 of 2</strong> used" in page
        assert "<strong>1</strong> enabled" in page
        assert "login.acme.example" in page
        assert "prod-2026-11" in page
        assert "Certificate not validated" in page
        assert "Tokens this server issued for other services are accepted too" in page

    def test_at_two_the_add_button_is_locked_with_the_reason(self, portal: Portal) -> None:
        portal.add(PROD_OKTA)
        portal.add(STANDBY)
        page = text(portal.get("list"))
        assert "Both are used: delete one to add another." in page
        assert reverse("servers:add", args=["acme"]) not in page

    def test_failing_fetch_is_shown_with_the_keys_in_use(self, portal: Portal) -> None:
        server = portal.add(PROD_OKTA)
        sample_portal.age(server, fetched_minutes_ago=14, failing=True)
        page = text(portal.get("list"))
        assert re.search(r"Failing since <time [^>]+>(\d{4}-\d\d-\d\d )?\d\d:\d\d UTC", page)
        assert "serving keys of" in page
        assert "No connection to the server could be made or kept." in page

    def test_typed_text_is_escaped(self, portal: Portal) -> None:
        portal.add(replace(PROD_OKTA, description='<script>alert("x")</script>', issuer='"><img src=x>'))
        page = text(portal.get("list"))
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "&lt;script&gt;alert" in page

    def test_kid_is_escaped(self, portal: Portal) -> None:
        server = portal.add(PROD_OKTA)
        state = KeySetState.objects.get(server_id=server)
        assert state.server.key_history.exists()
        state.server.key_history.update(kid='"><script>alert(1)</script>')
        assert "<script>alert" not in text(portal.get("list"))

    def test_the_number_of_queries_does_not_grow_with_the_servers(
        self, portal: Portal, django_assert_max_num_queries: Any
    ) -> None:
        portal.add(PROD_OKTA)
        portal.add(STANDBY)
        with django_assert_max_num_queries(12):
            portal.get("list")


class TestWhoMayLook:
    @pytest.mark.usefixtures("alice")
    def test_page_without_session_leads_to_sign_in_and_back(self) -> None:
        page = reverse("servers:list", args=["acme"])
        response = Client().get(page)
        assert response.status_code == 302
        assert response["Location"] == f"{reverse('sign_in:sign-in')}?next={page}"

    @pytest.mark.usefixtures("alice")
    def test_partial_response_never_contains_the_sign_in_page(self) -> None:
        response = Client().get(reverse("servers:add", args=["acme"]), headers=HTMX)
        assert response["HX-Redirect"] == reverse("servers:list", args=["acme"])

    def test_a_role_without_the_permission_gets_a_page_that_names_it(self, bob: Person) -> None:
        response = signed_in(bob).get("list")
        assert response.status_code == 403
        assert "API Key Management" in text(response)

    @pytest.mark.parametrize("name", ["add", "validate"])
    def test_a_role_without_the_permission_cannot_post(self, bob: Person, name: str) -> None:
        portal = signed_in(bob)
        assert portal.post(name, form=typed(PROD_OKTA)).status_code == 403
        assert portal.post(name, htmx=True, form=typed(PROD_OKTA))["HX-Redirect"] == portal.url("list")
        assert not AuthorizationServer.objects.exists()

    @pytest.mark.usefixtures("charlie")
    def test_another_organization_does_not_exist(self, portal: Portal) -> None:
        response = portal.client.get(reverse("servers:list", args=["globex"]))
        assert response.status_code == 404
        assert "globex" not in text(response).lower()

    def test_another_organizations_server_does_not_exist(self, portal: Portal, charlie: Person) -> None:
        server = portal.add(PROD_OKTA)
        theirs = signed_in(charlie)
        for name in ("edit", "delete", "enable", "disable"):
            response = theirs.client.get(reverse(f"servers:{name}", args=["globex", server]))
            assert response.status_code == 404
            assert "ProdOkta" not in text(response)

    def test_an_operator_sees_everything_and_changes_nothing(self, portal: Portal, operator: Person) -> None:
        server = portal.add(PROD_OKTA)
        theirs = signed_in(operator)
        page = theirs.get("list")
        assert page.status_code == 200
        assert "you can view everything and change nothing" in text(page)
        assert portal.url("edit", server) not in text(page)
        assert theirs.get("edit", server).status_code == 403
        assert theirs.post("delete", server).status_code == 403
        assert AuthorizationServer.objects.filter(pk=server).exists()

    def test_operator_does_not_find_missing_organization(self, operator: Person) -> None:
        response = signed_in(operator).client.get(reverse("servers:list", args=["nobody"]))
        assert response.status_code == 404


class TestLocked:
    def test_an_expired_subscription_shows_everything_and_locks_every_button(self, portal: Portal) -> None:
        server = portal.add(PROD_OKTA)
        sample_portal.expire()
        page = text(portal.get("list"))
        assert "API subscription expired on" in page
        assert "Changes are locked." in page
        for name in ("edit", "delete", "enable", "disable", "refresh"):
            assert portal.url(name, server) not in page
        # The unlocked buttons are the theme, the sign-out and what only reads.
        assert page.count('aria-disabled="true"') == 5

    def test_while_suspended_the_servers_appear_disabled(self, portal: Portal) -> None:
        portal.add(PROD_OKTA)
        Suspend(organization_id="acme", reason=SuspensionReason.TERMS_VIOLATED).run(command_line())
        page = text(portal.get("list"))
        assert "<strong>0</strong> enabled" in page
        assert "while suspended" in page
        assert "badge-good" not in page

    def test_no_dialog_opens_and_nothing_is_changed(self, portal: Portal) -> None:
        server = portal.add(PROD_OKTA)
        sample_portal.expire()
        assert portal.get("add").status_code == 403
        for name in ("edit", "delete", "disable"):
            assert portal.get(name, server).status_code == 403
        answer = portal.post("delete", server, htmx=True)
        assert answer.status_code == 403
        assert answer["HX-Retarget"] == "#content"
        assert "Nothing was changed: changes are locked." in text(answer)
        assert AuthorizationServer.objects.filter(pk=server).exists()


class TestAdd:
    def test_the_dialog_has_the_specifications_fields_in_order_and_no_save(self, portal: Portal) -> None:
        response = portal.get("add")
        labels = re.findall(r"<label[^>]*>\s*(?:<strong>)?([^<]+?)\s*<", text(response))
        # Not in the specification; it belongs to the certificate setting and follows it.
        assert labels.pop(5) == "CA certificate in PEM form"
        assert labels[:8] == [
            "Enable",
            "Name",
            "Description",
            "OAuth 2.0 JWKS Location",
            "JWKS Server Certificate Validation",
            "Audience URI",
            "Issuer URI",
            "Client ID",
        ]
        assert not has_save(response)
        assert "Validate the JWKS location to save" in text(response)

    def test_htmx_gets_the_dialog_alone(self, portal: Portal) -> None:
        response = portal.get("add", htmx=True)
        assert text(response).lstrip().startswith("<dialog")

    def test_validation_shows_its_steps_and_brings_save(self, portal: Portal) -> None:
        response = portal.post("validate", form=typed(PROD_OKTA))
        page = text(response)
        for step in ("Address", "Connect", "TLS", "HTTP", "JWKS", "Usable keys"):
            assert f"<strong>{step}</strong>" in page
        assert "prod-2026-11" in page
        # The ignored key with its reason.
        assert "enc-1" in page
        assert "use is not &#x27;sig&#x27;" in page
        assert has_save(response)
        assert 'value="ProdOkta"' in page

    def test_htmx_gets_the_findings_and_the_actions(self, portal: Portal) -> None:
        response = portal.post("validate", htmx=True, form=typed(PROD_OKTA))
        assert text(response).lstrip().startswith('<div class="validation"')
        assert 'hx-swap-oob="true"' in text(response)
        assert has_save(response)

    def test_validating_without_the_certificate_check_warns(self, portal: Portal) -> None:
        response = portal.post("validate", form=typed(STANDBY))
        assert "Validated, with a warning" in text(response)
        assert has_save(response)

    @pytest.mark.parametrize(
        ("location", "sentence"),
        [
            ("http://login.acme.example/keys", "does not begin with https://"),
            ("https://nowhere.example/keys", "The host name in the JWKS location does not exist or has no address."),
            (UNKNOWN_AUTHORITY, "signed by an unrecognized Certificate Authority (CA)"),
            ("", "The JWKS location is empty."),
        ],
    )
    def test_a_failed_validation_has_its_sentence_and_no_save(
        self, portal: Portal, location: str, sentence: str
    ) -> None:
        response = portal.post("validate", form=typed(replace(PROD_OKTA, jwks_location=location)))
        assert sentence in text(response)
        assert "step-failed" in text(response)
        assert not has_save(response)
        assert 'name="receipt"' not in text(response)

    def test_too_many_validations_are_refused_at_the_step(self, portal: Portal) -> None:
        for _ in range(validate.ATTEMPTS):
            portal.post("validate", form=typed(PROD_OKTA))
        response = portal.post("validate", form=typed(PROD_OKTA))
        assert response.status_code == 429
        assert "Too many attempts." in text(response)
        assert not has_save(response)

    def test_what_was_validated_can_be_saved(self, portal: Portal) -> None:
        validated = text(portal.post("validate", form=typed(PROD_OKTA)))
        receipt = re.search(r'name="receipt"\s+value="([^"]+)"', validated)
        assert receipt is not None
        response = portal.post("add", form=typed(PROD_OKTA, receipt=receipt[1]))
        assert response.status_code == 302
        assert response["Location"] == portal.url("list")
        page = text(portal.get("list"))
        assert "Added ProdOkta." in page
        assert "<strong>1</strong> enabled" in page
        assert "Added ProdOkta." not in text(portal.get("list"))

    def test_enabling_a_second_one_says_which_was_disabled(self, portal: Portal) -> None:
        portal.add(PROD_OKTA)
        assert "saving disables <strong>ProdOkta</strong>" in text(portal.get("add"))
        other = replace(STANDBY, enabled=True)
        response = portal.post("add", htmx=True, form=typed(other, receipt=portal.receipt(other)))
        assert "Added StandbyKeycloak. ProdOkta is now disabled." in text(response)
        assert response["HX-Retarget"] == "#content"

    def test_a_third_one_is_refused(self, portal: Portal) -> None:
        portal.add(PROD_OKTA)
        portal.add(STANDBY)
        assert portal.get("add").status_code == 409
        third = replace(PROD_OKTA, name="Third")
        response = portal.post("add", form=typed(third, receipt=portal.receipt(third)))
        assert response.status_code == 409
        assert "at most two authorization servers" in text(response)
        assert AuthorizationServer.objects.count() == 2

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"name": "Prod Okta"}, "The name cannot contain spaces or line breaks."),
            ({"name": "a" * 65}, "The name cannot exceed 64 characters; this one has 65."),
            ({"name": "Okté"}, "The name can only contain the letters A to Z"),
            ({"name": ""}, "Enter a name."),
            ({"description": "d" * 257}, "The description cannot exceed 256 characters; this one has 257."),
            ({"issuer": " https://x"}, "The Issuer URI begins or ends with a space."),
            ({"issuer": "a\x01b"}, "The Issuer URI contains a control character"),
        ],
    )
    def test_bad_field_shows_its_error_and_keeps_typed_text(
        self, portal: Portal, change: dict[str, str], sentence: str
    ) -> None:
        fields = typed(PROD_OKTA, receipt=portal.receipt(PROD_OKTA)) | change
        response = portal.post("add", form=fields)
        page = text(response)
        assert response.status_code == 422
        assert sentence in page
        assert f'value="{LOCATION}"' in page
        if "description" not in change:
            assert PROD_OKTA.description in page
        # The validation is still valid, so it is not needed again.
        assert has_save(response)
        assert not AuthorizationServer.objects.exists()

    def test_m06_all_three_blank_must_be_confirmed(self, portal: Portal) -> None:
        fields = replace(PROD_OKTA, audience="", issuer="", client_id="")
        receipt = portal.receipt(fields)
        response = portal.post("add", form=typed(fields, receipt=receipt))
        assert response.status_code == 422
        assert "accept-any-asked" in text(response)
        assert "or confirm that this is what you want" in text(response)
        response = portal.post("add", form=typed(replace(fields, accept_any=True), receipt=receipt))
        assert response.status_code == 302

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"receipt": ""}, "Validate the JWKS location before saving."),
            ({"receipt": "forged"}, "Validate the JWKS location before saving."),
            ({"jwks_location": "https://other.acme.example/keys"}, "differs from what was validated"),
        ],
    )
    def test_without_a_fitting_validation_save_is_refused_and_gone(
        self, portal: Portal, change: dict[str, str], sentence: str
    ) -> None:
        response = portal.post("add", form=typed(PROD_OKTA, receipt=portal.receipt(PROD_OKTA)) | change)
        assert response.status_code == 422
        assert sentence in text(response)
        assert not has_save(response)
        assert not AuthorizationServer.objects.exists()

    def test_the_certificate_setting_belongs_to_the_validation(self, portal: Portal) -> None:
        fields = typed(PROD_OKTA, receipt=portal.receipt(PROD_OKTA))
        del fields["verify_certificate"]
        response = portal.post("add", form=fields)
        assert response.status_code == 422
        assert not has_save(response)

    def test_a_malformed_location_at_save_is_told_at_its_field(self, portal: Portal) -> None:
        response = portal.post("add", form=typed(replace(PROD_OKTA, jwks_location="nonsense")))
        assert 'id="id_jwks_location-error"' in text(response)
        assert not has_save(response)


class TestEdit:
    def test_the_dialog_shows_what_is_stored_and_can_be_saved_at_once(self, portal: Portal) -> None:
        server = portal.add(PROD_OKTA)
        response = portal.get("edit", server)
        assert "Edit Authorization Server" in text(response)
        assert f'value="{LOCATION}"' in text(response)
        assert "enabled and in use" in text(response)
        assert has_save(response)

    def test_an_edit_that_leaves_the_key_source_alone_needs_no_validation(self, portal: Portal) -> None:
        server = portal.add(PROD_OKTA)
        response = portal.post("edit", server, form=typed(replace(PROD_OKTA, client_id="acme-batch"), version="1"))
        assert response.status_code == 302
        assert AuthorizationServer.objects.get(pk=server).client_id == "acme-batch"
        assert "Saved ProdOkta." in text(portal.get("list"))

    def test_edit_of_the_location_needs_validation(self, portal: Portal) -> None:
        server = portal.add(PROD_OKTA)
        moved = replace(PROD_OKTA, jwks_location="https://new.acme.example/keys")
        response = portal.post("edit", server, form=typed(moved, version="1"))
        assert response.status_code == 422
        assert not has_save(response)
        validated = portal.post("validate-edit", server, form=typed(moved, version="1"))
        assert has_save(validated)
        response = portal.post("edit", server, form=typed(moved, version="1", receipt=portal.receipt(moved)))
        assert response.status_code == 302

    def test_a_malformed_location_has_its_sentence_and_no_save(self, portal: Portal) -> None:
        server = portal.add(PROD_OKTA)
        response = portal.post("edit", server, form=typed(replace(PROD_OKTA, jwks_location="nonsense"), version="1"))
        assert 'id="id_jwks_location-error"' in text(response)
        assert not has_save(response)

    def test_a_failed_validation_leaves_save_if_the_source_is_as_stored(self, portal: Portal) -> None:
        server = portal.add(replace(PROD_OKTA, jwks_location=UNKNOWN_AUTHORITY))
        fields = typed(replace(PROD_OKTA, jwks_location=UNKNOWN_AUTHORITY), version="1")
        assert has_save(portal.post("validate-edit", server, htmx=True, form=fields))

    def test_a_stale_edit_says_who_and_when_and_keeps_what_was_typed(self, portal: Portal) -> None:
        server = portal.add(PROD_OKTA)
        portal.post("edit", server, form=typed(replace(PROD_OKTA, client_id="first"), version="1"))
        mine = replace(PROD_OKTA, client_id="second", enabled=False, description="")
        response = portal.post("edit", server, form=typed(mine, version="1"))
        page = text(response)
        assert response.status_code == 409
        assert f"{portal.person.email} changed this on" in page
        assert 'value="second"' in page
        assert ">first</del>" in page
        assert ">second</ins>" in page
        assert ">blank</ins>" in page
        assert ">off</ins>" in page
        assert AuthorizationServer.objects.get(pk=server).client_id == "first"
        version = re.search(r'name="version"\s+value="(\d+)"', page)
        assert version is not None
        assert portal.post("edit", server, form=typed(mine, version=version[1])).status_code == 302

    @pytest.mark.parametrize("version", ["", "0", "-1", "nonsense"])
    def test_an_edit_without_its_version_is_stale(self, portal: Portal, version: str) -> None:
        server = portal.add(PROD_OKTA)
        assert portal.post("edit", server, form=typed(PROD_OKTA, version=version)).status_code == 409

    def test_line_breaks_of_the_browser_are_not_counted_twice(self, portal: Portal) -> None:
        server = portal.add(PROD_OKTA)
        lines = "\r\n".join(["x" * 85] * 3)
        assert len(lines) == 259
        fields = typed(PROD_OKTA, version="1") | {"description": lines[:-2]}
        assert portal.post("edit", server, form=fields).status_code == 302
        assert len(AuthorizationServer.objects.get(pk=server).description) == 255

    def test_taken_name_is_refused_at_the_field(self, portal: Portal) -> None:
        portal.add(PROD_OKTA)
        other = portal.add(STANDBY)
        response = portal.post("edit", other, form=typed(replace(STANDBY, name="prodokta"), version="1"))
        assert response.status_code == 409
        assert 'id="id_name-error"' in text(response)


class TestRow:
    def test_delete_asks_first_and_ok_deletes(self, portal: Portal) -> None:
        server = portal.add(PROD_OKTA)
        asked = text(portal.get("delete", server))
        assert "Delete authorization server ProdOkta?" in asked
        assert "Client applications using it will lose access immediately" in asked
        # Cancel is what the keyboard meets first.
        assert re.search(r"<a class=\"button\"[^>]*autofocus[^>]*>Cancel</a>", asked, re.DOTALL)
        assert ">OK</button>" in asked
        assert portal.post("delete", server).status_code == 302
        assert "Deleted ProdOkta." in text(portal.get("list"))
        assert not AuthorizationServer.objects.exists()

    def test_deletion_of_a_disabled_server_says_that_it_is_unused(self, portal: Portal) -> None:
        server = portal.add(STANDBY)
        KeySetState.objects.filter(server_id=server).update(fetched_at=None, good_until=None, document=None)
        assert "no API request depends on it now" in text(portal.get("delete", server))

    def test_enabling_says_which_one_it_disables(self, portal: Portal) -> None:
        portal.add(PROD_OKTA)
        standby = portal.add(STANDBY)
        asked = text(portal.get("enable", standby))
        assert "ProdOkta is disabled at the same time" in asked
        answer = portal.post("enable", standby, htmx=True)
        assert "StandbyKeycloak is enabled. ProdOkta is now disabled." in text(answer)
        assert [row.enabled for row in queries.list_servers("acme", timezone.now())] == [False, True]

    def test_enabling_the_only_server_needs_no_confirmation(self, portal: Portal) -> None:
        server = portal.add(STANDBY)
        page = text(portal.get("list"))
        assert re.search(rf'<form[^>]*action="{portal.url("enable", server)}"', page)
        assert "is disabled at the same time" not in text(portal.get("enable", server))

    def test_disabling_asks_and_disables(self, portal: Portal) -> None:
        server = portal.add(PROD_OKTA)
        assert "Disable authorization server ProdOkta?" in text(portal.get("disable", server))
        assert portal.post("disable", server).status_code == 302
        assert not AuthorizationServer.objects.get(pk=server).enabled

    def test_the_row_asks_until_the_fetch_has_ended_and_then_says_how(self, portal: Portal) -> None:
        server = portal.add(PROD_OKTA)
        asking = f'hx-get="{portal.url("fetch", server)}"'
        assert asking not in text(portal.get("list"))
        portal.post("refresh", server)
        assert "Fetching now" in text(portal.get("list"))
        under_way = text(portal.get("fetch", server, htmx=True))
        assert asking in under_way
        assert "toast" not in under_way
        KeySetState.objects.update(fetched_at=timezone.now(), attempted_at=timezone.now())
        ended = text(portal.get("fetch", server, htmx=True))
        assert asking not in ended
        assert "The keys of ProdOkta were fetched." in ended
        failure = Problem.CONNECTION_FAILED
        KeySetState.objects.update(failing_since=timezone.now(), problem=failure.code, failures=1)
        assert f"could not be fetched. {failure.sentence}" in text(portal.get("fetch", server, htmx=True))

    def test_fetch_without_a_worker_is_shown_as_overdue(self, portal: Portal) -> None:
        server = portal.add(PROD_OKTA)
        sample_portal.age(server, fetched_minutes_ago=16)
        assert "Overdue:" in text(portal.get("list"))
        assert "The keys of ProdOkta have not been fetched yet." in text(portal.get("fetch", server, htmx=True))

    def test_partial_row_address_leads_to_the_page(self, portal: Portal) -> None:
        response = portal.get("fetch", portal.add(PROD_OKTA))
        assert (response.status_code, response["Location"]) == (302, portal.url("list"))
        assert portal.get("fetch", uuid4()).status_code == 404
        # The row of a server that was deleted meanwhile asks no more.
        assert portal.get("fetch", uuid4(), htmx=True).status_code == HttpResponseStopPolling.status_code

    def test_refresh_now_is_asked_for_once_in_thirty_seconds(self, portal: Portal) -> None:
        server = portal.add(PROD_OKTA)
        assert "The keys of ProdOkta are being fetched now." in text(portal.post("refresh", server, htmx=True))
        again = portal.post("refresh", server)
        assert again.status_code == 429
        assert "Too many attempts." in text(again)

    def test_reading_changes_nothing(self, portal: Portal) -> None:
        server = portal.add(PROD_OKTA)
        for name in ("delete", "disable", "enable", "edit"):
            portal.get(name, server)
        assert portal.get("refresh", server).status_code == 405
        assert portal.get("validate").status_code == 405
        assert AuthorizationServer.objects.get(pk=server).version == 1

    def test_deleted_server_is_not_found(self, portal: Portal) -> None:
        server = portal.add(PROD_OKTA)
        AuthorizationServer.objects.filter(pk=server).delete()
        response = portal.post("delete", server, htmx=True)
        assert response.status_code == 404
        assert 'id="content"' in text(response)

    def test_every_change_needs_the_form_token(self, portal: Portal) -> None:
        server = portal.add(PROD_OKTA)
        strict = Client(enforce_csrf_checks=True)
        strict.cookies["watchword_session"] = sample_portal.session_of(portal.person)
        for name, arguments in (("add", []), ("validate", []), ("edit", [server]), ("delete", [server])):
            assert strict.post(portal.url(name, *arguments), typed(PROD_OKTA)).status_code == 403
        assert AuthorizationServer.objects.filter(pk=server).exists()


@pytest.mark.parametrize("action", ["enable", "disable", "refresh", "delete", "add", "edit"])
def test_a_change_gathers_the_page_once(portal: Portal, action: str) -> None:
    """Whole and in parts: the guard asks only for the right, and the list is read after the command."""
    server = portal.add(PROD_OKTA)
    portal.add(STANDBY) if action != "add" else None
    fields = replace(PROD_OKTA, name="Another", enabled=False)
    forms = {
        "add": typed(fields, receipt=portal.receipt(fields)),
        "edit": typed(replace(PROD_OKTA, description="Changed"), version="1"),
    }
    where = [] if action == "add" else [server]
    with CaptureQueriesContext(connection) as queries_made:
        response = portal.post(action, *where, form=forms.get(action), htmx=True)
    assert response.status_code == 200
    gathered = [
        query
        for query in queries_made.captured_queries
        if "servers_keyhistory" in query["sql"] and "JOIN" not in query["sql"]
    ]
    lists = [query for query in gathered if query["sql"].startswith("SELECT") and " IN (" in query["sql"]]
    assert len(lists) == 1
