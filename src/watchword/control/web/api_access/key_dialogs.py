"""The dialogs of API keys, for an organization and for the provider alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.utils import timezone

from watchword.control.base.refusals import Refusal
from watchword.control.base.times import spoken
from watchword.control.identity.api_key_commands import CreateApiKey, RevokeApiKey
from watchword.control.web.api_access import forms
from watchword.control.web.shell.notices import Notice
from watchword.control.web.shell.page_responses import confirm, done, done_with, show_dialog

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor
    from watchword.control.identity.api_key_commands import NewApiKey
    from watchword.control.identity.api_queries import ApiKeyRow
    from watchword.control.web.shell.page import Page

_DIALOG: Final = "api_access/keys/dialog.html"
_SECRET: Final = "shell/secret.html"  # noqa: S105 - the path of a template.


def create_key(request: HttpRequest, actor: Actor, page: Page, more: dict[str, Any]) -> HttpResponse:
    """GET opens the dialog, POST creates the key and shows its secret, once. `more` is for the dialog's template."""
    organization_id = page.place.get("organization")
    if request.method != "POST":
        return show_dialog(request, page, _DIALOG, more | {"form": forms.of_new_key()})
    form = forms.ApiKeyForm.received(request.POST)
    command = CreateApiKey(
        organization_id=organization_id,
        api_role=None if organization_id is None else form.text("api_role"),
        name=form.text("name"),
        expires_at=form.expires_at(timezone.now()),
    )
    try:
        new = command.run(actor)
    except Refusal as refusal:
        form.refuse(refusal.field_errors)
        context = more | {"form": form, "refusal": refusal.above_fields, "again": True}
        return show_dialog(request, page, _DIALOG, context, status=refusal.status)
    return done_with(request, page.reopened(actor), _SECRET, _shown_once(new))


def revoke_key(request: HttpRequest, actor: Actor, page: Page, key: ApiKeyRow, *, url: str) -> HttpResponse:
    """GET asks, POST revokes."""
    if request.method == "POST":
        RevokeApiKey(organization_id=page.place.get("organization"), key_id=key.id).run(actor)
        return done(request, page, Notice(f"Revoked the API key {key.name}."))
    used = "It was never used."
    if key.last_used_at is not None:
        place = f" from {key.last_used_address}" if key.last_used_address else ""
        used = f"It was last used on {spoken(key.last_used_at)}{place}."
    return confirm(
        request,
        page,
        title=f"Revoke the API key {key.name}?",
        sentences=[f"Requests with it are refused at once. {used}", "This cannot be undone."],
        url=url,
        label="Revoke",
        dangerous=True,
    )


def _shown_once(new: NewApiKey) -> dict[str, Any]:
    given, organization = settings.WATCHWORD, new.key.organization_id
    return {
        "title": f"API key {new.key.name} created",
        "what": "Copy it now: it is not shown again",
        "secret": new.secret,
        "label": "the API key",
        "next_steps": (
            "Store it where your automation keeps its secrets. If lost, revoke it and create another.",
            f"Send it in the header Authorization: Bearer, to {given.management_api_url}.",
            f"It expires on {spoken(new.key.expires_at)}. Create its successor before that.",
        ),
        # An operator's key is for many organizations, and a login is for one.
        "command": organization and f"watchword login --url {given.public_origin} --organization {organization}",
        "reference_url": f"{given.public_origin}/api/docs",
    }
