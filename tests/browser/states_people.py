"""Pictures of Administrators and Role Management."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.urls import reverse
from django.utils import timezone

from browser.studio import State
from kit import enrolled, sample_portal
from watchword.control.base.actor import Permission, command_line
from watchword.control.identity.models import Person, Role
from watchword.control.identity.operator_commands import CreateOperator
from watchword.control.identity.people_commands import CreateAdministrator, DeactivateAdministrator
from watchword.control.identity.role_commands import CreateRole, EditRole
from watchword.control.identity.sign_in_link_commands import CreateSignInLink

if TYPE_CHECKING:
    from playwright.sync_api import Page

ACME: Final = sample_portal.ACME
ROLES: Final = {
    "Auditor": (Permission.AUDIT_LOGS, Permission.ACTIVITY),
    "People Desk": (Permission.ADMINISTRATORS,),
    "API Keys": (Permission.API_KEY_MANAGEMENT, Permission.ACTIVITY),
    "Newcomer": (),
}


def administrators() -> str:
    return reverse("people:administrators", args=[ACME])


def roles() -> str:
    return reverse("people:roles", args=[ACME])


def _person(name: str, role: str | None, *, joined_hours_ago: int | None = None) -> Person:
    email = f"{name.lower().replace(' ', '.')}@acme.example"
    person = CreateAdministrator(organization_id=ACME, email=email, name=name, role=role).run(command_line())
    if joined_hours_ago is not None:
        # No test signs in with it; it only has to exist.
        person.password = "argon2$set"
        person.last_login = timezone.now() - timedelta(hours=joined_hours_ago)
        person.save()
    return person


def _alone() -> Person:
    sample_portal.acme()
    return _person("Alice", None, joined_hours_ago=0)


def _several() -> Person:
    alice = _alone()
    for name, permissions in ROLES.items():
        CreateRole(organization_id=ACME, name=name, permissions=frozenset(permissions)).run(command_line())
    enrolled.passkey(alice)
    enrolled.authenticator_app(alice)
    enrolled.authenticator_app(_person("Bob", "API Keys", joined_hours_ago=3))
    enrolled.provider_account(_person("Charlie with a Rather Long Name", "Auditor", joined_hours_ago=50))
    _person("Alice B", "People Desk", joined_hours_ago=20)
    invited = _person("Bob C", "Auditor")
    CreateSignInLink(email=invited.email).run(command_line(), now=timezone.now() - timedelta(hours=2))
    late = _person("Charlie D", "API Keys")
    CreateSignInLink(email=late.email).run(command_line(), now=timezone.now() - timedelta(hours=30))
    gone = _person("Alice E", "Auditor", joined_hours_ago=24 * 40)
    DeactivateAdministrator(organization_id=ACME, person_id=gone.pk).run(command_line())
    return alice


def _several_as_operator() -> Person:
    _several()
    return CreateOperator(email="operator@watchword.example", name="Operator").run(command_line())


def _nobody_as_operator() -> Person:
    sample_portal.acme()
    return CreateOperator(email="operator@watchword.example", name="Operator").run(command_line())


def _several_as_the_people_desk() -> Person:
    _several()
    return Person.objects.select_related("role").get(email="alice.b@acme.example")


def _several_as_charlie() -> Person:
    _several()
    return Person.objects.select_related("role").get(name__startswith="Charlie with")


def _invite(page: Page) -> None:
    page.get_by_role("button", name="Invite Administrator").click()
    page.get_by_role("dialog").wait_for()


def _type_invitation(page: Page, email: str) -> None:
    _invite(page)
    page.get_by_label("Name", exact=True).fill("Bob F")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("dialog").get_by_label("Role").select_option("Auditor")
    page.get_by_role("button", name="Create Invitation").click()


def _invited(page: Page) -> None:
    _type_invitation(page, "bob.f@acme.example")
    page.get_by_role("dialog", name="Sign-in link for Bob F").wait_for()


def _invite_refused(page: Page) -> None:
    _type_invitation(page, "bob@acme.example")
    page.get_by_role("alert").wait_for()


def _press_and_wait(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()
    page.locator("dialog").wait_for()


def _change_role(page: Page) -> None:
    _press_and_wait(page, "Change Role of Bob")


def _demote_oneself(page: Page) -> None:
    _press_and_wait(page, "Change Role of Alice")
    page.get_by_role("dialog").get_by_label("Role").select_option("Auditor")
    page.get_by_role("dialog").get_by_role("button", name="Change Role").click()
    page.get_by_role("alert").wait_for()


def _rename(page: Page) -> None:
    _press_and_wait(page, "Edit name of Bob")


def _new_link(page: Page) -> None:
    _press_and_wait(page, "New sign-in link for Bob")


def _sign_out(page: Page) -> None:
    _press_and_wait(page, "Sign out Bob")


def _reset_factors(page: Page) -> None:
    _press_and_wait(page, "Reset second factor of Bob")


def _deactivate(page: Page) -> None:
    _press_and_wait(page, "Deactivate Bob")


def _reactivate(page: Page) -> None:
    _press_and_wait(page, "Reactivate Alice E")


def _deactivated(page: Page) -> None:
    _deactivate(page)
    page.get_by_role("alertdialog").get_by_role("button", name="Deactivate").click()
    page.get_by_text("is deactivated and signed out.").wait_for()


def _narrow(page: Page) -> None:
    page.get_by_label("Name, e-mail or role").fill("b")
    page.get_by_label("Status").select_option("active")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name="Show All").wait_for()


def _narrow_to_nothing(page: Page) -> None:
    page.get_by_label("Name, e-mail or role").fill("zebra")
    page.get_by_role("button", name="Filter").click()
    page.get_by_text("No administrators match").wait_for()


def _create_role(page: Page) -> None:
    page.get_by_role("button", name="Create Role").click()
    page.get_by_role("dialog").wait_for()


def _create_role_refused(page: Page) -> None:
    _create_role(page)
    page.get_by_label("Name", exact=True).fill("auditor")
    page.get_by_role("dialog").get_by_role("button", name="Create Role").click()
    page.get_by_role("alert").wait_for()


def _edit_role(page: Page) -> None:
    _press_and_wait(page, "Edit Auditor")


def _edited_by_the_people_desk() -> Person:
    alice = _several()
    role = Role.objects.get(name="Auditor")
    desk = Person.objects.get(email="alice.b@acme.example")
    # As far as the picture goes: the people desk's own role does not allow the edit.
    theirs = Role.objects.filter(people=desk)
    held = theirs.get().permissions
    theirs.update(permissions=sorted(Permission.values))
    EditRole(
        organization_id=ACME, role_id=role.pk, expected_version=1, name="Auditor", permissions=frozenset({"Audit Logs"})
    ).run(sample_portal.acting(Person.objects.get(pk=desk.pk)))
    theirs.update(permissions=held)
    return alice


def _edit_role_stale(page: Page) -> None:
    _edit_role(page)
    # As if the dialog had been opened before the people desk saved.
    page.locator("input[name=version]").evaluate("field => { field.value = '1'; }")
    page.get_by_label("Name", exact=True).fill("Auditors")
    page.get_by_role("dialog").get_by_role("checkbox", name="Activity").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").wait_for()


def _delete_role(page: Page) -> None:
    _press_and_wait(page, "Delete Newcomer")


STATES: Final = (
    State("administrators-none", _nobody_as_operator, path=administrators),
    State("administrators-one", _alone, path=administrators),
    State("administrators", _several, path=administrators, whole=True),
    State("administrators-operator", _several_as_operator, path=administrators, whole=True),
    State("administrators-limited", _several_as_the_people_desk, path=administrators, whole=True),
    State("administrators-filtered", _several, _narrow, path=administrators),
    State("administrators-no-match", _several, _narrow_to_nothing, path=administrators),
    State("administrators-not-allowed", _several_as_charlie, path=administrators),
    State("administrators-invite", _several, _invite, path=administrators),
    State("administrators-invite-limited", _several_as_the_people_desk, _invite, path=administrators),
    State("administrators-invite-refused", _several, _invite_refused, path=administrators),
    State("administrators-link", _several, _invited, path=administrators),
    State("administrators-change-role", _several, _change_role, path=administrators),
    State("administrators-last", _several, _demote_oneself, path=administrators),
    State("administrators-rename", _several, _rename, path=administrators),
    State("administrators-new-link", _several, _new_link, path=administrators),
    State("administrators-sign-out", _several, _sign_out, path=administrators),
    State("administrators-reset-factors", _several, _reset_factors, path=administrators),
    State("administrators-deactivate", _several, _deactivate, path=administrators),
    State("administrators-deactivated", _several, _deactivated, path=administrators),
    State("administrators-reactivate", _several, _reactivate, path=administrators),
    State("roles-none", _nobody_as_operator, path=roles),
    State("roles", _several, path=roles, whole=True),
    State("roles-limited", _several_as_the_people_desk, path=roles, whole=True),
    State("roles-create", _several, _create_role, path=roles),
    State("roles-create-limited", _several_as_the_people_desk, _create_role, path=roles),
    State("roles-create-refused", _several, _create_role_refused, path=roles),
    State("roles-edit", _several, _edit_role, path=roles),
    State("roles-stale", _edited_by_the_people_desk, _edit_role_stale, path=roles),
    State("roles-delete", _several, _delete_role, path=roles),
)
