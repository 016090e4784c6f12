"""The requests of the tab Sessions translated into commands. Nothing is decided or written here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity.session_commands import EndOtherSessions, EndSession
from watchword.control.web.people.account_pages import SessionPage
from watchword.control.web.shell.notices import Notice
from watchword.control.web.shell.page_responses import confirm, done, guarded_by, is_partial, show
from watchword.control.web.shell.proof_responses import asks_for_proof
from watchword.control.web.shell.signed_in import session_in
from watchword.control.web.sign_in.sessions import left

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor

_guarded: Final = guarded_by(SessionPage)


@require_safe
@_guarded
def listing(request: HttpRequest, actor: Actor, page: SessionPage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """The person's live sessions."""
    return show(request, page)


@require_POST
@_guarded
def end(request: HttpRequest, actor: Actor, page: SessionPage, session: UUID) -> HttpResponse:
    """End one session. Ending one's own is signing out."""
    ended = EndSession(session_id=session).run(actor)
    if ended.public_id == session_in(request).public_id:
        response = left(request)
        return _through_htmx(response) if is_partial(request) else response
    return done(request, page, Notice(f"Ended the session of {ended.browser}."))


@_guarded
@asks_for_proof
def end_others(request: HttpRequest, actor: Actor, page: SessionPage) -> HttpResponse:
    """GET asks, POST ends all sessions but this one."""
    own = own_session(request)
    if request.method == "POST":
        number = EndOtherSessions(kept=own).run(actor)
        return done(request, page, Notice(f"Ended {_sessions(number)}."))
    number = sum(session.public_id != own for session in page.sessions)
    if number == 0:
        raise Refusal(RefusalReason.NO_OTHER_SESSIONS)
    return confirm(
        request,
        page,
        title="End all other sessions?",
        sentences=[
            f"{_sessions(number).capitalize()} will be signed out at once. Unsaved text there is lost.",
            "You stay signed in here.",
        ],
        url=reverse("people:end-other-sessions"),
        label="End all other sessions",
        dangerous=True,
    )


def own_session(request: HttpRequest) -> UUID:
    """The session of this request."""
    own = session_in(request).public_id
    if own is None:
        raise RuntimeError("a view that acts must be guarded")
    return own


def _sessions(number: int) -> str:
    return "one other session" if number == 1 else f"{number} other sessions"


def _through_htmx(response: HttpResponse) -> HttpResponse:
    answer = HttpResponseClientRedirect(response["Location"])
    answer["Clear-Site-Data"] = response["Clear-Site-Data"]
    return answer
