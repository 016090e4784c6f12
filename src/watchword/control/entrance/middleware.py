"""Django middleware: static files, and few log lines instead of many while the database is unavailable."""

from __future__ import annotations

import logging
import traceback
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.db import Error
from django.http import HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]

from watchword.control.entrance.access_log import route_of
from watchword.runtime.outages import Outage

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from whitenoise.responders import StaticFile  # type: ignore[import-untyped]

_SERVER_ERROR = 500

_log = structlog.get_logger("watchword.portal")


class FailingPages:
    """The outermost middleware. The outage ends when a request like one that failed gets its response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._outage = Outage(_log, "request_failed", over="pages_answer_again")
        # Bounded by the routes and methods of the portal.
        self._failing: set[tuple[str, str | None, bool]] = set()
        django = logging.getLogger("django.request")
        # Tests create several of these in one process.
        django.filters[:] = [each for each in django.filters if not isinstance(each, _DatabaseFaults)]
        django.addFilter(_DatabaseFaults(self._failed))

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        if self._failing and response.status_code < _SERVER_ERROR and _kind(request) in self._failing:
            self._failing.clear()
            self._outage.succeeded()
        return response

    def _failed(self, request: HttpRequest, fault: Error) -> None:
        self._failing.add(_kind(request))
        frame = traceback.extract_tb(fault.__traceback__)[-1]
        # Without the exception's text, which may contain a row of the database.
        self._outage.failed(fault=type(fault).__name__, at=f"{Path(frame.filename).name}:{frame.lineno}")


class _DatabaseFaults(logging.Filter):
    """Replaces Django's log records of database errors, which have a traceback for each request."""

    def __init__(self, failed: Callable[[HttpRequest, Error], None]) -> None:
        super().__init__()
        self._failed = failed

    def filter(self, record: logging.LogRecord) -> bool:
        fault = record.exc_info[1] if record.exc_info else None
        request: HttpRequest | None = getattr(record, "request", None)
        if not isinstance(fault, Error) or request is None:
            return True
        self._failed(request, fault)
        return False


def _kind(request: HttpRequest) -> tuple[str, str | None, bool]:
    """Route, method and whether there is a session: without one a page may redirect without using the database."""
    return route_of(request.path_info), request.method, settings.SESSION_COOKIE_NAME in request.COOKIES


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # WhiteNoise has no types.
    """WhiteNoise with whole files in its responses.

    WhiteNoise streams them synchronously, about which Django warns in an asynchronous server. Our files are small.
    """

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        found = static_file.get_response(request.method, request.META)
        content = b""
        if found.file is not None:
            with closing(found.file) as file:
                content = file.read()
        response = HttpResponse(content, status=int(found.status))
        del response["Content-Type"]
        for name, value in found.headers:
            response[name] = value
        return response
