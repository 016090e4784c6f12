"""Pictures of API Roles, API Keys and Company Profile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.urls import reverse
from django.utils import timezone

from browser.studio import State
from kit import sample_portal
from watchword.control.base.actor import Permission, command_line
from watchword.control.identity.api_actors import actor_of_access_token, actor_of_api_key
from watchword.control.identity.api_key_commands import CreateApiKey, RevokeApiKey
from watchword.control.identity.api_role_commands import CreateApiRole
from watchword.control.identity.models import ApiKey, ApiRole, Person
from watchword.control.identity.operator_commands import CreateOperator
from watchword.control.identity.people_commands import CreateAdministrator
from watchword.control.identity.role_commands import CreateRole

if TYPE_CHECKING:
    from playwright.sync_api import Page

ACME: Final = sample_portal.ACME
FULL: Final = {"Authorization Servers": "full"}
VIEW: Final = {"Authorization Servers": "view", "Audit Logs": "view", "Activity": "view"}


def roles() -> str:
    return reverse("api_access:roles", args=[ACME])


def keys() -> str:
    return reverse("api_access:keys", args=[ACME])


def profile() -> str:
    return reverse("api_access:company-profile", args=[ACME])


def operator_keys() -> str:
    return reverse("console:api-keys")


def _alice() -> Person:
    sample_portal.acme()
    return CreateAdministrator(organization_id=ACME, email="alice@acme.example", name="Alice").run(command_line())


def _seen(role: str, client: str | None, *, minutes_ago: int) -> None:
    actor_of_access_token(
        ACME,
        (role,),
        client=client,
        address="192.0.2.7",
        request_id=None,
        now=timezone.now() - timedelta(minutes=minutes_ago),
    )


def _key(name: str, role: str | None, organization: str | None = ACME, *, days_ago: int, used: bool = True) -> ApiKey:
    created = timezone.now() - timedelta(days=days_ago)
    new = CreateApiKey(organization_id=organization, api_role=role, name=name).run(command_line(), now=created)
    if used:
        actor_of_api_key(new.secret, address="192.0.2.7", request_id=None, now=created + timedelta(hours=30))
    return new.key


def _in_use() -> Person:
    alice = _alice()
    for name, rights in {"Deployer": FULL, "Auditor": VIEW, "Newcomer": {}}.items():
        CreateApiRole(organization_id=ACME, name=name, rights=rights).run(command_line())
    acting = sample_portal.acting(alice)
    CreateApiRole(organization_id=ACME, name="RoleManager", rights={"API Roles": "full"}).run(acting)
    for number, client in enumerate(("0oa1b2c3d4e5F6g7h8i9", "nightly", None, "terraform-production")):
        _seen("Auditor", client, minutes_ago=7 * number)
    _seen("Deployer", "terraform", minutes_ago=3)
    _key("terraform", "Deployer", days_ago=20)
    _key("nightly-rotation", "Deployer", days_ago=3, used=False)
    _key("siem", "Auditor", days_ago=50)
    _key("old-pipeline", "Deployer", days_ago=120)
    RevokeApiKey(organization_id=ACME, key_id=_key("leaked", "Auditor", days_ago=10).public_id).run(acting)
    return alice


def _full() -> Person:
    alice = _in_use()
    for number in range(16 - ApiRole.objects.count()):
        CreateApiRole(organization_id=ACME, name=f"Team{number}", rights={}).run(command_line())
    return alice


def _in_use_as_the_people_desk() -> Person:
    _in_use()
    permissions = frozenset({Permission.ADMINISTRATORS, Permission.ACTIVITY})
    CreateRole(organization_id=ACME, name="People Desk", permissions=permissions).run(command_line())
    return CreateAdministrator(
        organization_id=ACME, email="bob@acme.example", name="Bob", role="People Desk"
    ).run(command_line())  # fmt: skip


def _operator() -> Person:
    sample_portal.acme()
    return CreateOperator(email="operator@watchword.example", name="Operator").run(command_line())


def _operator_with_keys() -> Person:
    operator = _operator()
    _key("provisioning", None, None, days_ago=12)
    RevokeApiKey(organization_id=None, key_id=_key("old", None, None, days_ago=60).public_id).run(command_line())
    return operator


def _press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()
    page.locator("dialog").wait_for()


def _create_role(page: Page) -> None:
    _press(page, "Create API Role")


def _create_role_refused(page: Page) -> None:
    _create_role(page)
    page.get_by_label("Name", exact=True).fill("deployer")
    page.get_by_role("dialog").get_by_role("button", name="Create API Role").click()
    page.get_by_role("alert").wait_for()


def _required() -> Person:
    alice = _in_use()
    fields = replace(sample_portal.PROD_OKTA, required_role="Deployer")
    sample_portal.add(sample_portal.acting(alice), fields)
    return alice


def _edit_role(page: Page) -> None:
    _press(page, "Edit Deployer")


def _edit_stale(page: Page) -> None:
    _edit_role(page)
    page.locator("input[name=version]").evaluate("field => { field.value = '7'; }")
    page.get_by_label("Name", exact=True).fill("Deployers")
    page.get_by_role("dialog").get_by_label("Audit Logs").select_option("view")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").wait_for()


def _delete_role(page: Page) -> None:
    _press(page, "Delete Deployer")


def _delete_unused_role(page: Page) -> None:
    _press(page, "Delete Newcomer")


def _create_key(page: Page) -> None:
    _press(page, "Create API Key")


def _type_key(page: Page, days: str) -> None:
    _create_key(page)
    page.get_by_label("Name", exact=True).fill("release-pipeline")
    field = page.get_by_role("dialog").get_by_label("API role")
    if field.count():
        field.select_option("Deployer")
    page.get_by_label("Expires in days").fill(days)
    page.get_by_role("dialog").get_by_role("button", name="Create API Key").click()


def _create_key_refused(page: Page) -> None:
    _type_key(page, "500")
    page.get_by_role("alert").wait_for()


def _created_key(page: Page) -> None:
    _type_key(page, "90")
    page.get_by_role("dialog", name="API key release-pipeline created").wait_for()


def _revoke_key(page: Page) -> None:
    _press(page, "Revoke terraform")


STATES: Final = (
    State("api-roles-none", _alice, path=roles),
    State("api-roles", _in_use, path=roles, whole=True),
    State("api-roles-full", _full, path=roles),
    State("api-roles-limited", _in_use_as_the_people_desk, path=roles, whole=True),
    State("api-roles-create", _in_use, _create_role, path=roles),
    State("api-roles-create-limited", _in_use_as_the_people_desk, _create_role, path=roles),
    State("api-roles-create-refused", _in_use, _create_role_refused, path=roles),
    State("api-roles-edit", _in_use, _edit_role, path=roles),
    State("api-roles-edit-required", _required, _edit_role, path=roles),
    State("api-roles-delete-required", _required, _delete_role, path=roles),
    State("api-roles-stale", _in_use, _edit_stale, path=roles),
    State("api-roles-delete", _in_use, _delete_role, path=roles),
    State("api-roles-delete-unused", _in_use, _delete_unused_role, path=roles),
    State("api-keys-none", _alice, path=keys),
    State("api-keys", _in_use, path=keys, whole=True),
    State("api-keys-create", _in_use, _create_key, path=keys),
    State("api-keys-create-limited", _in_use_as_the_people_desk, _create_key, path=keys),
    State("api-keys-create-refused", _in_use, _create_key_refused, path=keys),
    State("api-keys-created", _in_use, _created_key, path=keys),
    State("api-keys-revoke", _in_use, _revoke_key, path=keys),
    State("company-profile", _in_use, path=profile, whole=True),
    State("company-profile-no-roles", _alice, path=profile, whole=True),
    State("company-profile-no-cloud-name", _alice, path=profile, settings={"cloud_name": None, "api_url": None}),
    State("operator-api-keys-none", _operator, path=operator_keys),
    State("operator-api-keys", _operator_with_keys, path=operator_keys, whole=True),
    State("operator-api-keys-created", _operator_with_keys, _created_key, path=operator_keys),
)
