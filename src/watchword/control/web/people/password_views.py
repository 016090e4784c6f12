"""A new password for the person's own account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.contrib.auth import update_session_auth_hash
from django.urls import reverse

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity.session_commands import ChangePassword
from watchword.control.web.people.account_pages import YourSignInPage
from watchword.control.web.people.session_views import own_session
from watchword.control.web.shell.form_fields import typed_twice
from watchword.control.web.shell.notices import Notice
from watchword.control.web.shell.page_responses import done, guarded_by, show_dialog, with_retry_after
from watchword.control.web.shell.proof_responses import asks_for_proof

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor

_CHANGE_PASSWORD: Final = "people/your_sign_in/change_password.html"  # noqa: S105 - a template.
_IN_THE_DIALOG: Final = frozenset(
    {RefusalReason.FIELDS_INVALID, RefusalReason.TOO_MANY_REQUESTS, RefusalReason.PASSWORDS_BUSY}
)

_guarded: Final = guarded_by(YourSignInPage)


@_guarded
@asks_for_proof
def change_password(request: HttpRequest, actor: Actor, page: YourSignInPage) -> HttpResponse:
    """GET opens the dialog, POST sets the new password."""
    if request.method != "POST":
        return show_dialog(request, page, _CHANGE_PASSWORD, {"save_url": reverse("people:change-password")})
    try:
        person = ChangePassword(
            current=request.POST.get("current_password", ""),
            password=typed_twice(request.POST),
            kept=own_session(request),
        ).run(actor)
    except Refusal as refusal:
        if refusal.reason not in _IN_THE_DIALOG:
            raise
        told = None if refusal.field_errors else refusal.sentence
        context = {
            "save_url": reverse("people:change-password"),
            "errors": refusal.field_errors,
            "refusal": told,
            "again": True,
        }
        return with_retry_after(show_dialog(request, page, _CHANGE_PASSWORD, context, status=refusal.status), refusal)
    # A new key as well, so that a stolen old one no longer works.
    update_session_auth_hash(request, person)
    return done(
        request,
        page,
        Notice("Password changed. All your other sessions have ended."),
    )
