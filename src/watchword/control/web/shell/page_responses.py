"""How pages with windows answer: whole without scripts, in parts to htmx; refusals in place, nothing lost."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.shortcuts import redirect, render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect, reswap, retarget

from watchword.control.base.refusals import AccessLost, Refusal, RefusalReason
from watchword.control.base.unit_of_work import record_refused
from watchword.control.identity.session_rules import Ended
from watchword.control.web.shell import notices, unsent
from watchword.control.web.shell import session_end_notice as ended
from watchword.control.web.shell.notices import Notice
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


class Screen(Protocol):
    """A page as it is now, for one actor.

    Attributes:
        template: the whole page.
        content: its part with the id `content`, which holds all that a change can alter and the place of the window.
    """

    template: ClassVar[str]
    content: ClassVar[str]

    @property
    def home(self) -> str:
        """The page's own address, without any window."""

    def context(self) -> dict[str, Any]:
        """All that both templates need: the frame's part, and `home` for the windows."""


S = TypeVar("S", bound=Screen)


def screened(
    opening: Callable[..., S], *, route: str
) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Let in who is signed in and may open the screen.

    What the view changes is decided by commands; a Refusal that it does not place itself is answered with the screen
    as it now is and the sentence on it.

    Args:
        opening: `opening(actor, **place)` opens the screen and raises Refusal for who may not; `place` is the
            organization in the address, if there is one. The view is called as `view(request, actor, screen, …)`
            with the other parts of the address.
        route: the URL name of the screen's page, where whoever has to sign in first comes back to.
    """

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarding(request: HttpRequest, **arguments: Any) -> HttpResponse:
            place = {"organization": arguments.pop("organization")} if "organization" in arguments else {}
            home = reverse(route, kwargs=place)
            if not request.user.is_authenticated:
                # A part of a page cannot hold the sign-in; the browser goes to the page, which leads there and back.
                return _to_sign_in(request, home)
            actor = actor_of(request)
            try:
                screen = opening(actor, **place)
            except Refusal as refusal:
                if request.method not in _READING:
                    record_refused(actor, place.get("organization"), "change_attempted", refusal, target=_name(request))
                return _out_of_reach(request, home, refusal)
            try:
                return view(request, actor, screen, **arguments)
            except Refusal as refusal:
                refused = refusal
            except AccessLost as lost:
                refused = lost.refusal
            if refused.reason is RefusalReason.SESSION_ENDED:
                return _signed_out(request, home, refused)
            # The change itself, or another one meanwhile, may have put the screen out of reach.
            reread_person(request)
            try:
                screen = opening(actor_of(request), **place)
            except Refusal as gone:
                return _out_of_reach(request, home, gone)
            return _refused(request, screen, refused)

        return guarding

    return decorate


def _out_of_reach(request: HttpRequest, home: str, refusal: Refusal) -> HttpResponse:
    # Who may not open the screen gets no part of it: the frame's own answer is a whole page.
    if is_partial(request) or refusal.reason is RefusalReason.NOT_FOUND:
        # These are answered by 200 and 404, which say of no permission.
        note_forbidden(request)
    if is_partial(request):
        return HttpResponseClientRedirect(home)
    raise refusal


def _signed_out(request: HttpRequest, home: str, refusal: Refusal) -> HttpResponse:
    """To the sign-in, which says why; the session ended after this request had begun."""
    why = refusal.details["ended"]
    session_in(request).leave(why if isinstance(why, Ended) else Ended.GONE)
    request.user = AnonymousUser()
    return _to_sign_in(request, home)


def _to_sign_in(request: HttpRequest, home: str) -> HttpResponse:
    if not is_partial(request):
        sealed = unsent.seal(request)
        return redirect_to_login(home) if sealed is None else sign_in_with_text(request, sealed, home)
    response = HttpResponseClientRedirect(home)
    # Over a window with typed text the page's script asks for the password instead of leaving.
    response[SIGN_IN_AGAIN] = "session-ended"
    return response


def sign_in_with_text(request: HttpRequest, sealed: str, home: str) -> HttpResponse:
    """The sign-in page in answer to a form; its text travels through the sign-in."""
    why = ended.sentence(request) or "Your session has ended."
    sentence = f"{why} Nothing was saved. What you typed comes back after you sign in."
    return render(request, "sign_in/sign_in.html", {"next": home, "unsent": sealed, "ended": sentence})


def is_partial(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False))


def show(request: HttpRequest, screen: Screen) -> HttpResponse:
    """The page without any window, with what earlier changes left to say."""
    return render(request, screen.template, screen.context() | {"notices": notices.take(request)})


def window(
    request: HttpRequest, screen: Screen, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """Open a window: alone when htmx asked for it, else on its page."""
    everything = screen.context() | context
    typed = unsent.take(request)
    if typed is not None:
        everything |= {"again": True, "typed_again": True}
    if not is_partial(request):
        everything |= {"window": template, "notices": notices.take(request)}
        template = screen.template
    response = render(request, template, everything, status=status)
    if typed is not None:
        response.content = refilled(response.content.decode(), typed.where, typed.fields).encode()
    return response


def confirm(
    request: HttpRequest,
    screen: Screen,
    *,
    title: str,
    sentences: list[str],
    url: str,
    label: str,
    dangerous: bool = False,
    refusal: Refusal | None = None,
) -> HttpResponse:
    """Open the window that asks before something is done.

    `sentences` say what will happen, `label` is the button that posts to `url`. `refusal` is why it was not done, where
    the window answers the post.
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
    return window(request, screen, _CONFIRM, context, status=200 if refusal is None else refusal.status)


def done(request: HttpRequest, screen: Screen, notice: Notice) -> HttpResponse:
    """The page as it is after a change: replaced in place by htmx, else reached by a redirect.

    `screen` must have been opened after the change.
    """
    if is_partial(request):
        return changed(request, screen, notice)
    notices.leave(request, notice)
    return redirect(screen.home)


def done_with(request: HttpRequest, screen: Screen, template: str, context: dict[str, Any]) -> HttpResponse:
    """The page as it is after a change, under a window with what is shown only this once, such as a secret.

    It is the answer to the POST itself: what a redirect shows would have to be kept somewhere until then. `screen`
    must have been opened after the change.
    """
    everything = screen.context() | context | {"window": template}
    if not is_partial(request):
        return render(request, screen.template, everything | {"notices": notices.take(request)})
    response = render(
        request,
        "shell/changed.html",
        everything | {"content_template": screen.content, "notices": (), "out_of_band": True},
    )
    return reswap(retarget(response, "#content"), "outerHTML")


def changed(request: HttpRequest, screen: Screen, notice: Notice | None = None, *, status: int = 200) -> HttpResponse:
    """The content alone, which htmx puts in the place of the old one, and a notice about it."""
    told = () if notice is None else (notice,)
    context = screen.context() | {"content_template": screen.content, "notices": told, "out_of_band": True}
    response = render(request, "shell/changed.html", context, status=status)
    return reswap(retarget(response, "#content"), "outerHTML")


def changed_with_window(request: HttpRequest, screen: Screen, template: str, context: dict[str, Any]) -> HttpResponse:
    """The page as it is after a change, with a window on it that tells what can be told only now, such as a secret."""
    if not is_partial(request):
        return window(request, screen, template, context)
    everything = screen.context() | context | {"content_template": screen.content, "window": template}
    response = render(request, "shell/changed.html", everything | {"notices": (), "out_of_band": True})
    return reswap(retarget(response, "#content"), "outerHTML")


def _refused(request: HttpRequest, screen: Screen, refusal: Refusal) -> HttpResponse:
    # A lock is told by the banner of the page already.
    locked = refusal.reason in _LOCKED
    notice = Notice("Nothing was changed: changes are locked." if locked else refusal.sentence, warning=True)
    if is_partial(request):
        return changed(request, screen, notice, status=refusal.status)
    return render(request, screen.template, screen.context() | {"notices": (notice,)}, status=refusal.status)


def _name(request: HttpRequest) -> str:
    return "" if request.resolver_match is None else request.resolver_match.view_name
