"""The first second factor of a person who must have one: enrolled after the password, before anything else opens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods, require_POST

from watchword.control.base.actor import Interface
from watchword.control.base.refusals import AccessLost, Refusal, RefusalReason
from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.factors.authenticator_app import (
    EnrolAuthenticatorApp,
    new_secret,
    seal_setup,
    secret_of_setup,
    setup_uri,
)
from watchword.control.identity.factors.passkeys import EnrolPasskey
from watchword.control.identity.factors.queries import has_second_factor, last_reset
from watchword.control.identity.second_factor_commands import CompleteEnrolment
from watchword.control.identity.session_rules import browser_name
from watchword.control.web.shell import session_end_notice as ended
from watchword.control.web.shell.signed_in import client_address
from watchword.control.web.sign_in.factor_forms import PASSKEY, enrolment_options, new_passkey_response
from watchword.control.web.sign_in.second_factor_views import of_pending
from watchword.control.web.sign_in.sessions import Waiting, begin, greet, sentence_of_reset

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.identity.models import Person


@dataclass(frozen=True, slots=True)
class AppSetup:
    """What a page shows to set an authenticator app up.

    Attributes:
        secret: for apps without a camera.
        sealed: the same for the form.
        qr_code: inline SVG.
    """

    secret: str
    sealed: str
    qr_code: SafeString

    @classmethod
    def new(cls, person: Person) -> AppSetup:
        secret = new_secret()
        return cls.of(person, secret, seal_setup(secret, person))

    @classmethod
    def again(cls, person: Person, sealed: str) -> AppSetup:
        """The same once more; another one if it is too old or of another person."""
        try:
            return cls.of(person, secret_of_setup(sealed, person.pk), sealed)
        except Refusal:
            return cls.new(person)

    @classmethod
    def of(cls, person: Person, secret: str, sealed: str) -> AppSetup:
        code = qr_code(setup_uri(secret, person), title="QR code for your authenticator app")
        return cls(secret, sealed, code)


@require_http_methods(["GET", "HEAD", "POST"])
@of_pending
def enrol(request: HttpRequest, waiting: Waiting, person: Person) -> HttpResponse:
    """GET shows the ways to enrol, POST enrols one, signs the person in and shows the recovery codes."""
    if has_second_factor(person.pk):
        return HttpResponseRedirect(reverse("sign_in:second-factor"))
    if request.method != "POST":
        return _page(request, person, AppSetup.new(person))
    # One time for both, so that the enrolment belongs to this sign-in and the next one tells the person about it.
    now = timezone.now()
    factor = Factor.PASSKEY if PASSKEY in request.POST else Factor.AUTHENTICATOR_APP
    try:
        codes = _add(request, person, factor, now)
    except AccessLost:
        raise Refusal(RefusalReason.SIGN_IN_EXPIRED) from None
    except Refusal as refusal:
        if refusal.reason is RefusalReason.SINGLE_SIGN_ON_REQUIRED:
            raise
        return _page(request, person, AppSetup.again(person, request.POST.get("setup", "")), refusal)
    signed_in = CompleteEnrolment(pending=waiting.sign_in, factor=factor, address=client_address(request)).run(now=now)
    onward = begin(request, signed_in, waiting.onward, waiting.unsent)
    # The response to the POST itself: what a redirect shows would have to be kept somewhere until then.
    response = render(request, "sign_in/recovery_codes.html", {"person": person, "codes": codes, "onward": onward})
    greet(response, person)
    if waiting.unsent:
        ended.said(response)
    return response


@require_POST
@of_pending
def options(request: HttpRequest, waiting: Waiting, person: Person) -> HttpResponse:  # noqa: ARG001 - as of_pending calls.
    """Begin to add a passkey."""
    return enrolment_options(person)


def _add(request: HttpRequest, person: Person, factor: Factor, now: datetime) -> list[str]:
    actor = person.actor(interface=Interface.PORTAL, address=client_address(request))
    user_agent = request.headers.get("User-Agent", "")
    if factor is Factor.PASSKEY:
        sent = new_passkey_response(request)
        passkey = EnrolPasskey(
            name=request.POST.get("name", "").strip(),
            response=sent.response,
            sealed=sent.sealed,
            user_agent=user_agent,
            pending=person,
        )
        return passkey.run(actor, now=now)
    app = EnrolAuthenticatorApp(
        sealed_secret=request.POST.get("setup", ""),
        code=request.POST.get("code", ""),
        user_agent=user_agent,
        pending=person,
    )
    return app.run(actor, now=now)


def _page(request: HttpRequest, person: Person, setup: AppSetup, refusal: Refusal | None = None) -> HttpResponse:
    reset = last_reset(person)
    since = person.last_login or person.created_at
    context = {
        "person": person,
        "name": request.POST.get("name") or browser_name(request.headers.get("User-Agent", "")),
        "setup": setup,
        "was_reset": sentence_of_reset(reset.by, reset.at) if reset is not None and reset.at >= since else None,
        "errors": {} if refusal is None else refusal.field_errors,
        "sentence": None if refusal is None or refusal.field_errors else refusal.sentence,
    }
    return render(request, "sign_in/enrol.html", context, status=200 if refusal is None else refusal.status)


def qr_code(text: str, *, title: str) -> SafeString:
    """Return the QR code of the text as an `<svg>` of class `qr-code`, which the page's styles size.

    It has fill colours of its own, and no styles, which the content security policy forbids: scanners need dark modules
    on a light background, also in the dark theme.

    Args:
        text: what a scanner reads.
        title: what the picture is, for people who do not see it.
    """
    import segno  # noqa: PLC0415 - only this page needs it, and it takes long to load.

    made = segno.make_qr(text, error="m")
    # The border belongs to the code: scanners find it by four light modules around it.
    svg = made.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr-code", title=title)
    return SafeString(svg.replace("<svg ", '<svg role="img" ', 1))
