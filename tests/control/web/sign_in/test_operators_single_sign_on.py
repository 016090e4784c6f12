"""Only operators sign in through the provider that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kit import people
from kit.identity_provider import PEOPLE
from kit.secret_file import secret_file
from kit.sign_in_settings import assign
from kit.signing_in import give_app, sign_in
from kit.single_sign_on import WATCHWORD, SignOn, browser, configured, event, running, server, signed_in, text_of
from watchword.control.audit.models import AuditEvent
from watchword.control.identity.models import Person, ProviderAccount, Session
from watchword.control.identity.operator_commands import DeactivateOperator
from watchword.control.identity.single_sign_on.queries import only_single_sign_on

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings

    from kit.authorization_server import AuthorizationServer

__all__ = ["browser", "running", "server"]

pytestmark = pytest.mark.enable_socket

OPERATOR = PEOPLE["alice"] | {"email": "operator@provider.example", "name": "Another name"}


@pytest.fixture(autouse=True)
def _operators_have_a_provider(settings: Settings, server: AuthorizationServer, tmp_path: Path) -> None:
    changes = {
        "operator_sso_issuer": server.issuer,
        "operator_sso_client_id": WATCHWORD.id,
        "operator_sso_client_secret_file": secret_file(tmp_path / "client-secret", WATCHWORD.secret),
    }
    settings.WATCHWORD = settings.WATCHWORD.model_copy(update=changes)
    server.set_people(PEOPLE | {"olivia": OPERATOR})


def respond(browser: SignOn, user_name: str) -> str:
    answer = browser.portal.get("/sign-in/single-sign-on", {"operators": "on"})
    assert answer.status_code == 302
    return browser.at_provider.sign_in(answer.headers["Location"], user_name)


def refused(browser: SignOn, answer: Any, reason: str) -> None:
    """As for administrators, in the provider's own log."""
    assert (answer.status_code, signed_in(browser)) == (422, None)
    log = event()
    assert (log.result, log.organization, log.changes["reason"]) == ("refused", None, [None, reason])


def test_sign_in_page_leads_operators_to_their_provider(browser: SignOn, settings: Settings) -> None:
    assert 'href="/sign-in/single-sign-on?operators=on"' in browser.portal.get("/sign-in").content.decode()
    settings.WATCHWORD = settings.WATCHWORD.model_copy(update={"operator_sso_issuer": None})
    assert "operators=on" not in browser.portal.get("/sign-in").content.decode()
    assert browser.portal.get("/sign-in/single-sign-on", {"operators": "on"}).status_code == 422


def test_existing_operator_is_linked_and_found_again(browser: SignOn, operator: Person) -> None:
    answer = browser.open(respond(browser, "olivia"))
    assert (answer.status_code, signed_in(browser)) == (302, operator.email)
    assert Session.objects.get(person=operator).factors == ["single sign-on"]
    assert (event().organization, event("provider_account_linked").organization) == (None, None)

    Person.objects.filter(pk=operator.pk).update(email="renamed@provider.example")
    again = SignOn(browser.server)
    again.open(respond(again, "olivia"))
    assert signed_in(again) == "renamed@provider.example"
    assert ProviderAccount.objects.count() == 1


def test_no_operator_is_created(browser: SignOn, db: None) -> None:
    refused(browser, browser.open(respond(browser, "olivia")), "no_operator")
    assert Person.objects.count() == 0


def test_p_60_administrator_is_no_operator(browser: SignOn, server: AuthorizationServer, alice: Person) -> None:
    refused(browser, browser.open(respond(browser, "alice")), "person_taken")
    # Nor does an operator's address open a session through an organization's provider.
    assign("provider.example")
    configured(server, default_role=alice.role)
    people.operator()
    other = SignOn(server)
    answer = other.sign_in("olivia")
    assert (answer.status_code, signed_in(other)) == (422, None)
    assert event().changes["reason"] == [None, "person_taken"]


def test_p_61_account_of_an_organization_is_none_of_the_operators(
    browser: SignOn, server: AuthorizationServer, alice: Person, operator: Person
) -> None:
    """The same provider, client and subject for an organization and for operators."""
    assign()
    configured(server, default_role=alice.role)
    server.set_people({"alice": OPERATOR})
    browser.open(respond(browser, "alice"))
    assert signed_in(browser) == operator.email
    other = SignOn(server)
    answer = other.sign_in("alice")
    assert (answer.status_code, signed_in(other)) == (422, None)


def test_p_64_deactivated_operator_is_refused(browser: SignOn, operator: Person, shell: Any) -> None:
    browser.open(respond(browser, "olivia"))
    colleague = people.knows_password(
        Person.objects.create(email="second@provider.example", kind="operator", created_at=people.NOW)
    )
    assert colleague.is_active
    DeactivateOperator(person_id=operator.pk).run(shell)
    assert signed_in(browser) is None
    refused(browser, browser.open(respond(browser, "olivia")), "person_deactivated")


def test_provider_that_was_changed_in_the_settings_signs_nobody_in(
    browser: SignOn, settings: Settings, operator: Person
) -> None:
    url = respond(browser, "olivia")
    settings.WATCHWORD = settings.WATCHWORD.model_copy(update={"operator_sso_client_id": "other"})
    assert browser.open(url).status_code == 422
    assert signed_in(browser) is None
    assert AuditEvent.objects.filter(action="signed_in").count() == 0


def test_operators_without_other_ways(browser: SignOn, settings: Settings, operator: Person, alice: Person) -> None:
    settings.WATCHWORD = settings.WATCHWORD.model_copy(update={"operator_sso_only": True})
    assert (only_single_sign_on(operator), only_single_sign_on(alice)) == (True, False)
    give_app(operator)
    answer = sign_in(browser.portal, operator)
    assert (signed_in(browser), "requires single sign-on" in text_of(answer)) == (None, True)
    browser.open(respond(browser, "olivia"))
    assert signed_in(browser) == operator.email
