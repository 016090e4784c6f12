"""The pages before the portal: the start, signing in with a password or a passkey, signing out."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from watchword.control.base.refusals import AccessLost, Refusal
from watchword.control.identity.models import Person
from watchword.control.identity.second_factor_commands import SignInWithPasskey
from watchword.control.identity.sign_in_commands import SignIn, SignOut
from watchword.control.web.shell import cookies
from watchword.control.web.shell import session_end_notice as ended
from watchword.control.web.shell.page_responses import with_retry_after
from watchword.control.web.shell.signed_in import client_address
from watchword.control.web.shell.unsent import UNSENT
from watchword.control.web.sign_in.factor_forms import passkey_response, use_options
from watchword.control.web.sign_in.provider_sign_out import offered
from watchword.control.web.sign_in.sessions import go_on, home, left, let_in, onward_or_home

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponse

FAILED: Final = "The e-mail address or the password is wrong."
"""Says the same for an unknown address, a wrong password and a deactivated person."""


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Send people where they work."""
    person = request.user
    if not isinstance(person, Person):
        return HttpResponseRedirect(reverse("sign_in:sign-in"))
    return HttpResponseRedirect(home(person))


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    onward = request.POST.get("next", request.GET.get("next", ""))
    if request.method != "POST":
        return _before_sign_in(request, onward)
    email, sealed = request.POST.get("email", ""), request.POST.get(UNSENT, "")
    context = {"next": onward, "email": email, "unsent": sealed}
    try:
        outcome = SignIn(
            email=email,
            password=request.POST.get("password", ""),
            address=client_address(request),
            device_cookie=cookies.device_cookie(request),
        ).run()
    except Refusal as refusal:
        return sign_in_page(request, context, refusal)
    if outcome is None:
        return render(request, "sign_in/sign_in.html", context | {"sentence": FAILED}, status=422)
    return go_on(request, outcome, onward, sealed)


@require_POST
def sign_in_with_passkey(request: HttpRequest) -> HttpResponse:
    """The response of an authenticator instead of address and password."""
    onward, sealed = request.POST.get("next", ""), request.POST.get(UNSENT, "")
    try:
        signed_in = SignInWithPasskey(passkey=passkey_response(request), address=client_address(request)).run()
    except Refusal as refusal:
        return sign_in_page(request, {"next": onward, "unsent": sealed}, refusal)
    return let_in(request, signed_in, onward, sealed)


@require_POST
def passkey_options(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature.
    """Begin a sign-in with whichever passkey the browser has. It costs no row."""
    return use_options(None)


def sign_in_page(request: HttpRequest, context: Mapping[str, object], refusal: Refusal) -> HttpResponse:
    """The sign-in page with the sentence of a refusal."""
    shown = {**context, "sentence": refusal.sentence}
    return with_retry_after(render(request, "sign_in/sign_in.html", shown, status=refusal.status), refusal)


def _before_sign_in(request: HttpRequest, onward: str) -> HttpResponse:
    if isinstance(request.user, Person):
        return HttpResponseRedirect(onward_or_home(onward, request.user))
    context = {"next": onward, "ended": ended.sentence(request), "at_provider": offered(request)}
    response = render(request, "sign_in/sign_in.html", context)
    ended.said(response)
    return response


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    if isinstance(request.user, Person):
        # A person who was deactivated meanwhile has no sign-out to record.
        with suppress(AccessLost):
            SignOut(person=request.user, address=client_address(request)).run(now=timezone.now())
    return left(request)
