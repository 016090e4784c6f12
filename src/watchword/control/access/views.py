"""The pages before the portal: sign in, sign out, set the first password."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from django.contrib.auth import login, logout
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from watchword.control.access.actor import Interface
from watchword.control.access.address import client_address
from watchword.control.access.commands import RedeemSignInLink, usable_link
from watchword.control.access.middleware import SEEN_AT, SIGNED_IN_AT
from watchword.control.access.models import Person
from watchword.control.access.signing_in import SignIn, SignOut
from watchword.control.portal.navigation import home_route
from watchword.control.refusals import Refusal, RefusalReason

if TYPE_CHECKING:
    from django.http import HttpRequest

LINK: Final = "sign_in_link"

FAILED: Final = "The e-mail address or the password is wrong."
"""Says the same for an unknown address, a wrong password and a deactivated person."""


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Send people where they work."""
    person = request.user
    if not isinstance(person, Person):
        return HttpResponseRedirect(reverse("access:sign-in"))
    return HttpResponseRedirect(_home(person))


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    onward = request.POST.get("next", request.GET.get("next", ""))
    if request.method != "POST":
        return render(request, "access/sign_in.html", {"next": onward})
    email = request.POST.get("email", "")
    sentence, status = FAILED, 422
    try:
        person = SignIn(email=email, password=request.POST.get("password", ""), address=client_address(request)).run(
            now=timezone.now()
        )
    except Refusal as refusal:
        person, sentence, status = None, refusal.sentence, refusal.status
    if person is None:
        context = {"next": onward, "email": email, "sentence": sentence}
        return render(request, "access/sign_in.html", context, status=status)
    _open_session(request, person)
    return HttpResponseRedirect(_safe(request, onward) or _home(person))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    if isinstance(request.user, Person):
        SignOut(person=request.user, address=client_address(request)).run(now=timezone.now())
    logout(request)
    return HttpResponseRedirect(reverse("access:sign-in"))


@require_safe
def open_link(request: HttpRequest, secret: str) -> HttpResponse:
    """The one-time link. Its secret moves into the session at once.

    Were it in the address of the form, every faulty password would write a link that still works into the log.
    """
    usable_link(secret, timezone.now())
    request.session[LINK] = secret
    return HttpResponseRedirect(reverse("access:choose-password"))


@require_http_methods(["GET", "HEAD", "POST"])
def set_password(request: HttpRequest) -> HttpResponse:
    """GET shows the form, POST uses the link up and signs the person in."""
    now = timezone.now()
    secret = request.session.get(LINK, "")
    link = usable_link(secret, now)
    if request.method != "POST":
        return render(request, "access/set_password.html", {"person": link.person})
    try:
        password = _typed_twice(request)
        person = RedeemSignInLink(secret=secret, password=password, address=client_address(request)).run(now=now)
    except Refusal as refusal:
        if refusal.reason is not RefusalReason.FIELDS_INVALID:
            raise
        context = {"person": link.person, "errors": refusal.field_errors}
        return render(request, "access/set_password.html", context, status=refusal.status)
    _open_session(request, person)
    return HttpResponseRedirect(_home(person))


def _typed_twice(request: HttpRequest) -> str:
    password = request.POST.get("password", "")
    if password != request.POST.get("password_again", ""):
        fault = {"password_again": "The two passwords differ."}
        raise Refusal(RefusalReason.FIELDS_INVALID, field_errors=fault)
    return password


def _open_session(request: HttpRequest, person: Person) -> None:
    # Whatever was in the session before belonged to somebody unknown; login() also gives it a new id.
    request.session.flush()
    login(request, person)
    request.session[SIGNED_IN_AT] = request.session[SEEN_AT] = int(time.time())


def _home(person: Person) -> str:
    route = home_route(person.actor(interface=Interface.PORTAL, address=None))
    return reverse(route, args=[] if person.organization_id is None else [person.organization_id])


def _safe(request: HttpRequest, onward: str) -> str | None:
    """The page asked for before signing in, if it is one of ours: never an open redirect."""
    mine = url_has_allowed_host_and_scheme(onward, allowed_hosts=None, require_https=request.is_secure())
    return onward if mine and onward.startswith("/") else None
