"""The applications that the portal's server runs: the feed for verifiers, Django for everything else.

Where the feed has a port of its own, each answers on its port alone.
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

# These import models and settings, which exist only once Django is set up.
from django.conf import settings  # noqa: E402

from watchword.control.activity.batches import MAX_BYTES  # noqa: E402
from watchword.control.audit.refused_requests import record_in_background  # noqa: E402
from watchword.control.base import hooks  # noqa: E402
from watchword.control.base.refused_requests import REFUSED_REQUESTS  # noqa: E402
from watchword.control.entrance.access_log import logging_access  # noqa: E402
from watchword.control.entrance.bodies import BodyFault, BodyLimits, BoundedBodies, has_body  # noqa: E402
from watchword.control.entrance.readable_requests import answering_always  # noqa: E402
from watchword.control.entrance.responses import Response, page, problem  # noqa: E402
from watchword.control.fleet.feed import PREFIX, Feed  # noqa: E402
from watchword.control.web.shell.refused_requests import noting_refused  # noqa: E402
from watchword.runtime.shutdown import also_on_signals  # noqa: E402

# A portal whose changes would reach no verifier must not start.
hooks.require_registered()


def _page(fault: BodyFault) -> Response:
    return page(fault.status, fault.sentence)


def _problem(fault: BodyFault) -> Response:
    return problem(fault.status, fault.code, fault.sentence)


_feed = Feed()
# Counted apart, so that neither browsers nor clients with a made-up credential end a body of a verifier.
_bounded_feed = BoundedBodies(_feed, _problem, BodyLimits(octets=MAX_BYTES))
_bounded_strangers = BoundedBodies(_feed, _problem, BodyLimits(octets=MAX_BYTES))
_bounded_pages = BoundedBodies(
    answering_always(_django),  # type: ignore[arg-type]  # Django types scope and callables more narrowly.
    _page,
    BodyLimits(octets=settings.DATA_UPLOAD_MAX_MEMORY_SIZE),
)


_NOT_FOUND: Final = problem(HTTPStatus.NOT_FOUND, "not_found", "Not found.")


async def _answer_verifier(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    # The feed asks again once the body is there: the credential may be revoked meanwhile.
    stranger = has_body(scope) and not await _feed.knows(scope)
    await (_bounded_strangers if stranger else _bounded_feed)(scope, receive, send)


async def _not_here(_scope: dict[str, Any], _receive: Receive, send: Send) -> None:
    await _NOT_FOUND.send(send, close=True)


def listener(*, feed: bool, pages: bool) -> Application:
    """The application of one port, on which everything else is not found.

    The feed has no cookies, no pages and no use for Django's middleware.
    """
    for_verifiers: Application = _answer_verifier if feed else _not_here
    for_browsers: Application = _bounded_pages if pages else _not_here

    async def dispatch(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await for_verifiers(scope, receive, send)
        else:
            await for_browsers(scope, receive, send)

    noted = noting_refused(dispatch, feed_prefix=PREFIX)
    return logging_access(noted) if settings.WATCHWORD.access_log else noted


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            # The server ends when the last answer is out. Without this it would wait for verifiers that wait for news.
            also_on_signals(_feed.let_go)
            REFUSED_REQUESTS.record_with(record_in_background)
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            REFUSED_REQUESTS.record_with(None)
            _feed.close()
            return


application = listener(feed=settings.WATCHWORD.feed_port is None, pages=True)
feed_application = listener(feed=True, pages=False)
