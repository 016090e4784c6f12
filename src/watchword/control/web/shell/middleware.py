"""What surrounds every page: headers, the use of the session, and refusals turned into answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.shortcuts import render
from django.utils import timezone

from watchword.control.base.asgi import security_headers
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.web.shell import session_end_notice as ended
from watchword.control.web.shell.frame import Frame
from watchword.control.web.shell.page_responses import with_retry_after
from watchword.control.web.shell.signed_in import actor_of, client_address, session_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

_TEMPLATES: Final = {RefusalReason.PERMISSION_MISSING: "403.html", RefusalReason.NOT_FOUND: "404.html"}


class SecurityHeaders:
    """Headers of every answer, also of static files and errors."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        for name, value in security_headers():
            response[name] = value
        if "Cache-Control" not in response:
            # Pages hold an organization's data; a shared machine's back button must not show it after sign-out.
            response["Cache-Control"] = "no-store"
        return response


class SessionUse:
    """Notes that a session is used, and why one is over. Its limits are enforced where it is loaded."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            session_in(request).note_seen(
                timezone.now(), address=client_address(request), user_agent=request.headers.get("User-Agent", "")
            )
        response = self._get_response(request)
        ended.note(request, response)
        return response


class Refusals:
    """Renders a Refusal that a view let through as a page with its status and sentence."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refusal):
            return None
        template = _TEMPLATES.get(exception.reason, "sign_in/refused.html")
        context = {"sentence": exception.sentence, "permission": exception.details.get("permission")}
        if exception.reason is RefusalReason.PERMISSION_MISSING and request.user.is_authenticated:
            template, context = "shell/refused.html", context | _frame(request)
        return with_retry_after(render(request, template, context, status=exception.status), exception)


def _frame(request: HttpRequest) -> dict[str, Any]:
    match = request.resolver_match
    route, place = ("", {}) if match is None else (match.view_name, match.kwargs)
    return Frame.of_refused(actor_of(request), place.get("organization"), route=route).context()
