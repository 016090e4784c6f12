"""API Roles, API Keys and Company Profile as the browser gets them without scripts, and in parts as htmx gets them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import resolve
from django.utils import timezone

from kit import people, registrations
from kit.api_access import EVERYTHING, api_key, api_role, key_actor, token_actor, with_cloud_name
from kit.browser_session import BrowserSession
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import Permission, command_line
from watchword.control.identity.api_key_commands import CreateApiKey
from watchword.control.identity.api_models import ApiKey, ApiRole
from watchword.control.identity.api_queries import list_api_roles
from watchword.control.identity.api_role_commands import EditApiRole
from watchword.control.identity.operator_commands import CreateOperator
from watchword.control.organizations.commands import Suspend
from watchword.control.organizations.models import Subscription, SuspensionReason
from watchword.control.servers.models import AuthorizationServer
from watchword.settings.load import load_control_settings

if TYPE_CHECKING:
    from pytest_django import Settings

    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person

SECRET = re.compile(r"wwk_[\w-]{43}")
LEVELS = {"authorization_servers": "full", "audit_logs": "view", "activity": "", "api_roles": ""}


@pytest.fixture(autouse=True)
def _hosts(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]


@pytest.fixture
def browser(alice: Person) -> BrowserSession:
    return BrowserSession.of(alice)


@pytest.fixture
def manager(alice: Person) -> BrowserSession:
    """An administrator with only the permission Administrators."""
    return BrowserSession.of(people.administrator("bob2", "acme", Permission.ADMINISTRATORS))


class TestApiRoles:
    def test_role_is_created_edited_and_deleted(self, browser: BrowserSession) -> None:
        assert "No API roles yet" in browser.get("api_access:roles", "acme").text

        opened = browser.get("api_access:create-role", "acme")
        assert "Create API Role" in opened.text
        assert len(re.findall(r'value="" selected>\s*None', opened.html)) == 4
        answer = browser.post("api_access:create-role", "acme", name="Deployer", **LEVELS)
        assert answer.status == 302
        page = browser.get("api_access:roles", "acme")
        assert "Created the API role Deployer." in page.text
        assert "1 of 16 API roles" in page.text
        assert "Authorization Servers: Full Audit Logs: View Only" in page.text

        role = ApiRole.objects.get()
        dialog = browser.get("api_access:edit-role", "acme", role.pk).html
        assert re.search(r'name="name"\s+value="Deployer"', dialog)
        assert re.search(r'<option value="view" selected>\s*View Only', dialog)
        edited = LEVELS | {"name": "Observer", "authorization_servers": "", "version": "1"}
        assert browser.post("api_access:edit-role", "acme", role.pk, **edited).status == 302
        assert ApiRole.objects.get().rights == {"Audit Logs": "view"}

        question = browser.get("api_access:delete-role", "acme", role.pk)
        assert "No API key has it, and no client used it." in question.text
        assert browser.post("api_access:delete-role", "acme", role.pk).status == 302
        assert "Deleted the API role Observer." in browser.get("api_access:roles", "acme").text
        assert not ApiRole.objects.exists()

    def test_tabs_of_role_management_lead_to_each_other(self, browser: BrowserSession) -> None:
        for route, tab in (
            ("people:roles", "Administrator Roles"), ("api_access:roles", "API Roles"), ("api_access:keys", "API Keys"),
        ):  # fmt: skip
            page = browser.get(route, "acme")
            assert re.findall(r'aria-current="page">([^<]+)</a>', page.html.split('class="tabs"')[1]) == [tab]
            assert "Administrator Roles API Roles API Keys" in page.text

    def test_rows_show_keys_and_clients(self, browser: BrowserSession, settings: Settings) -> None:
        with_cloud_name(settings)
        api_role()
        api_key(name="terraform")
        for client in ("nightly", None):
            token_actor(client=client)
        page = browser.get("api_access:roles", "acme").text
        assert "orders::acme::Deployer" in page
        assert "terraform" in page
        assert "nightly" in page
        assert "without a client ID" in page
        for number in range(5):
            api_key(name=f"k{number}")
            token_actor(client=f"c{number}")
        page = browser.get("api_access:roles", "acme").text
        assert "6 API keys" in page
        assert "7 clients" in page

    @pytest.mark.parametrize("cloud", [True, False])
    def test_dialogs_show_what_stops(self, browser: BrowserSession, settings: Settings, *, cloud: bool) -> None:
        if cloud:
            with_cloud_name(settings)
        role = api_role()
        api_key(name="terraform")
        token_actor(client=None)

        question = browser.get("api_access:delete-role", "acme", role.pk).text
        assert "API key terraform; client tokens without a client ID (last seen " in question
        assert "Its API keys are revoked, which cannot be undone." in question
        assert ("Access tokens with the scope orders::acme::Deployer" in question) is cloud
        assert ("Access tokens that name it are refused" in question) is not cloud
        dialog = browser.get("api_access:edit-role", "acme", role.pk).text
        assert "In use: API key terraform; client" in dialog
        assert "After a rename, access tokens that name Deployer" in dialog
        assert ("(orders::acme::Deployer)" in dialog) is cloud

        token_actor(client="nightly")
        api_key(name="zeta")
        question = browser.get("api_access:delete-role", "acme", role.pk).text
        assert "API keys terraform and zeta; clients " in question

    def test_role_that_a_server_requires_says_so(self, browser: BrowserSession) -> None:
        role = api_role()
        registrations.add(actor=registrations.administrator("bob3", "acme", Permission.API_KEY_MANAGEMENT))
        server = AuthorizationServer.objects.get()
        AuthorizationServer.objects.update(required_role="Deployer")

        sentence = f"{server.name} requires this API role of each token"
        dialog = browser.get("api_access:edit-role", "acme", role.pk)
        assert f"{sentence}, so it cannot be renamed." in dialog.text
        assert (" readonly" in dialog.html, "After a rename" in dialog.text) == (True, False)
        question = browser.get("api_access:delete-role", "acme", role.pk)
        assert f"{sentence}. Change the" in question.text
        assert ('id="confirm"' in question.html, "Close" in question.text) == (False, True)
        answer = browser.post("api_access:delete-role", "acme", role.pk)
        assert (answer.status, f"because {server.name} requires it" in answer.text) == (409, True)
        assert ('id="confirm"' in answer.html, sentence in answer.text) == (False, False)
        answer = browser.post("api_access:edit-role", "acme", role.pk, name="Other", version="1", **LEVELS)
        assert (answer.status, f"because {server.name} requires it" in answer.text) == (409, True)
        assert browser.post("api_access:edit-role", "acme", role.pk, name="Deployer", version="1").status == 302

    def test_refused_dialog_keeps_what_was_typed(self, browser: BrowserSession) -> None:
        api_role()
        for name, status, sentence in (
            ("deployer", 409, "The name “deployer” is already taken."),
            ("two words", 422, "The name has 1 to 16 characters"),
        ):
            answer = browser.scripted.post("api_access:create-role", "acme", name=name, **LEVELS)
            assert answer.status == status
            assert sentence in answer.text
            assert f'value="{name}"' in answer.html
            assert re.search(r'<option value="full" selected>\s*Full', answer.html)
        answer = browser.post("api_access:create-role", "acme", name="New", **(LEVELS | {"activity": "everything"}))
        assert answer.status == 422
        assert "The level is" in answer.text

    def test_stale_edit_shows_the_differences_and_the_second_save_is_a_decision(
        self, browser: BrowserSession, acting_alice: Actor
    ) -> None:
        role = api_role()
        EditApiRole(
            organization_id="acme", role_id=role.pk, expected_version=1, name="Observer", rights=EVERYTHING
        ).run(acting_alice)  # fmt: skip

        typed = {"name": "", "authorization_servers": "view", "audit_logs": "full", "activity": "odd", "api_roles": ""}
        answer = browser.post("api_access:edit-role", "acme", role.pk, **typed, version="1")

        assert answer.status == 409
        assert "alice@acme.example changed this on" in answer.text
        for words in (
            "Name Observer blank", "Authorization Servers Full View Only", "Activity Full odd", "API Roles Full None",
        ):  # fmt: skip
            assert words in answer.text
        assert "Audit Logs Full" not in answer.text.split("Stored now")[1].split("Saving again")[0]
        assert re.search(r'name="version"\s+value="2"', answer.html)
        typed |= {"name": "Observer", "activity": ""}
        assert browser.post("api_access:edit-role", "acme", role.pk, **typed, version="2").status == 302
        assert browser.post("api_access:edit-role", "acme", role.pk, **typed, version="-1").status == 409

    def test_rights_beyond_own_are_locked_in_page_and_command(self, manager: BrowserSession) -> None:
        above, below = api_role("Above"), api_role("Below", api_roles="full")
        page = manager.get("api_access:roles", "acme")
        assert page.text.count("More permissions than you") == 1
        dialog = manager.get("api_access:edit-role", "acme", below.pk).html
        assert re.search(r'value="full" disabled>\s*Full \(more than you have\)', dialog)
        for route in ("api_access:edit-role", "api_access:delete-role"):
            assert manager.get(route, "acme", above.pk).status == 403
            assert manager.post(route, "acme", above.pk, name="Above", version="1").status == 403
        assert ApiRole.objects.filter(name="Above", version=1).exists()
        answer = manager.post("api_access:create-role", "acme", name="Own", **LEVELS)
        assert answer.status == 403
        assert "does not have the “API Key Management” permission" in answer.text

    def test_sixteen_roles_are_the_most(self, browser: BrowserSession) -> None:
        for number in range(16):
            api_role(f"Role{number}")
        page = browser.get("api_access:roles", "acme")
        assert "Create API Role : Delete one to add another." in page.text
        answer = browser.post("api_access:create-role", "acme", name="Late")
        assert answer.status == 409
        assert "at most 16 API roles" in answer.text

    def test_suspended_organization_keeps_its_pages(self, browser: BrowserSession, shell: Actor) -> None:
        Subscription.objects.update(expires_at=timezone.now() - timedelta(days=1))
        Suspend(organization_id="acme", reason=SuspensionReason.TERMS_VIOLATED).run(shell)
        for route in ("api_access:roles", "api_access:keys", "api_access:company-profile"):
            assert "terms and conditions violated" in browser.get(route, "acme").text
        assert browser.post("api_access:create-role", "acme", name="Deployer").status == 302

    def test_number_of_queries_does_not_depend_on_the_number_of_roles(
        self, browser: BrowserSession, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(10):
            api_role(f"Role{number}")
            api_key(f"Role{number}", name=f"k{number}")
            token_actor(f"Role{number}")
        assert len(list_api_roles("acme", timezone.now())) == 10
        for route in ("api_access:roles", "api_access:keys", "api_access:company-profile"):
            with django_assert_max_num_queries(12):
                assert browser.get(route, "acme").status == 200


class TestApiKeys:
    def test_key_is_shown_once_and_works(self, browser: BrowserSession) -> None:
        assert "First create an API role" in browser.get("api_access:keys", "acme").text
        api_role()
        empty = browser.get("api_access:keys", "acme").text
        assert "No API keys in use" in empty
        assert "First create" not in empty
        assert 'value="90"' in browser.get("api_access:create-key", "acme").html

        answer = browser.scripted.post("api_access:create-key", "acme", name="ci", api_role="Deployer", days="30")

        assert answer.status == 200
        assert "Copy it now: it is not shown again" in answer.text
        assert "http://127.0.0.1:8080/api/v1" in answer.text
        command = "watchword login --url http://127.0.0.1:8080 --organization acme"
        assert f'data-copy="{command}"' in answer.html
        assert resolve(re.findall(r'href="http://127.0.0.1:8080(/api/[^"]+)"', answer.html)[0]).view_name == (
            "api-reference:swagger-ui"
        )
        (secret,) = set(SECRET.findall(answer.html))
        key = ApiKey.objects.get()
        assert key.expires_at - key.created_at == pytest.approx(timedelta(days=30), abs=timedelta(seconds=60))
        page = browser.get("api_access:keys", "acme")
        assert secret not in page.html
        assert "1 of 32 API keys in use" in page.text
        assert "ci Deployer never" in page.text
        assert secret not in str(list(AuditEvent.objects.values()))

    def test_key_that_expires_soon_is_marked(self, browser: BrowserSession) -> None:
        api_role()
        api_key()
        assert "Expires soon" not in browser.get("api_access:keys", "acme").text
        ApiKey.objects.update(expires_at=timezone.now() + timedelta(days=13))
        assert "Expires soon" in browser.get("api_access:keys", "acme").text

    def test_key_is_revoked_after_a_question(self, browser: BrowserSession) -> None:
        api_role()
        new = api_key()
        address = ("api_access:revoke-key", "acme", new.key.public_id)
        assert "It was never used." in browser.get(*address).text
        key_actor(new)
        assert "from 192.0.2.9" in browser.get(*address).text
        ApiKey.objects.update(last_used_address=None)
        question = browser.get(*address).text
        assert "It was last used on" in question
        assert " from " not in question.split("last used on")[1].split("This cannot")[0]

        assert browser.post(*address).status == 302

        page = browser.get("api_access:keys", "acme").text
        assert "Revoked the API key ci." in page
        assert "Expired and revoked" in page
        assert "by alice@acme.example" in page
        assert browser.get(*address).status == 404
        assert browser.post(*address).status == 404

    @pytest.mark.parametrize("days", ["", "0", "401", "9999", "ninety", "-1", "1.5", "99999", "٣"])
    def test_days_must_be_a_number_up_to_400(self, browser: BrowserSession, days: str) -> None:
        api_role()
        answer = browser.post("api_access:create-key", "acme", name="c i", api_role="Deployer", days=days)
        assert answer.status == 422
        assert "The key must expire in the future, at most 400 days from now." in answer.text
        assert "The name has 1 to 64 characters" in answer.text
        assert f'value="{days}"' in answer.html
        assert re.search(r'value="Deployer" selected', answer.html)

    def test_key_needs_an_api_role_within_own_rights(self, manager: BrowserSession) -> None:
        api_role()
        dialog = manager.get("api_access:create-key", "acme")
        assert "Deployer (more rights than you have)" in dialog.text
        answer = manager.post("api_access:create-key", "acme", name="ci", api_role="Deployer", days="90")
        assert answer.status == 403
        answer = manager.post("api_access:create-key", "acme", name="ci", api_role="", days="90")
        assert (answer.status, "Choose an API role of the organization." in answer.text) == (422, True)

    def test_thirty_two_keys_are_the_most(self, browser: BrowserSession) -> None:
        api_role()
        for number in range(32):
            api_key(name=f"k{number}")
        assert "Create API Key : Revoke one to create another." in browser.get("api_access:keys", "acme").text
        answer = browser.post("api_access:create-key", "acme", name="late", api_role="Deployer", days="1")
        assert (answer.status, "at most 32 API keys" in answer.text) == (409, True)

    def test_operators_have_a_page_of_their_own(self, operator: Person) -> None:
        browser = BrowserSession.of(operator)
        assert "No API keys in use" in browser.get("console:api-keys").text
        dialog = browser.get("console:create-api-key")
        assert "API role" not in dialog.text
        answer = browser.post("console:create-api-key", name="provisioning", days="90")
        (secret,) = set(SECRET.findall(answer.html))
        key = ApiKey.objects.get()
        assert (key.organization_id, key.api_role_id, key.created_by) == (None, None, "operator@provider.example")
        assert ("/api/docs" in answer.html, "watchword login" in answer.text) == (True, False)
        assert secret not in browser.get("console:api-keys").html
        address = ("console:revoke-api-key", key.public_id)
        assert "Revoke the API key provisioning?" in browser.get(*address).text
        assert browser.post(*address).status == 302
        assert "Revoked" in browser.get("console:api-keys").text

    def test_deactivation_names_the_keys_that_keep_working(
        self, browser: BrowserSession, bob: Person, operator: Person
    ) -> None:
        api_role()
        acting = people.acting(people.administrator("bob2", "acme", *Permission))
        address = ("people:deactivate", "acme", acting.person_id)
        api_key(name="of-the-shell")
        assert "API key" not in browser.get(*address).text
        for number, words in enumerate(("The API key k0,", "The API keys k0 and k1,")):
            CreateApiKey(organization_id="acme", api_role="Deployer", name=f"k{number}").run(acting)
            assert f"{words} created by Bob2, keep" in browser.get(*address).text
        assert "API key" not in browser.get("people:deactivate", "acme", bob.pk).text
        ApiKey.objects.update(expires_at=timezone.now())
        assert "API key" not in browser.get(*address).text

        colleague = people.knows_password(CreateOperator(email="charlie@provider.example").run(command_line()))
        CreateApiKey(organization_id=None, api_role=None, name="ops").run(people.acting(colleague))
        question = BrowserSession.of(operator).get("console:operator-deactivate", colleague.pk).text
        assert "The API key ops, created by charlie@provider.example, keeps working until revoked." in question

    def test_keys_of_others_are_not_found(self, browser: BrowserSession, operator: Person) -> None:
        theirs = api_key(None, None)
        assert browser.get("api_access:revoke-key", "acme", theirs.key.public_id).status == 404
        api_role()
        own = api_key()
        assert BrowserSession.of(operator).post("console:revoke-api-key", own.key.public_id).status == 404


class TestCompanyProfile:
    def test_names_addresses_and_scopes_are_shown(self, browser: BrowserSession, settings: Settings) -> None:
        settings.WATCHWORD = load_control_settings(
            cloud_name="orders", public_origin="https://portal.provider.test",
            api_url="https://{organization}.api.provider.test", gateway_verifiers="10.0.0.7:8081,10.0.0.8:8081",
        )  # fmt: skip
        page = browser.get("api_access:company-profile", "acme")
        assert "begins with orders::acme:: and ends with its name" in page.text
        api_role("Reader", activity="view")
        page = browser.get("api_access:company-profile", "acme")
        copied = set(re.findall(r'data-copy="([^"]+)"', page.html))
        reference = re.findall(r'href="https://portal.provider.test([^"]+)"', page.html)
        assert [resolve(path).view_name for path in reference] == ["api-reference:swagger-ui"]
        assert copied == {
            "acme", "orders", "https://acme.api.provider.test", "https://portal.provider.test/api/v1",
            "http://10.0.0.7:8081/verify/plain/acme", "http://10.0.0.8:8081/verify/plain/acme", "orders::acme::Reader",
        }  # fmt: skip
        for product, claim in (
            ("Okta", "scp"), ("Entra ID", "roles"), ("PingFederate", "scp"), ("Keycloak", "scope"), ("Auth0", "scope"),
            ("Cognito", "scope"),
        ):  # fmt: skip
            assert f"{product} {claim} " in page.text

    def test_missing_cloud_name_says_what_the_provider_must_set(
        self, browser: BrowserSession, settings: Settings
    ) -> None:
        settings.WATCHWORD = load_control_settings(support_contact="support@provider.test")
        api_role()
        page = browser.get("api_access:company-profile", "acme")
        assert "The API provider must set cloud_name of the portal and of the verifiers" in page.text
        assert "Ask the API provider ( support@provider.test )" in page.text
        assert "Where to enter the scope" not in page.text

    @pytest.mark.usefixtures("acme")
    def test_people_without_any_permission_start_there(self) -> None:
        browser = BrowserSession.of(people.administrator("bob", "acme"))
        assert browser.get("sign_in:start").leads_to == "/acme/administration/company-profile/"
        assert "Organization ID acme" in browser.get("api_access:company-profile", "acme").text
