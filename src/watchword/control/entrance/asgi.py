"""The applications that the portal's server runs: the feed for verifiers, Django for the API and the pages.

If the feed has a port of its own, each port serves only one of them.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from django.core.asgi import get_asgi_application

if TYPE_CHECKING:
    from watchword.control.base.asgi import Application, Receive, Send

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "watchword.control.settings")

_django = get_asgi_application()

# These import models and settings, which need Django to be set up.
from django.conf import settings  # noqa: E402

from watchword.control.activity.batches import MAX_BYTES  # noqa: E402
from watchword.control.audit.refused_requests import record_in_background  # noqa: E402
from watchword.control.base import hooks  # noqa: E402
from watchword.control.base.refused_requests import REFUSED_REQUESTS  # noqa: E402
from watchword.control.entrance.access_log import logging_access  # noqa: E402
from watchword.control.entrance.api_requests import identified, is_api, refused_body, with_problems  # noqa: E402
from watchword.control.entrance.bodies import BodyFault, BodyLimits, BoundedBodies, has_body  # noqa: E402
from watchword.control.entrance.readable_requests import with_error_pages  # noqa: E402
from watchword.control.entrance.responses import Response, page, problem  # noqa: E402
from watchword.control.fleet.feed import PREFIX, Feed  # noqa: E402
from watchword.control.web.shell.refused_requests import noting_refused  # noqa: E402
from watchword.runtime.shutdown import also_on_signals  # noqa: E402

# A portal whose changes reach no verifier must not start.
hooks.require_registered()


def _page(fault: BodyFault) -> Response:
    return page(fault.status, fault.sentence)


def _problem(fault: BodyFault) -> Response:
    return problem(fault.status, fault.code, fault.sentence)


_feed = Feed()
# Counted separately, so that neither browsers nor clients with a forged credential can end a verifier's body.
_bounded_feed = BoundedBodies(_feed, _problem, BodyLimits(octets=MAX_BYTES))
_bounded_unauthenticated = BoundedBodies(_feed, _problem, BodyLimits(octets=MAX_BYTES))
_bounded_pages = BoundedBodies(
    with_error_pages(_django),  # type: ignore[arg-type]  # Django types scope and callables more narrowly.
    _page,
    BodyLimits(octets=settings.DATA_UPLOAD_MAX_MEMORY_SIZE),
)


_bounded_api = with_problems(
    BoundedBodies(_django, refused_body, BodyLimits(octets=settings.DATA_UPLOAD_MAX_MEMORY_SIZE))  # type: ignore[arg-type]  # As above.
)


_NOT_FOUND: Final = problem(HTTPStatus.NOT_FOUND, "not_found", "Not found.")


async def _serve_feed(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    # The feed checks again after the body: the credential may be revoked meanwhile.
    unauthenticated = has_body(scope) and not await _feed.has_valid_credential(scope)
    await (_bounded_unauthenticated if unauthenticated else _bounded_feed)(scope, receive, send)


async def _not_found(_scope: dict[str, Any], _receive: Receive, send: Send) -> None:
    await _NOT_FOUND.send(send, close=True)


def listener(*, feed: bool, pages: bool) -> Application:
    """Return the application of one port. Paths of the other part are not found on it."""
    for_verifiers: Application = _serve_feed if feed else _not_found
    for_clients: Application = _bounded_api if pages else _not_found
    for_browsers: Application = _bounded_pages if pages else _not_found

    async def dispatch(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await for_verifiers(scope, receive, send)
        elif is_api(scope):
            await for_clients(scope, receive, send)
        else:
            await for_browsers(scope, receive, send)

    noted = noting_refused(dispatch, feed_prefix=PREFIX)
    return identified(logging_access(noted) if settings.WATCHWORD.access_log else noted)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            # The server stops after the last response. Without this it would wait for the feed's waiting requests.
            also_on_signals(_feed.release)
            REFUSED_REQUESTS.record_with(record_in_background)
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            REFUSED_REQUESTS.record_with(None)
            _feed.close()
            return


application = listener(feed=settings.WATCHWORD.feed_port is None, pages=True)
feed_application = listener(feed=True, pages=False)
