"""How the page answers: whole pages to browsers without scripts, parts to htmx; refusals in place, nothing lost."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib.auth.views import redirect_to_login
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect, reswap, retarget

from watchword.control.access.actor import Permission, actor_of
from watchword.control.change import check_entitlement, check_permission
from watchword.control.portal import notices
from watchword.control.portal.notices import Notice
from watchword.control.refusals import Refusal, RefusalReason
from watchword.control.servers.page import ROUTE, Page

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    from watchword.control.access.actor import Actor

_LOCKED = frozenset({RefusalReason.SUBSCRIPTION_INACTIVE, RefusalReason.ORGANIZATION_SUSPENDED})


def guarded(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let in who is signed in and may look at the page; call `view(request, actor, page, …)`.

    Whether something may be changed is decided by the commands. A refusal that the view does not place itself is
    answered with the page as it now is and the sentence on it.
    """

    @wraps(view)
    def guarding(request: HttpRequest, organization: str, **arguments: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return _to_sign_in(request, organization)
        actor = actor_of(request)
        try:
            if not _may_look(actor, organization):
                check_permission(actor, organization, Permission.API_KEY_MANAGEMENT)
            return view(request, actor, Page.of(actor, organization), **arguments)
        except Refusal as refusal:
            # Whoever may not see the page gets no part of it: the frame's own answer is a whole page.
            if not _may_look(actor, organization):
                if is_partial(request):
                    return HttpResponseClientRedirect(reverse(ROUTE, args=[organization]))
                raise
            return _refused(request, actor, organization, refusal)

    return guarding


def check_may_change(actor: Actor, page: Page) -> None:
    """Refuse to open a window whose command would be refused anyway.

    Raises:
        Refusal: permission_missing, subscription_inactive, organization_suspended.
    """
    check_permission(actor, page.organization_id, Permission.API_KEY_MANAGEMENT)
    check_entitlement(page.organization_id, timezone.now())


def is_partial(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False))


def window(
    request: HttpRequest, page: Page, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """Open a window: alone when htmx asked for it, else on its page."""
    everything = page.context() | context
    if is_partial(request):
        return render(request, template, everything, status=status)
    everything |= {"window": template, "notices": notices.take(request)}
    return render(request, "servers/page.html", everything, status=status)


def done(request: HttpRequest, actor: Actor, organization_id: str, notice: Notice) -> HttpResponse:
    """The page as it is after a change: replaced in place by htmx, else reached by a redirect."""
    if is_partial(request):
        return _content(request, Page.of(actor, organization_id), notice)
    notices.leave(request, notice)
    return redirect(ROUTE, organization_id)


def _refused(request: HttpRequest, actor: Actor, organization: str, refusal: Refusal) -> HttpResponse:
    locked = refusal.reason in _LOCKED
    # A lock is told by the banner of the page already.
    sentence = "Nothing was changed: changes are locked." if locked else refusal.sentence
    notice = Notice(sentence, warning=True)
    if refusal.reason is RefusalReason.NOT_FOUND and Page.unknown(organization):
        raise refusal
    page = Page.of(actor, organization)
    if is_partial(request):
        return _content(request, page, notice, status=refusal.status)
    context = page.context() | {"notices": (notice,)}
    return render(request, "servers/page.html", context, status=refusal.status)


def _content(request: HttpRequest, page: Page, notice: Notice, *, status: int = 200) -> HttpResponse:
    context = page.context() | {"notices": (notice,), "out_of_band": True}
    response = render(request, "servers/changed.html", context, status=status)
    return reswap(retarget(response, "#content"), "outerHTML")


def _may_look(actor: Actor, organization: str) -> bool:
    # Operators help organizations, so they see what an administrator sees; no command of theirs changes it.
    return actor.operator or actor.may(Permission.API_KEY_MANAGEMENT, organization)


def _to_sign_in(request: HttpRequest, organization: str) -> HttpResponse:
    page = reverse(ROUTE, args=[organization])
    # A part of a page cannot hold the sign-in; the browser goes to the page, which leads there and back.
    return HttpResponseClientRedirect(page) if is_partial(request) else redirect_to_login(page)
