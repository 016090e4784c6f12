"""How pages with dialogs answer: whole without scripts, in parts to htmx; refusals in place, nothing lost."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.shortcuts import redirect, render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect, reswap, retarget

from watchword.control.base.refusals import AccessLost, Refusal, RefusalReason
from watchword.control.base.unit_of_work import record_refused
from watchword.control.identity.session_rules import SessionEnd
from watchword.control.web.shell import notices, unsent
from watchword.control.web.shell import session_end_notice as ended
from watchword.control.web.shell.notices import Notice
from watchword.control.web.shell.page import Page
from watchword.control.web.shell.proof_responses import ask_for_proof, opens_dialog
from watchword.control.web.shell.refill import refilled
from watchword.control.web.shell.refused_requests import note_forbidden
from watchword.control.web.shell.signed_in import actor_of, reread_person, session_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse


_LOCKED = frozenset({RefusalReason.SUBSCRIPTION_INACTIVE, RefusalReason.ORGANIZATION_SUSPENDED})
_READING = frozenset({"GET", "HEAD"})
_CONFIRM = "shell/confirm.html"

SIGN_IN_AGAIN = "X-Sign-In-Again"
"""The header of answers to parts of pages at which signing in again helps."""


P = TypeVar("P", bound=Page)


def guarded_by(page_class: type[P]) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Let in who is signed in and may open the page; call `view(request, actor, page, …)`.

    What the view changes is decided by commands; a Refusal that it does not place itself is answered with the page
    as it now is and the sentence on it. The view receives the other parts of the address as keywords.
    """

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarding(request: HttpRequest, **arguments: Any) -> HttpResponse:
            place = {"organization": arguments.pop("organization")} if "organization" in arguments else {}
            home = reverse(page_class.route, kwargs=place)
            if not request.user.is_authenticated:
                # A part of a page cannot hold the sign-in; the browser goes to the page, which leads there and back.
                return _to_sign_in(request, home)
            actor = actor_of(request)
            try:
                page = page_class.of(actor, **place)
            except Refusal as refusal:
                if request.method not in _READING:
                    record_refused(actor, place.get("organization"), "change_attempted", refusal, target=_name(request))
                return _out_of_reach(request, home, refusal)
            try:
                return view(request, actor, page, **arguments)
            except Refusal as refusal:
                refused = refusal
            except AccessLost as lost:
                refused = lost.refusal
            if refused.reason is RefusalReason.PROOF_REQUIRED:
                onward = request.path if opens_dialog(view) else home
                return ask_for_proof(request, onward, partial=is_partial(request))
            return _refused(request, page, refused)

        return guarding

    return decorate


def _out_of_reach(request: HttpRequest, home: str, refusal: Refusal) -> HttpResponse:
    # Who may not open the page gets no part of it: the frame's own answer is a whole page.
    if is_partial(request) or refusal.reason is RefusalReason.NOT_FOUND:
        # These are answered by 200 and 404, which say of no permission.
        note_forbidden(request)
    if is_partial(request):
        return HttpResponseClientRedirect(home)
    raise refusal


def _signed_out(request: HttpRequest, home: str, refusal: Refusal) -> HttpResponse:
    """To the sign-in, which says why; the session ended after this request had begun."""
    why = refusal.details["session_end"]
    session_in(request).leave(why if isinstance(why, SessionEnd) else SessionEnd.GONE)
    request.user = AnonymousUser()
    return _to_sign_in(request, home)


def _to_sign_in(request: HttpRequest, home: str) -> HttpResponse:
    if not is_partial(request):
        sealed = unsent.seal(request)
        return redirect_to_login(home) if sealed is None else sign_in_with_text(request, sealed, home)
    response = HttpResponseClientRedirect(home)
    # Over a dialog with typed text the page's script asks for the password instead of leaving.
    response[SIGN_IN_AGAIN] = "session-ended"
    return response


def sign_in_with_text(request: HttpRequest, sealed: str, home: str) -> HttpResponse:
    """The sign-in page in answer to a form; its text travels through the sign-in."""
    why = ended.sentence(request) or "Your session has ended."
    sentence = f"{why} Nothing was saved. What you typed comes back after you sign in."
    return render(request, "sign_in/sign_in.html", {"next": home, "unsent": sealed, "ended": sentence})


def is_partial(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False))


def show(request: HttpRequest, page: Page) -> HttpResponse:
    """The page without any dialog, with what earlier changes left to say."""
    return render(request, page.template, page.context() | {"notices": notices.take(request)})


def show_dialog(
    request: HttpRequest, page: Page, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """Open a dialog: alone when htmx asked for it, else on its page."""
    everything = page.context() | context
    typed = unsent.take(request)
    if typed is not None:
        everything |= {"again": True, "typed_again": True}
    if not is_partial(request):
        everything |= {"dialog": template, "notices": notices.take(request)}
        template = page.template
    response = render(request, template, everything, status=status)
    if typed is not None:
        response.content = refilled(response.content.decode(), typed.where, typed.fields).encode()
    return response


def confirm(
    request: HttpRequest,
    page: Page,
    *,
    title: str,
    sentences: list[str],
    url: str,
    label: str | None,
    dangerous: bool = False,
    refusal: Refusal | None = None,
) -> HttpResponse:
    """Open the dialog that asks before something is done.

    `sentences` say what will happen, `label` is the button that posts to `url`; without it the dialog only says why
    that cannot be done. `refusal` is why it was not done, where the dialog answers the post.
    """
    context = {
        "title": title,
        "sentences": sentences,
        "confirm_url": url,
        "confirm_label": label,
        "dangerous": dangerous,
        "refusal": None if refusal is None else refusal.sentence,
        "again": refusal is not None,
    }
    return show_dialog(request, page, _CONFIRM, context, status=200 if refusal is None else refusal.status)


def done(request: HttpRequest, page: Page, notice: Notice) -> HttpResponse:
    """The page as it is after a change: replaced in place by htmx, else reached by a redirect.

    A change may have taken the page from the actor, who is led to the start page then.
    """
    after = _after(request, page)
    if after is not None and is_partial(request):
        return _changed(request, after, (notice,))
    notices.leave(request, notice)
    if after is not None:
        return redirect(after.home)
    start = reverse("sign_in:start")
    return HttpResponseClientRedirect(start) if is_partial(request) else redirect(start)


def done_with(request: HttpRequest, page: Page, template: str, context: dict[str, Any]) -> HttpResponse:
    """The page as it is after a change, with a dialog that shows what is shown only this once, such as a secret.

    It is the response to the POST itself: what a redirect shows would have to be kept somewhere until then. `page`
    must have been reopened after the change.
    """
    everything = context | {"dialog": template}
    if not is_partial(request):
        return render(request, page.template, page.context() | everything | {"notices": notices.take(request)})
    return _changed(request, page, (), everything)


def _after(request: HttpRequest, page: P) -> P | None:
    """The page as it is after a change; None where the actor may no longer see it."""
    if reread_person(request) is None:
        return None
    try:
        return page.reopened(actor_of(request))
    except Refusal:
        return None


def _changed(
    request: HttpRequest,
    page: Page,
    told: tuple[Notice, ...],
    more: dict[str, Any] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    """The content alone, which htmx puts in the place of the old one, and notices about it."""
    context = page.context() | (more or {}) | {"content_template": page.content, "notices": told, "out_of_band": True}
    return reswap(retarget(render(request, "shell/changed.html", context, status=status), "#content"), "outerHTML")


def _refused(request: HttpRequest, page: Page, refusal: Refusal) -> HttpResponse:
    if refusal.reason is RefusalReason.SESSION_ENDED:
        return _signed_out(request, page.home, refusal)
    # The change itself, or another one meanwhile, may have put the page out of reach.
    reread_person(request)
    try:
        page = page.reopened(actor_of(request))
    except Refusal as gone:
        return _out_of_reach(request, page.home, gone)
    # The banner of the page already explains a lock.
    locked = refusal.reason in _LOCKED
    notice = Notice("Nothing was changed: changes are locked." if locked else refusal.sentence, warning=True)
    if is_partial(request):
        return _changed(request, page, (notice,), status=refusal.status)
    return render(request, page.template, page.context() | {"notices": (notice,)}, status=refusal.status)


def _name(request: HttpRequest) -> str:
    return "" if request.resolver_match is None else request.resolver_match.view_name


def with_retry_after(response: HttpResponse, refusal: Refusal) -> HttpResponse:
    """The response, with the seconds that the refusal names."""
    if "seconds" in refusal.details:
        response["Retry-After"] = str(refusal.details["seconds"])
    return response
