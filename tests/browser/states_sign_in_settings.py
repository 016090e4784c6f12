"""Pictures of Sign-In Settings, of single sign-on at the sign-in, and of an organization's e-mail domains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.urls import reverse

from browser.studio import State
from kit import sample_portal
from kit.sign_in_settings import add_app, assign, enabled
from watchword.control.base.actor import Permission, command_line
from watchword.control.identity.factor_rules import Factor, stored
from watchword.control.identity.models import Person, ProviderAccount, Session, SignInPolicy
from watchword.control.identity.operator_commands import CreateOperator
from watchword.control.identity.people_commands import CreateAdministrator
from watchword.control.identity.role_commands import CreateRole

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from watchword.control.base.actor import Actor

ACME: Final = sample_portal.ACME


def settings() -> str:
    return reverse("sign_in_settings:settings", args=[ACME])


def organization() -> str:
    return reverse("console:organization", args=[ACME])


def _person(name: str, role: str | None = None) -> Person:
    return CreateAdministrator(
        organization_id=ACME, email=f"{name}@acme.example", name=name.capitalize(), role=role
    ).run(command_line())  # fmt: skip


def _nothing_set() -> Person:
    sample_portal.acme()
    CreateRole(organization_id=ACME, name="Auditor", permissions=frozenset({Permission.AUDIT_LOGS})).run(command_line())
    alice = _person("alice")
    _person("bob", "Auditor")
    return alice


def _with_an_app() -> Person:
    alice = _nothing_set()
    add_app(alice)
    return alice


def _strong(person: Person) -> Actor:
    add_app(person)
    actor = sample_portal.acting(person)
    Session.objects.filter(person=person).update(factors=stored([Factor.PASSWORD, Factor.AUTHENTICATOR_APP]))
    return actor


def _configured() -> Person:
    alice = _nothing_set()
    assign("acme.example", ACME)
    assign("mail.acme.example", ACME)
    enabled(
        _strong(alice),
        organization_id=ACME,
        role_claim="groups",
        role_values=(("portal-admins", "Administrator"), ("portal-auditors", "Auditor")),
        default_role="",
    )
    bob = Person.objects.get(email="bob@acme.example")
    ProviderAccount.objects.create(
        person=bob,
        organization_id=ACME,
        issuer="https://login.acme.example",
        subject="00u1",
        created_at=bob.created_at,
    )
    return alice


def _only() -> Person:
    alice = _configured()
    SignInPolicy.objects.create(
        organization_id=ACME, second_factor_required=True, single_sign_on_only=True, emergency_person=alice
    )
    return alice


def _as_an_operator() -> Person:
    _configured()
    return CreateOperator(email="operator@watchword.example", name="Operator").run(command_line())


def _nobody() -> None:
    sample_portal.acme()


def _operator_without_domains() -> Person:
    sample_portal.acme()
    return CreateOperator(email="operator@watchword.example", name="Operator").run(command_line())


def _press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()
    page.locator("dialog").wait_for()


def _require(page: Page) -> None:
    _press(page, "Require Second Factor")


def _set_up(page: Page) -> None:
    _press(page, "Set Up Single Sign-On")


def _set_up_refused(page: Page) -> None:
    _set_up(page)
    page.get_by_label("Issuer").fill("http://login.acme.example")
    page.get_by_role("textbox", name="Value 1").fill("portal-admins")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").wait_for()


def _tested(page: Page) -> None:
    _set_up(page)
    page.get_by_label("Issuer").fill("https://10.0.0.1")
    page.get_by_role("button", name="Test Connection").click()
    page.locator("#connection li").wait_for()


def _edit(page: Page) -> None:
    _press(page, "Edit")


def _stale(page: Page) -> None:
    _edit(page)
    page.locator("dialog input[name=version]").evaluate("field => { field.value = '7'; }")
    page.get_by_label("Client ID").fill("0oa1b2c3d4e5")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").wait_for()


def _disable(page: Page) -> None:
    _press(page, "Disable")


def _remove(page: Page) -> None:
    _press(page, "Remove")


def _allow_only(page: Page) -> None:
    _press(page, "Allow Single Sign-On Only")


def _allow_others(page: Page) -> None:
    _press(page, "Allow Other Ways")


def _assign(page: Page) -> None:
    _press(page, "Assign E-mail Domain")


def _assign_refused(page: Page) -> None:
    _assign(page)
    page.get_by_label("E-mail domain", exact=True).fill("alice@acme.example")
    page.locator("dialog").get_by_role("button", name="Assign").click()
    page.get_by_role("alert").wait_for()


def _unassign(page: Page) -> None:
    _press(page, "Remove mail.acme.example")


def _single_sign_on() -> str:
    return reverse("sign_in:single-sign-on")


def _unknown(page: Page) -> None:
    page.get_by_label("E-mail address").fill("charlie@initech.example")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("alert").wait_for()


STATES: Final = (
    State("sign-in-settings-none", _nothing_set, path=settings, whole=True),
    State("sign-in-settings", _configured, path=settings, whole=True),
    State("sign-in-settings-only", _only, path=settings, whole=True),
    State("sign-in-settings-operator", _as_an_operator, path=settings, whole=True),
    State("sign-in-settings-require", _with_an_app, _require, path=settings),
    State("sign-in-settings-set-up", _nothing_set, _set_up, path=settings),
    State("sign-in-settings-set-up-refused", _nothing_set, _set_up_refused, path=settings),
    State("sign-in-settings-tested", _nothing_set, _tested, path=settings),
    State("sign-in-settings-edit", _configured, _edit, path=settings),
    State("sign-in-settings-stale", _configured, _stale, path=settings),
    State("sign-in-settings-disable", _configured, _disable, path=settings),
    State("sign-in-settings-remove", _configured, _remove, path=settings),
    State("sign-in-settings-allow-only", _configured, _allow_only, path=settings),
    State("sign-in-settings-allow-others", _only, _allow_others, path=settings),
    State("email-domains-none", _operator_without_domains, path=organization, whole=True),
    State("email-domains", _as_an_operator, path=organization, whole=True),
    State("email-domains-assign", _as_an_operator, _assign, path=organization),
    State("email-domains-assign-refused", _as_an_operator, _assign_refused, path=organization),
    State("email-domains-remove", _as_an_operator, _unassign, path=organization),
    State("single-sign-on", _nobody, path=_single_sign_on),
    State("single-sign-on-unknown", _nobody, _unknown, path=_single_sign_on),
    State("single-sign-on-failed", _nobody, path=lambda: reverse("sign_in:single-sign-on-callback")),
)
