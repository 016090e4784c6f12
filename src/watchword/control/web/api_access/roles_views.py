"""The requests of the tab API Roles translated into commands, and their results into answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse
from django.views.decorators.http import require_safe

from watchword.control.base.actor import ApiCategory
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity.api_role_commands import CreateApiRole, DeleteApiRole, EditApiRole
from watchword.control.identity.api_rules import ApiLevel
from watchword.control.identity.safeguards import refuse_more_api_rights_than_own
from watchword.control.web.api_access import forms
from watchword.control.web.api_access.roles_page import MEANINGS, ApiRolesPage, users_of
from watchword.control.web.shell.notices import Notice
from watchword.control.web.shell.page_responses import confirm, done, guarded_by, show, show_dialog
from watchword.control.web.shell.proof_responses import asks_for_proof

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor
    from watchword.control.identity.api_queries import ApiRoleRow
    from watchword.control.web.api_access.forms import ApiRoleForm

_DIALOG: Final = "api_access/roles/dialog.html"

_guarded: Final = guarded_by(ApiRolesPage)


@require_safe
@_guarded
def roles(request: HttpRequest, actor: Actor, page: ApiRolesPage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """The API roles, what each of them may do, and what uses it."""
    return show(request, page)


@_guarded
@asks_for_proof
def create(request: HttpRequest, actor: Actor, page: ApiRolesPage) -> HttpResponse:
    """GET opens the dialog, POST makes the API role."""
    if request.method != "POST":
        return show_dialog(request, page, _DIALOG, _context(page, forms.of_role(None), None))
    form = forms.ApiRoleForm.received(request.POST)
    command = CreateApiRole(organization_id=page.organization_id, name=form.text("name"), rights=form.rights)
    try:
        command.run(actor)
    except Refusal as refusal:
        return _refused(request, page, form, None, refusal)
    return done(request, page, Notice(f"Created the API role {command.name}."))


@_guarded
@asks_for_proof
def edit(request: HttpRequest, actor: Actor, page: ApiRolesPage, api_role: int) -> HttpResponse:
    """GET opens the dialog with what is stored, POST saves."""
    row = _changeable(request, page, api_role)
    if request.method != "POST":
        return show_dialog(request, page, _DIALOG, _context(page, forms.of_role(row), row))
    form = forms.ApiRoleForm.received(request.POST)
    command = EditApiRole(
        organization_id=page.organization_id,
        role_id=api_role,
        expected_version=form.expected_version,
        name=form.text("name"),
        rights=form.rights,
    )
    try:
        command.run(actor)
    except Refusal as refusal:
        return _refused(request, page, form, row, refusal)
    return done(request, page, Notice(f"Saved the API role {command.name}."))


@_guarded
@asks_for_proof
def delete(request: HttpRequest, actor: Actor, page: ApiRolesPage, api_role: int) -> HttpResponse:
    """GET asks, POST deletes."""
    row = _changeable(request, page, api_role)
    refusal = None
    if request.method == "POST":
        try:
            DeleteApiRole(organization_id=page.organization_id, role_id=api_role).run(actor)
        except Refusal as refused:
            refusal = refused
        else:
            return done(request, page, Notice(f"Deleted the API role {row.name}."))
    required = page.required_by(row) is not None
    return confirm(
        request,
        page,
        title=f"The API role {row.name} cannot be deleted" if required else f"Delete the API role {row.name}?",
        # The refusal says the same.
        sentences=[] if required and refusal is not None else _what_stops(page, row),
        url=reverse("api_access:delete-role", args=[page.organization_id, api_role]),
        label=None if required else "Delete",
        dangerous=True,
        refusal=refusal,
    )


def _changeable(request: HttpRequest, page: ApiRolesPage, role_id: int) -> ApiRoleRow:
    """The role whose dialog may open. A POST is refused, and recorded, by its command."""
    row = page.role(role_id)
    if request.method != "POST":
        refuse_more_api_rights_than_own(page.frame.actor, page.organization_id, row.rights)
    return row


def _what_stops(page: ApiRolesPage, row: ApiRoleRow) -> list[str]:
    required_by = page.required_by(row)
    if required_by is not None:
        return [f"{required_by} requires this API role of each token. Change the required API role there first."]
    users, scope = users_of(row), page.scope(row.name)
    stops = "No API key has it, and no client used it." if users is None else f"These lose access at once: {users}."
    keys = ["Its API keys are revoked, which cannot be undone."] if row.keys else []
    tokens = f"Access tokens with the scope {scope}" if scope else "Access tokens that name it"
    return [stops, *keys, f"{tokens} are refused by the management API."]


def _context(page: ApiRolesPage, form: ApiRoleForm, row: ApiRoleRow | None) -> dict[str, Any]:
    """What the dialog shows. `row` is the role as it is stored now; None for a new one."""
    fields = [
        (category.value, MEANINGS[category], form[forms.field_of(category)], page.choices(category))
        for category in ApiCategory
    ]
    organization = page.organization_id
    return {
        "form": form,
        "categories": fields,
        "title": "Create API Role" if row is None else "Edit API Role",
        "save_label": "Create API Role" if row is None else "Save",
        "row": row,
        "users": None if row is None else users_of(row),
        "required_by": None if row is None else page.required_by(row),
        "scope": None if row is None else page.scope(row.name),
        "version": None if row is None else form["version"].value(),
        "save_url": reverse("api_access:create-role", args=[organization])
        if row is None
        else reverse("api_access:edit-role", args=[organization, row.id]),
    }


def _refused(
    request: HttpRequest, page: ApiRolesPage, form: ApiRoleForm, row: ApiRoleRow | None, refusal: Refusal
) -> HttpResponse:
    """The dialog again with everything typed, and each sentence where it belongs."""
    name, rights = form.text("name"), form.rights
    form.refuse(refusal.field_errors)
    context = _context(page, form, row) | {"again": True, "refusal": refusal.above_fields}
    if row is not None and refusal.reason is RefusalReason.VERSION_STALE:
        # Shown what it would overwrite, a second Save is a decision; so it goes by the version just shown.
        context |= {"version": row.version, "differences": _differences(row, name, rights)}
    return show_dialog(request, page, _DIALOG, context, status=refusal.status)


def _differences(row: ApiRoleRow, name: str, rights: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Return label, stored value and typed value of each field in which they differ."""
    pairs = [("Name", row.name, name or "blank")]
    for category in ApiCategory:
        stored = row.rights.get(category)
        pairs.append((category.value, "None" if stored is None else stored.label, _level(rights.get(category.value))))
    return [pair for pair in pairs if pair[1] != pair[2]]


def _level(typed: str | None) -> str:
    if typed is None:
        return "None"
    return ApiLevel(typed).label if typed in ApiLevel.values else typed
