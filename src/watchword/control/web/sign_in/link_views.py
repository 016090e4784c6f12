"""One-time links: set the first or a new password, then sign in with it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity.sign_in_link_commands import RedeemSignInLink, usable_link
from watchword.control.web.shell import cookies
from watchword.control.web.shell.form_fields import typed_twice
from watchword.control.web.shell.page_responses import with_retry_after
from watchword.control.web.shell.signed_in import client_address
from watchword.control.web.sign_in.sessions import go_on, left

if TYPE_CHECKING:
    from django.http import HttpRequest

LINK: Final = "link"
LINK_KEPT: Final = timedelta(hours=1)


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
    """GET shows the form, POST uses the link up and signs the person in, or leads to the second factor."""
    now = timezone.now()
    secret = cookies.read(request, LINK)
    link = usable_link(secret, now)
    if request.method != "POST":
        return render(request, "sign_in/set_password.html", {"person": link.person})
    try:
        password = typed_twice(request.POST)
        outcome = RedeemSignInLink(secret=secret, password=password, address=client_address(request)).run(now=now)
    except Refusal as refusal:
        if refusal.reason not in {RefusalReason.FIELDS_INVALID, RefusalReason.PASSWORDS_BUSY}:
            raise
        sentence = None if refusal.field_errors else refusal.sentence
        context = {"person": link.person, "errors": refusal.field_errors, "sentence": sentence}
        response = render(request, "sign_in/set_password.html", context, status=refusal.status)
        return with_retry_after(response, refusal)
    response = left(request) if outcome is None else go_on(request, outcome)
    cookies.remove(response, LINK)
    return response
