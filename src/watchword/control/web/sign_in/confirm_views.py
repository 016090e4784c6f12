"""The page and the dialog "Confirm that it is you": the proof before a change, and the way back to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

from watchword.control.base.refusals import AccessLost, Refusal
from watchword.control.identity.models import Person
from watchword.control.identity.proof_commands import ConfirmIdentity
from watchword.control.web.shell.page_responses import is_partial, sign_in_with_text, with_retry_after
from watchword.control.web.shell.proof_responses import READING, proof_dialog, proof_page, proven_for_a_dialog
from watchword.control.web.shell.signed_in import actor_of, session_in
from watchword.control.web.shell.unsent import UNSENT, is_kept, leave
from watchword.control.web.sign_in.factor_forms import typed_factor, use_options
from watchword.control.web.sign_in.sessions import own_address

if TYPE_CHECKING:
    from django.http import HttpRequest

BACK: Final = "back"
"""The button that returns to a form without proof."""


@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    """GET asks for proof, POST takes it and leads to the dialog or the form that needed it."""
    onward = own_address(request.POST.get("next", request.GET.get("next", ""))) or ""
    if not isinstance(request.user, Person):
        return _to_sign_in(request, onward)
    if request.method in READING:
        if proven_for_a_dialog(request):
            return redirect(onward or reverse("sign_in:start"))
        return proof_page(request, request.user, {"next": onward})
    if BACK in request.POST:
        return _onward(request, request.user, onward)
    return _take(request, request.user, onward)


@require_POST
def options(request: HttpRequest) -> HttpResponse:
    """Begin to use one of the person's passkeys."""
    return use_options(request.user.pk) if isinstance(request.user, Person) else _to_sign_in(request, "")


def _take(request: HttpRequest, person: Person, onward: str) -> HttpResponse:
    try:
        ConfirmIdentity(typed=typed_factor(request), password=request.POST.get("password", "")).run(actor_of(request))
        session_in(request).cycle_key()
    except Refusal as refusal:
        return with_retry_after(_again(request, person, onward, refusal), refusal)
    except AccessLost:
        return _to_sign_in(request, onward)
    if is_partial(request):
        return trigger_client_event(HttpResponse(), "proven", {"opens": onward})
    return _onward(request, person, onward)


def _again(request: HttpRequest, person: Person, onward: str, refusal: Refusal) -> HttpResponse:
    context = {
        "next": onward,
        "unsent": request.POST.get(UNSENT, ""),
        "errors": refusal.field_errors,
        "refusal": None if refusal.field_errors else refusal.sentence,
    }
    answer = proof_dialog if is_partial(request) else proof_page
    return answer(request, person, context, status=refusal.status)


def _onward(request: HttpRequest, person: Person, onward: str) -> HttpResponse:
    return redirect(leave(request, request.POST.get(UNSENT, ""), person) or onward or reverse("sign_in:start"))


def _to_sign_in(request: HttpRequest, onward: str) -> HttpResponse:
    home, sealed = onward or reverse("sign_in:start"), request.POST.get(UNSENT, "")
    if is_partial(request):
        return HttpResponseClientRedirect(home)
    return sign_in_with_text(request, sealed, home) if is_kept(sealed) else redirect_to_login(home)
