"""The requests of the page Your sign-in translated into commands. Nothing is decided or written here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity.factors.authenticator_app import EnrolAuthenticatorApp
from watchword.control.identity.factors.commands import (
    RemoveAuthenticatorApp,
    RemovePasskey,
    RenamePasskey,
    ReplaceRecoveryCodes,
)
from watchword.control.identity.factors.passkeys import EnrolPasskey
from watchword.control.identity.session_rules import browser_name
from watchword.control.web.people.account_pages import YourSignInPage
from watchword.control.web.shell.notices import Notice
from watchword.control.web.shell.page_responses import confirm, done, done_with, guarded_by, show, show_dialog
from watchword.control.web.shell.proof_responses import asks_for_proof
from watchword.control.web.sign_in.enrolment_views import AppSetup
from watchword.control.web.sign_in.factor_forms import enrolment_options, new_passkey_response

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor

_ADD: Final = "people/your_sign_in/add_passkey.html"
_RENAME: Final = "people/your_sign_in/rename_passkey.html"
_SET_UP: Final = "people/your_sign_in/set_up_app.html"
_CODES: Final = "people/your_sign_in/recovery_codes.html"

_guarded: Final = guarded_by(YourSignInPage)


@require_safe
@_guarded
def your_sign_in(request: HttpRequest, actor: Actor, page: YourSignInPage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """The person's factors."""
    return show(request, page)


@_guarded
@asks_for_proof
def add_passkey(request: HttpRequest, actor: Actor, page: YourSignInPage) -> HttpResponse:
    """GET opens the dialog, POST adds what the authenticator made."""
    context = {"save_url": reverse("people:add-passkey"), "options_url": reverse("people:passkey-options")}
    user_agent = request.headers.get("User-Agent", "")
    if request.method != "POST":
        return show_dialog(request, page, _ADD, context | {"name": page.free_name(browser_name(user_agent))})
    name, made = request.POST.get("name", ""), new_passkey_response(request)
    try:
        codes = EnrolPasskey(
            name=name, response=made.response, sealed=made.sealed, user_agent=user_agent
        ).run(actor)  # fmt: skip
    except Refusal as refusal:
        return _refused(request, page, _ADD, context | {"name": name}, refusal)
    return _added(request, page, actor, codes, f"Added the passkey {name}.")


@require_POST
@_guarded
def passkey_options(request: HttpRequest, actor: Actor, page: YourSignInPage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """What the browser asks the authenticator for."""
    return enrolment_options(page.person)


@_guarded
def rename_passkey(request: HttpRequest, actor: Actor, page: YourSignInPage, passkey: UUID) -> HttpResponse:
    """GET opens the dialog, POST saves the name."""
    context = {"save_url": reverse("people:rename-passkey", args=[passkey])}
    if request.method != "POST":
        return show_dialog(request, page, _RENAME, context | {"name": page.passkey(passkey).name})
    name = request.POST.get("name", "")
    try:
        RenamePasskey(passkey_id=passkey, name=name).run(actor)
    except Refusal as refusal:
        return _refused(request, page, _RENAME, context | {"name": name}, refusal)
    return done(request, page, Notice(f"Saved the name {name}."))


@_guarded
@asks_for_proof
def remove_passkey(request: HttpRequest, actor: Actor, page: YourSignInPage, passkey: UUID) -> HttpResponse:
    """GET asks, POST removes the passkey."""
    if request.method == "POST":
        name = page.passkey(passkey).name
        RemovePasskey(passkey_id=passkey).run(actor)
        return done(request, page.reopened(actor), Notice(f"Removed the passkey {name}."))
    name = page.passkey(passkey).name
    sentences = [
        f"You can no longer sign in with {name}.",
        *_afterwards(page),
        "The device keeps its part of the passkey until you delete it there.",
    ]
    return _ask_to_remove(request, page, f"Remove the passkey {name}?", sentences, "remove-passkey", passkey)


@_guarded
@asks_for_proof
def set_up_app(request: HttpRequest, actor: Actor, page: YourSignInPage) -> HttpResponse:
    """GET shows a new secret, POST confirms it with the app's first code."""
    context: dict[str, Any] = {"save_url": reverse("people:set-up-app")}
    if request.method != "POST":
        return show_dialog(request, page, _SET_UP, context | {"setup": AppSetup.new(page.person)})
    sealed = request.POST.get("sealed_secret", "")
    command = EnrolAuthenticatorApp(
        sealed_secret=sealed,
        code=request.POST.get("code", ""),
        user_agent=request.headers.get("User-Agent", ""),
    )
    try:
        codes = command.run(actor)
    except Refusal as refusal:
        return _refused(request, page, _SET_UP, context | {"setup": AppSetup.again(page.person, sealed)}, refusal)
    return _added(request, page, actor, codes, "The authenticator app is set up.")


@_guarded
@asks_for_proof
def remove_app(request: HttpRequest, actor: Actor, page: YourSignInPage) -> HttpResponse:
    """GET asks, POST removes the authenticator app."""
    if request.method == "POST":
        RemoveAuthenticatorApp().run(actor)
        return done(request, page, Notice("Removed the authenticator app."))
    sentences = ["Codes of the app stop working at once.", *_afterwards(page), "Delete the entry in the app yourself."]
    return _ask_to_remove(request, page, "Remove the authenticator app?", sentences, "remove-app")


@_guarded
@asks_for_proof
def replace_codes(request: HttpRequest, actor: Actor, page: YourSignInPage) -> HttpResponse:
    """GET asks, POST replaces the recovery codes and shows the new ones, this once."""
    if request.method == "POST":
        return _codes_shown(request, page, actor, ReplaceRecoveryCodes().run(actor), "")
    return confirm(
        request,
        page,
        title="Replace your recovery codes?",
        sentences=["Your present recovery codes stop working at once.", "The new ones are shown once: keep them."],
        url=reverse("people:replace-codes"),
        label="Replace",
    )


def _afterwards(page: YourSignInPage) -> list[str]:
    """How the person signs in afterwards, if it is the last factor."""
    if not page.is_last:
        return []
    return ["It is your last second factor. You then sign in with your password alone; recovery codes stop working."]


def _ask_to_remove(
    request: HttpRequest, page: YourSignInPage, title: str, sentences: list[str], route: str, *arguments: object
) -> HttpResponse:
    if page.kept is not None:
        raise Refusal(RefusalReason.LAST_FACTOR)
    url = reverse(f"people:{route}", args=list(arguments))
    return confirm(request, page, title=title, sentences=sentences, url=url, label="Remove", dangerous=True)


def _refused(
    request: HttpRequest, page: YourSignInPage, template: str, context: dict[str, Any], refusal: Refusal
) -> HttpResponse:
    """The dialog again with each sentence where it belongs."""
    above = None if refusal.field_errors else refusal.sentence
    context = context | {"errors": refusal.field_errors, "refusal": above, "again": True}
    return show_dialog(request, page, template, context, status=refusal.status)


def _added(request: HttpRequest, page: YourSignInPage, actor: Actor, codes: Sequence[str], said: str) -> HttpResponse:
    if codes:
        return _codes_shown(request, page, actor, codes, said)
    return done(request, page, Notice(said))


def _codes_shown(
    request: HttpRequest, page: YourSignInPage, actor: Actor, codes: Sequence[str], said: str
) -> HttpResponse:
    """The page with the codes in a dialog: in this one response and nowhere else, so it is not redirected to."""
    return done_with(request, page.reopened(actor), _CODES, {"codes": codes, "said": said})
