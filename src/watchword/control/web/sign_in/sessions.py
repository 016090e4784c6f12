"""Begins and ends the sessions of browsers: with a person, or with a sign-in that waits for its second factor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from watchword.control.base.actor import Interface
from watchword.control.base.refusals import AccessLost, Refusal, RefusalReason
from watchword.control.base.times import spoken
from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.factors.queries import FactorChange, changes_of_factors, enrolled_factors
from watchword.control.identity.pending_sign_ins import PendingSignIn
from watchword.control.identity.sign_in_commands import PasswordAccepted, SignedIn
from watchword.control.web.shell import cookies, notices
from watchword.control.web.shell import session_end_notice as ended
from watchword.control.web.shell.navigation import home_route
from watchword.control.web.shell.notices import Notice
from watchword.control.web.shell.signed_in import client_address, session_in
from watchword.control.web.shell.template_tags import by
from watchword.control.web.shell.unsent import is_kept, leave
from watchword.control.web.sign_in.provider_sign_out import offer, sign_out_address

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.identity.models import Person

# What the browser kept of the portal's pages and files goes with the session, so that nothing stays on a shared
# machine. Cookies stay: the session's is removed anyway, and the browser's mark and theme are no secrets.
CLEARED: Final = '"cache", "storage"'

_PENDING: Final = "pending"
_ONWARD_MAX: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A sign-in that waits in this browser for its second factor.

    Attributes:
        onward: the page to open afterwards, untrusted.
        unsent: what the person typed before, sealed; untrusted.
    """

    sign_in: PendingSignIn
    onward: str
    unsent: str


def own_address(onward: str) -> str | None:
    """The address of the way onward that a browser names, if it is one of ours: never an open redirect."""
    # With no host allowed only an address without host and scheme passes. Backslashes, which browsers take for
    # slashes, and the tabs and line ends that they drop are read as browsers read them.
    mine = onward.startswith("/") and url_has_allowed_host_and_scheme(onward, allowed_hosts=None)
    return onward if mine and len(onward) <= _ONWARD_MAX else None


def begin_session(request: HttpRequest, signed_in: SignedIn) -> None:
    """Give this browser the session that the sign-in has stored.

    Raises:
        Refusal: sign_in_expired, if the session was ended since then.
    """
    session = session_in(request)
    # The earlier session belonged to an unknown visitor.
    session.flush()
    session.adopt(signed_in.session_key)
    try:
        login(request, signed_in.person)
    except AccessLost:
        raise Refusal(RefusalReason.SIGN_IN_EXPIRED) from None
    session.begin(
        timezone.now(),
        address=client_address(request),
        user_agent=request.headers.get("User-Agent", ""),
        factors=signed_in.factors,
    )


def begin_waiting(request: HttpRequest, accepted: PasswordAccepted, onward: str = "", sealed: str = "") -> None:
    """Begin a session without a person, whose only content is the pending sign-in."""
    request.session.flush()
    unsent = sealed if is_kept(sealed) else ""
    request.session[_PENDING] = accepted.pending.content() | {"onward": own_address(onward) or "", "unsent": unsent}


def waiting_in(request: HttpRequest) -> Waiting | None:
    content = request.session.get(_PENDING)
    if content is None:
        return None
    return Waiting(sign_in=PendingSignIn.read(content), onward=content["onward"], unsent=content["unsent"])


def go_on(
    request: HttpRequest, outcome: SignedIn | PasswordAccepted, onward: str = "", sealed: str = ""
) -> HttpResponse:
    """Lead to the portal, or to the second factor."""
    if isinstance(outcome, SignedIn):
        return let_in(request, outcome, onward, sealed)
    begin_waiting(request, outcome, onward, sealed)
    return HttpResponseRedirect(reverse("sign_in:second-factor"))


def let_in(request: HttpRequest, signed_in: SignedIn, onward: str = "", sealed: str = "") -> HttpResponse:
    """Begin the session and lead to the page asked for."""
    response = HttpResponseRedirect(begin(request, signed_in, onward, sealed))
    greet(response, signed_in.person)
    if sealed:
        # The sign-in page that carried the text has said it.
        ended.said(response)
    return response


def begin(request: HttpRequest, signed_in: SignedIn, onward: str = "", sealed: str = "") -> str:
    """Begin the session with its notices; returns the path of the page to open."""
    person = signed_in.person
    begin_session(request, signed_in)
    for change in changes_of_factors(signed_in):
        notices.leave(request, Notice(_sentence_about(change), warning=True))
    if Factor.RECOVERY_CODE in signed_in.factors:
        notices.leave(request, Notice(_sentence_of_recovery(enrolled_factors(person.pk).codes_left), warning=True))
    return leave(request, sealed, person) or own_address(onward) or home(person)


def greet(response: HttpResponse, person: Person) -> None:
    """Leave what the browser keeps after a sign-in."""
    cookies.leave_device_cookie(response, person)


def left(request: HttpRequest) -> HttpResponse:
    """End this browser's session, on the server and in the browser."""
    at_provider = sign_out_address(request)
    logout(request)
    response = HttpResponseRedirect(reverse("sign_in:sign-in"))
    offer(response, at_provider)
    response["Clear-Site-Data"] = CLEARED
    return response


def home(person: Person) -> str:
    route = home_route(person.actor(interface=Interface.PORTAL, address=None))
    return reverse(route, args=[] if person.organization_id is None else [person.organization_id])


def onward_or_home(onward: str, person: Person) -> str:
    return own_address(onward) or home(person)


def _sentence_about(change: FactorChange) -> str:
    if change.action == "factors_reset":
        return sentence_of_reset(change.actor, change.at)
    where = "" if change.address is None else f" from {change.address}"
    return f"Your second factor was added on {spoken(change.at)}{where}. If that was not you, ask for a reset at once."


def _sentence_of_recovery(codes_left: int) -> str:
    left = "one is" if codes_left == 1 else f"{codes_left or 'none'} are"
    return f"You signed in with a recovery code; {left} left. If your device is lost, replace it in Your sign-in."


def sentence_of_reset(actor: str, at: datetime) -> str:
    return f"Your second factors were reset {by(actor)} on {spoken(at)}."
