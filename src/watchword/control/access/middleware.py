"""What surrounds every page: headers, limits of the session, and refusals turned into answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.contrib.auth import logout
from django.shortcuts import render

from watchword.control.access.actor import actor_of
from watchword.control.portal.frame import Frame
from watchword.control.refusals import Refusal, RefusalReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

# A constant: nothing inline and nothing from elsewhere ever runs, so text that slips through as markup is inert.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

IDLE_SECONDS: Final = 30 * 60
ABSOLUTE_SECONDS: Final = 12 * 3600
SEEN_STEP_SECONDS: Final = 60
"""How often the time of the last request is written; a write per request would make every read a write."""

_TEMPLATES: Final = {RefusalReason.PERMISSION_MISSING: "403.html", RefusalReason.NOT_FOUND: "404.html"}

SIGNED_IN_AT: Final = "signed_in_at"
SEEN_AT: Final = "seen_at"


class SecurityHeaders:
    """Headers of every answer, also of static files and errors."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        response["X-Content-Type-Options"] = "nosniff"
        response["Referrer-Policy"] = "same-origin"
        response["Cross-Origin-Opener-Policy"] = "same-origin"
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        if settings.WATCHWORD.secure:
            # Behind plain http on loopback the header would be ignored, and on localhost it would bother neighbours.
            response["Strict-Transport-Security"] = "max-age=31536000"
        if "Cache-Control" not in response:
            # Pages hold an organization's data; a shared machine's back button must not show it after sign-out.
            response["Cache-Control"] = "no-store"
        return response


class SessionLimits:
    """Ends a session after 30 minutes without a request, and after 12 hours in any case."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            now = int(time.time())
            # A session without these times was not made by our sign-in; it counts as over.
            signed_in_at = request.session.get(SIGNED_IN_AT, 0)
            seen_at = request.session.get(SEEN_AT, 0)
            if now - signed_in_at >= ABSOLUTE_SECONDS or now - seen_at >= IDLE_SECONDS:
                logout(request)
            elif now - seen_at >= SEEN_STEP_SECONDS:
                request.session[SEEN_AT] = now
        return self._get_response(request)


class Refusals:
    """Renders a Refusal that a view let through as a page with its status and sentence."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refusal):
            return None
        template = _TEMPLATES.get(exception.reason, "access/refused.html")
        context = {"sentence": exception.sentence, "permission": exception.details.get("permission")}
        if exception.reason is RefusalReason.PERMISSION_MISSING and request.user.is_authenticated:
            template, context = "portal/refused.html", context | _frame(request)
        return render(request, template, context, status=exception.status)


def _frame(request: HttpRequest) -> dict[str, Any]:
    match = request.resolver_match
    route, place = ("", {}) if match is None else (match.view_name, match.kwargs)
    return Frame.of_refused(actor_of(request), place.get("organization"), route=route).context()
