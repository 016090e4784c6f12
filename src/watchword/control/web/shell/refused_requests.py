"""Where refused requests are noticed: in front of pages and feed by their status, and inside Django for who it was."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from watchword.control.base.refused_requests import REFUSED_REQUESTS, Kind
from watchword.control.identity.client_address import nearest_untrusted
from watchword.control.identity.models import Person
from watchword.control.web.shell.signed_in import client_address

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.asgi import Application, Receive, Send


_BY_STATUS: Final[Mapping[int, Kind]] = {
    HTTPStatus.BAD_REQUEST: Kind.REQUEST_UNREADABLE,
    HTTPStatus.METHOD_NOT_ALLOWED: Kind.REQUEST_UNREADABLE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: Kind.REQUEST_UNREADABLE,
    HTTPStatus.REQUEST_TIMEOUT: Kind.BODY_REFUSED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Kind.BODY_REFUSED,
}


def noting_refused(application: Application, *, feed_prefix: str) -> Application:
    """The same application; what it refuses without knowing who asks is noted."""

    async def noting(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return

        async def noted(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                kind = _kind(scope, message["status"], feed_prefix)
                if kind is not None:
                    REFUSED_REQUESTS.note(kind, address=_address(scope))
            await send(message)

        await application(scope, receive, noted)

    return noting


class ForbiddenPages:
    """Notes pages that are answered by 403, also those that Django's protection against forged requests refuses."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        if response.status_code == HTTPStatus.FORBIDDEN:
            note_forbidden(request)
        return response


def note_forbidden(request: HttpRequest) -> None:
    """Note a page that the person may not open, where the response does not say so by its status."""
    person = request.user
    REFUSED_REQUESTS.note(
        Kind.PAGE_FORBIDDEN,
        actor=person.email if isinstance(person, Person) else None,
        address=client_address(request),
    )


def _kind(scope: Mapping[str, Any], status: int, feed_prefix: str) -> Kind | None:
    if status == HTTPStatus.UNAUTHORIZED and scope["path"].startswith(feed_prefix):
        # Without a credential it is a probe, such as the portal's own.
        has_credential = any(name.lower() == b"authorization" for name, _ in scope["headers"])
        return Kind.CREDENTIAL_UNKNOWN if has_credential else None
    return _BY_STATUS.get(status)


def _address(scope: Mapping[str, Any]) -> str | None:
    client = scope.get("client")
    forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"x-forwarded-for"]
    return nearest_untrusted(
        "" if client is None else client[0], ",".join(forwarded), settings.WATCHWORD.trusted_proxies
    )
