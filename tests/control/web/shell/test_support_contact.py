"""FP-02: a locked organization reads whom to ask, on the sign-in page, and above the pages of an organization."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from kit.browser_session import BrowserSession, Shown
from watchword.control.organizations.commands import Suspend
from watchword.control.organizations.models import Subscription, SuspensionReason
from watchword.settings.load import load_control_settings

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person

pytestmark = pytest.mark.django_db

MAIL = "support@provider.example"
SITE = "https://provider.example/help"
LINKS = {MAIL: f"mailto:{MAIL}", SITE: SITE}
PAGES = ("servers:list", "people:administrators", "people:roles", "activity:list", "audit:list")


@pytest.mark.parametrize("contact", [MAIL, SITE])
@pytest.mark.parametrize("page", PAGES)
def test_field_p_the_banner_of_a_suspension_names_the_support_contact(
    alice: Person, shell: Actor, settings: Settings, page: str, contact: str
) -> None:
    settings.WATCHWORD = load_control_settings(support_contact=contact)
    browser = BrowserSession.of(alice)
    assert contact not in browser.get(page, "acme").html
    Suspend(organization_id="acme", reason=SuspensionReason.TERMS_VIOLATED).run(shell)

    shown = browser.get(page, "acme")

    assert f"). Support: {contact}" in shown.text
    assert f'<a href="{LINKS[contact]}">{contact}</a>' in shown.html
    assert contact in browser.get("people:sessions").text


def test_field_p_banner_of_an_expired_subscription_names_the_support_contact(alice: Person, settings: Settings) -> None:
    settings.WATCHWORD = load_control_settings(support_contact=MAIL)
    Subscription.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert (
        f"changes are locked until renewal. Support: {MAIL}"
        in BrowserSession.of(alice).get("servers:list", "acme").text
    )


def test_field_p_no_contact_is_shown_without_the_setting(alice: Person, shell: Actor) -> None:
    Suspend(organization_id="acme", reason=SuspensionReason.TERMS_VIOLATED).run(shell)
    page = BrowserSession.of(alice).get("servers:list", "acme")
    assert "contact support (reference" in page.text
    assert "Support:" not in page.text


def test_the_operator_who_suspends_reads_that_no_contact_is_set(
    operator: Person, acme: object, settings: Settings
) -> None:
    missing = "The setting WATCHWORD_SUPPORT_CONTACT is missing"
    assert missing in BrowserSession.of(operator).get("console:suspend", "acme").text
    settings.WATCHWORD = load_control_settings(support_contact=MAIL)
    assert missing not in BrowserSession.of(operator).get("console:suspend", "acme").text


@pytest.mark.parametrize("contact", [MAIL, SITE, None])
def test_field_p_sign_in_says_who_can_help_with_a_forgotten_password(
    client: Client, settings: Settings, contact: str | None
) -> None:
    settings.WATCHWORD = load_control_settings(support_contact=contact)
    page = Shown(client.get("/sign-in"))
    assert "Forgot password? Ask another administrator of your organization for a new sign-in link" in page.text
    assert f"contact {contact or 'the support of your API provider.'}" in page.text
