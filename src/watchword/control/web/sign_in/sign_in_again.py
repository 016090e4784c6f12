"""Signing in again over a page whose session has ended, so that what was typed there stays.

The page's script asks who is signed in, shows a dialog that asks the same person for the password and the second
factor, and renews the page's form tokens. The typed text never leaves the page meanwhile, and nothing is sent again by
itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.http import JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity.factors.queries import has_second_factor
from watchword.control.identity.models import Person
from watchword.control.identity.second_factor_commands import ProveSecondFactor
from watchword.control.identity.sign_in_commands import PasswordAccepted, SignedIn, SignIn
from watchword.control.web.shell import cookies
from watchword.control.web.shell import session_end_notice as ended
from watchword.control.web.shell.factor_choice import FactorChoice
from watchword.control.web.shell.page_responses import SIGN_IN_AGAIN, is_partial, sign_in_with_text, with_retry_after
from watchword.control.web.shell.signed_in import client_address
from watchword.control.web.shell.unsent import UNSENT, is_kept, leave, seal
from watchword.control.web.sign_in.factor_forms import PASSKEY, typed_factor
from watchword.control.web.sign_in.sessions import begin, begin_waiting, greet, waiting_in
from watchword.control.web.sign_in.views import FAILED

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

_ENROL_FIRST: Final = (
    "You must add a second factor before you can sign in here. Copy what you typed, then sign in on the start page."
)


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_again(request: HttpRequest) -> HttpResponse:
    """GET tells who is signed in, POST signs in. Both give a form token, which other sites cannot read.

    The first POST sends the password. If the answer has a `choice`, the second one sends the second factor.
    """
    if request.method != "POST":
        return _signed_in(request, request.user.email if isinstance(request.user, Person) else None)
    try:
        second = "password" not in request.POST and {"code", PASSKEY} & request.POST.keys()
        outcome = _with_second_factor(request) if second else _with_password(request)
        if isinstance(outcome, SignedIn):
            begin(request, outcome)
    except Refusal as refusal:
        # Only the password begins a new attempt; an empty choice leads the dialog back to it.
        starts_over = {"starts_over": refusal.reason is RefusalReason.SIGN_IN_EXPIRED}
        answer = JsonResponse({"sentence": refusal.sentence} | starts_over, status=refusal.status)
        return with_retry_after(answer, refusal)
    if outcome is None:
        return JsonResponse({"sentence": FAILED}, status=422)
    if isinstance(outcome, PasswordAccepted):
        return _second_factor(request, outcome)
    response = _signed_in(request, outcome.person.email)
    greet(response, outcome.person)
    # The page has said why; the next sign-in is another matter.
    ended.said(response)
    return response


def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's signature.
    """The answer to a form without a valid token, such as that of a page from before another sign-in.

    Only our own pages can hold the field that brings the text back, so it cannot be another site's.
    """
    if not is_partial(request):
        sealed = request.POST.get(UNSENT) or seal(request)
        if sealed is not None and (answer := _with_text(request, sealed)) is not None:
            return answer
    response = render(request, "403_csrf.html", status=403)
    response[SIGN_IN_AGAIN] = "form-expired"
    return response


def _with_text(request: HttpRequest, sealed: str) -> HttpResponse | None:
    if not isinstance(request.user, Person):
        return sign_in_with_text(request, sealed, reverse("sign_in:start")) if is_kept(sealed) else None
    where = leave(request, sealed, request.user)
    return None if where is None else redirect(where)


def _with_password(request: HttpRequest) -> SignedIn | PasswordAccepted | None:
    return SignIn(
        email=request.POST.get("email", ""),
        password=request.POST.get("password", ""),
        address=client_address(request),
        device_cookie=cookies.device_cookie(request),
    ).run()


def _with_second_factor(request: HttpRequest) -> SignedIn:
    waiting = waiting_in(request)
    if waiting is None:
        raise Refusal(RefusalReason.SIGN_IN_EXPIRED)
    return ProveSecondFactor(
        pending=waiting.sign_in, typed=typed_factor(request), address=client_address(request)
    ).run()


def _second_factor(request: HttpRequest, accepted: PasswordAccepted) -> HttpResponse:
    if not has_second_factor(accepted.person.pk):
        return JsonResponse({"sentence": _ENROL_FIRST}, status=422)
    begin_waiting(request, accepted)
    choice = FactorChoice.of(accepted.person.pk, reverse("sign_in:second-factor-options"))
    return JsonResponse({"email": None, "token": get_token(request), "choice": choice.as_json()})


def _signed_in(request: HttpRequest, email: str | None) -> HttpResponse:
    return JsonResponse({"email": email, "token": get_token(request)})
