"""The pages before the portal: sign in, sign out, set the first password."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.contrib.auth import login, logout
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from watchword.control.base.actor import Interface
from watchword.control.base.refusals import AccessLost, Refusal, RefusalReason
from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.models import Person
from watchword.control.identity.sign_in_commands import SignIn, SignOut
from watchword.control.identity.sign_in_link_commands import RedeemSignInLink, usable_link
from watchword.control.web.shell import cookies
from watchword.control.web.shell import session_end_notice as ended
from watchword.control.web.shell.form_fields import typed_twice
from watchword.control.web.shell.navigation import home_route
from watchword.control.web.shell.onward import own_address
from watchword.control.web.shell.page_responses import with_retry_after
from watchword.control.web.shell.signed_in import client_address, session_in
from watchword.control.web.shell.unsent import UNSENT, leave

if TYPE_CHECKING:
    from django.http import HttpRequest

LINK: Final = "link"
LINK_KEPT: Final = timedelta(hours=1)

FAILED: Final = "The e-mail address or the password is wrong."
"""Says the same for an unknown address, a wrong password and a deactivated person."""

# What the browser kept of the portal's pages and files goes with the session, so that nothing stays on a shared
# machine. Cookies stay: the session's is removed anyway, and the browser's mark and theme are no secrets.
CLEARED: Final = '"cache", "storage"'


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Send people where they work."""
    person = request.user
    if not isinstance(person, Person):
        return HttpResponseRedirect(reverse("sign_in:sign-in"))
    return HttpResponseRedirect(_home(person))


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    onward = request.POST.get("next", request.GET.get("next", ""))
    if request.method != "POST":
        return _before_sign_in(request, onward)
    email, sealed = request.POST.get("email", ""), request.POST.get(UNSENT, "")
    context = {"next": onward, "email": email, "unsent": sealed}
    try:
        person = SignIn(
            email=email,
            password=request.POST.get("password", ""),
            address=client_address(request),
            device_cookie=cookies.device_cookie(request),
        ).run()
    except Refusal as refusal:
        context["sentence"] = refusal.sentence
        return with_retry_after(render(request, "sign_in/sign_in.html", context, status=refusal.status), refusal)
    if person is None:
        return render(request, "sign_in/sign_in.html", context | {"sentence": FAILED}, status=422)
    return _let_in(request, person, onward, sealed)


def _before_sign_in(request: HttpRequest, onward: str) -> HttpResponse:
    if isinstance(request.user, Person):
        return HttpResponseRedirect(own_address(onward) or _home(request.user))
    response = render(request, "sign_in/sign_in.html", {"next": onward, "ended": ended.sentence(request)})
    ended.said(response)
    return response


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    if isinstance(request.user, Person):
        # A person who was deactivated meanwhile has no sign-out to record.
        with suppress(AccessLost):
            SignOut(person=request.user, address=client_address(request)).run(now=timezone.now())
    return left(request)


def left(request: HttpRequest) -> HttpResponse:
    """End this browser's session, on the server and in the browser."""
    logout(request)
    response = HttpResponseRedirect(reverse("sign_in:sign-in"))
    response["Clear-Site-Data"] = CLEARED
    return response


@require_safe
def open_link(request: HttpRequest, secret: str) -> HttpResponse:  # noqa: ARG001 - Django's signature.
    """The one-time link. Its secret moves into a cookie at once.

    Were it in the address of the form, every faulty password would write a link that still works into the log; in the
    session it would lie in the database, which only knows its hash.
    """
    usable_link(secret, timezone.now())
    response = HttpResponseRedirect(reverse("sign_in:choose-password"))
    cookies.leave(response, LINK, secret, kept=LINK_KEPT)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def set_password(request: HttpRequest) -> HttpResponse:
    """GET shows the form, POST uses the link up and signs the person in."""
    now = timezone.now()
    secret = cookies.read(request, LINK)
    link = usable_link(secret, now)
    if request.method != "POST":
        return render(request, "sign_in/set_password.html", {"person": link.person})
    try:
        password = typed_twice(request.POST)
        person = RedeemSignInLink(secret=secret, password=password, address=client_address(request)).run(now=now)
    except Refusal as refusal:
        if refusal.reason not in {RefusalReason.FIELDS_INVALID, RefusalReason.PASSWORDS_BUSY}:
            raise
        sentence = None if refusal.field_errors else refusal.sentence
        context = {"person": link.person, "errors": refusal.field_errors, "sentence": sentence}
        response = render(request, "sign_in/set_password.html", context, status=refusal.status)
        return with_retry_after(response, refusal)
    response = _let_in(request, person, "")
    cookies.remove(response, LINK)
    return response


def begin_session(request: HttpRequest, person: Person) -> None:
    # The earlier session belonged to an unknown visitor; login() gives the new one its own key.
    request.session.flush()
    login(request, person)
    session_in(request).begin(
        timezone.now(),
        address=client_address(request),
        user_agent=request.headers.get("User-Agent", ""),
        factors=(Factor.PASSWORD,),
    )


def _let_in(request: HttpRequest, person: Person, onward: str, sealed: str = "") -> HttpResponse:
    begin_session(request, person)
    response = HttpResponseRedirect(leave(request, sealed, person) or own_address(onward) or _home(person))
    cookies.leave_device_cookie(response, person)
    if sealed:
        # The sign-in page that carried the text has said it.
        ended.said(response)
    return response


def _home(person: Person) -> str:
    route = home_route(person.actor(interface=Interface.PORTAL, address=None))
    return reverse(route, args=[] if person.organization_id is None else [person.organization_id])
