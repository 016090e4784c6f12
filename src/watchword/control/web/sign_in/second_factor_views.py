"""The second factor of a sign-in whose password was accepted."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING

from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity.factors.queries import enrolled_factors
from watchword.control.identity.models import Person
from watchword.control.identity.second_factor_commands import ProveSecondFactor
from watchword.control.web.shell.factor_choice import FactorChoice
from watchword.control.web.shell.page_responses import with_retry_after
from watchword.control.web.shell.signed_in import client_address
from watchword.control.web.sign_in.factor_forms import typed_factor, use_options
from watchword.control.web.sign_in.sessions import home, let_in, waiting_in
from watchword.control.web.sign_in.views import sign_in_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    from watchword.control.web.sign_in.sessions import Waiting

    View = Callable[[HttpRequest, Waiting, Person], HttpResponse]


def of_pending(view: View) -> Callable[[HttpRequest], HttpResponse]:
    """Open the view only in a browser whose sign-in waits for its second factor."""

    @wraps(view)
    def guarding(request: HttpRequest) -> HttpResponse:
        waiting = waiting_in(request)
        if waiting is None:
            where = home(request.user) if isinstance(request.user, Person) else reverse("sign_in:sign-in")
            return HttpResponseRedirect(where)
        try:
            return view(request, waiting, waiting.sign_in.person(timezone.now()))
        except Refusal as refusal:
            if refusal.reason not in {RefusalReason.SIGN_IN_EXPIRED, RefusalReason.SINGLE_SIGN_ON_REQUIRED}:
                raise
            request.session.flush()
            return sign_in_page(request, {"next": waiting.onward, "unsent": waiting.unsent}, refusal)

    return guarding


@require_http_methods(["GET", "HEAD", "POST"])
@of_pending
def second_factor(request: HttpRequest, waiting: Waiting, person: Person) -> HttpResponse:
    """GET offers the factors that the person has, POST completes the sign-in with one of them."""
    if not enrolled_factors(person.pk).any:
        return HttpResponseRedirect(reverse("sign_in:enrol"))
    if request.method != "POST":
        return _page(request, person)
    try:
        signed_in = ProveSecondFactor(
            pending=waiting.sign_in, typed=typed_factor(request), address=client_address(request)
        ).run()
    except Refusal as refusal:
        if refusal.reason in {RefusalReason.SIGN_IN_EXPIRED, RefusalReason.SINGLE_SIGN_ON_REQUIRED}:
            raise
        return with_retry_after(_page(request, person, refusal), refusal)
    return let_in(request, signed_in, waiting.onward, waiting.unsent)


@require_POST
@of_pending
def options(request: HttpRequest, waiting: Waiting, person: Person) -> HttpResponse:  # noqa: ARG001 - as of_pending calls.
    """Begin to use one of the person's passkeys."""
    return use_options(person.pk)


def _page(request: HttpRequest, person: Person, refusal: Refusal | None = None) -> HttpResponse:
    context = {
        "person": person,
        "choice": FactorChoice.of(
            person.pk, reverse("sign_in:second-factor-options"), recovering=bool(request.POST.get("recovery_code"))
        ),
        "sentence": None if refusal is None else refusal.sentence,
    }
    return render(request, "sign_in/second_factor.html", context, status=200 if refusal is None else refusal.status)
