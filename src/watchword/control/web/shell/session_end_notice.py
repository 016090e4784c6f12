"""Why somebody has to sign in again: noted with the answer that met the ended session, said by the sign-in page.

It travels in a cookie for a few minutes. In the URL, anyone could put it into a link, and in a new session every
request with a made-up session cookie would write a row.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from watchword.control.identity.session_rules import SessionEnd
from watchword.control.web.shell import cookies
from watchword.control.web.shell.signed_in import session_in

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

COOKIE: Final = "ended"
KEPT: Final = timedelta(minutes=10)

_SENTENCES: Final = {
    SessionEnd.IDLE: "You were signed out after 30 minutes without activity.",
    SessionEnd.ABSOLUTE: "You were signed out: a session lasts at most 12 hours.",
    SessionEnd.GONE: "Your session was ended. Sign in to continue.",
}
_UNSAVED: Final = "What you sent last was not saved."
_SUFFIX: Final = "-unsaved"
_READING: Final = frozenset({"GET", "HEAD"})
_COMING_AND_GOING: Final = frozenset(
    {
        "sign_in:sign-in",
        "sign_in:sign-in-again",
        "sign_in:sign-out",
        "sign_in:single-sign-on",
        "sign_in:single-sign-on-callback",
        "sign_in:passkey",
        "sign_in:passkey-options",
        "sign_in:second-factor",
        "sign_in:second-factor-options",
        "sign_in:enrol",
        "sign_in:enrol-options",
    }
)


def note(request: HttpRequest, response: HttpResponse) -> None:
    """Leave the reason with the answer, if this request met a session that is over."""
    reason = session_in(request).session_end
    place = "" if request.resolver_match is None else request.resolver_match.view_name
    if reason is not None and place not in _COMING_AND_GOING:
        unsaved = "" if request.method in _READING else _SUFFIX
        cookies.leave(response, COOKIE, f"{reason.value}{unsaved}", kept=KEPT)


def sentence(request: HttpRequest) -> str | None:
    """What to say on the sign-in page. Only these sentences reach the page; the cookie only selects one."""
    met = session_in(request).session_end
    told = met.value if met is not None else cookies.read(request, COOKIE)
    reason = next((ended for ended in SessionEnd if told.removesuffix(_SUFFIX) == ended.value), None)
    if reason is None:
        return None
    return f"{_SENTENCES[reason]} {_UNSAVED}" if told.endswith(_SUFFIX) else _SENTENCES[reason]


def said(response: HttpResponse) -> None:
    cookies.remove(response, COOKIE)
