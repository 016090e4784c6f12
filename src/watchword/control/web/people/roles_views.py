"""The Role Management page's requests translated into commands, and their results into answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse
from django.views.decorators.http import require_safe

from watchword.control.base.actor import Permission
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity.role_commands import CreateRole, DeleteRole, EditRole
from watchword.control.identity.rules import listed
from watchword.control.identity.safeguards import refuse_more_than_own
from watchword.control.web.people import forms
from watchword.control.web.people.roles_page import RolesPage
from watchword.control.web.shell.notices import Notice
from watchword.control.web.shell.page_responses import confirm, done, guarded_by, show, show_dialog
from watchword.control.web.shell.proof_responses import asks_for_proof

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor
    from watchword.control.identity.queries import RoleRow
    from watchword.control.web.people.forms import RoleForm

_DIALOG: Final = "people/roles/dialog.html"

_guarded: Final = guarded_by(RolesPage)


@require_safe
@_guarded
def roles(request: HttpRequest, actor: Actor, page: RolesPage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """The roles and what each of them may do."""
    return show(request, page)


@_guarded
@asks_for_proof
def create(request: HttpRequest, actor: Actor, page: RolesPage) -> HttpResponse:
    """GET opens the dialog, POST makes the role."""
    if request.method != "POST":
        return show_dialog(request, page, _DIALOG, _context(page, forms.of_role(None), None))
    form = forms.received_role(request.POST)
    command = CreateRole(organization_id=page.organization_id, name=form.name, permissions=form.chosen)
    try:
        command.run(actor)
    except Refusal as refusal:
        return _refused(request, page, form, None, refusal)
    return done(request, page, Notice(f"Created the role {command.name}."))


@_guarded
@asks_for_proof
def edit(request: HttpRequest, actor: Actor, page: RolesPage, role: int) -> HttpResponse:
    """GET opens the dialog with what is stored, POST saves."""
    row = page.role(role)
    if request.method != "POST":
        refuse_more_than_own(actor, row.permissions)
        return show_dialog(request, page, _DIALOG, _context(page, forms.of_role(row), row))
    form = forms.received_role(request.POST)
    command = EditRole(
        organization_id=page.organization_id,
        role_id=role,
        expected_version=form.expected_version,
        name=form.name,
        permissions=form.chosen,
    )
    try:
        command.run(actor)
    except Refusal as refusal:
        return _refused(request, page, form, row, refusal)
    return done(request, page, Notice(f"Saved the role {command.name}."))


@_guarded
@asks_for_proof
def delete(request: HttpRequest, actor: Actor, page: RolesPage, role: int) -> HttpResponse:
    """GET asks, POST deletes."""
    row = page.role(role)
    refusal = None
    if request.method == "POST":
        try:
            DeleteRole(organization_id=page.organization_id, role_id=role).run(actor)
        except Refusal as refused:
            refusal = refused
        else:
            return done(request, page, Notice(f"Deleted the role {row.name}."))
    else:
        refuse_more_than_own(actor, row.permissions)
    return confirm(
        request,
        page,
        title=f"Delete the role {row.name}?",
        sentences=["No administrator has it. A deleted role cannot be restored."]
        if not row.holders
        else [f"Assigned to {listed(row.holders)}."],
        url=reverse("people:delete-role", args=[page.organization_id, role]),
        label="Delete",
        dangerous=True,
        refusal=refusal,
    )


def _context(page: RolesPage, form: RoleForm, row: RoleRow | None) -> dict[str, Any]:
    """What the dialog shows. `row` is the role as it is stored now; None for a new one."""
    return {
        "form": form,
        "checked": frozenset(form["permissions"].value() or ()),
        "boxes": page.boxes(),
        "title": "Create Role" if row is None else "Edit Role",
        "save_label": "Create Role" if row is None else "Save",
        "row": row,
        "holders": listed(row.holders) if row is not None and row.holders else None,
        "version": None if row is None else form["version"].value(),
        "save_url": reverse("people:create-role", args=[page.organization_id])
        if row is None
        else reverse("people:edit-role", args=[page.organization_id, row.id]),
    }


def _refused(
    request: HttpRequest, page: RolesPage, form: RoleForm, row: RoleRow | None, refusal: Refusal
) -> HttpResponse:
    """The dialog again with everything typed, and each sentence where it belongs."""
    name, chosen = form.name, form.chosen
    form.refuse(refusal.field_errors)
    context = _context(page, form, row) | {"again": True, "refusal": refusal.above_fields}
    if row is not None and refusal.reason is RefusalReason.VERSION_STALE:
        # Shown what it would overwrite, a second Save is a decision; so it goes by the version just shown.
        context |= {"version": row.version, "differences": _differences(row, name, chosen)}
    return show_dialog(request, page, _DIALOG, context, status=refusal.status)


def _differences(row: RoleRow, name: str, chosen: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return label, stored value and typed value of each field in which they differ."""
    stored = _read(row.permissions)
    typed = _read(permission for permission in Permission if permission.value in frozenset(chosen))
    pairs = (("Name", row.name, name or "blank"), ("Permissions", stored, typed))
    return [pair for pair in pairs if pair[1] != pair[2]]


def _read(permissions: Iterable[Permission]) -> str:
    return ", ".join(sorted(permission.value for permission in permissions)) or "none"
