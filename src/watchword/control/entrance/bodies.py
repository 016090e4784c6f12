"""Reads the body of each request before the application, within limits of size, time and number.

Without this, Django writes bodies of unauthenticated clients to disk and waits for slow ones without limit.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword.control.base.asgi import Application, Receive, Send
    from watchword.control.entrance.responses import Response


DRAIN_OCTETS: Final = 1024 * 1024
DRAIN_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    """Limits of request bodies.

    Attributes:
        octets: the size of the largest body.
        grace_seconds: the time for the first octets.
        octets_per_second: the lowest average rate of the rest.
        longest_seconds: the longest time of a whole body.
        unfinished: the number of incomplete bodies. One more ends the oldest one, which is most likely stalled: a
            browser's form arrives within milliseconds.
    """

    octets: int
    grace_seconds: float = 5.0
    octets_per_second: int = 4096
    longest_seconds: float = 30.0
    unfinished: int = 256


class BodyFault(Enum):
    """Why a body was not accepted."""

    TOO_LARGE = (413, "too_large", "The request is too large.")
    TOO_SLOW = (408, "too_slow", "The request did not arrive in time.")

    def __init__(self, status: int, code: str, sentence: str) -> None:
        self.status = status
        self.code = code
        self.sentence = sentence


class _Refused(Exception):
    def __init__(self, fault: BodyFault) -> None:
        super().__init__(fault.sentence)
        self.fault = fault


class BoundedBodies:
    """An ASGI application that passes requests on when their bodies are complete.

    Args:
        application: receives the whole body in its first `http.request` message.
        refuse: returns the response for a refused body. The connection is closed after it.
        limits: see BodyLimits.
    """

    def __init__(self, application: Application, refuse: Callable[[BodyFault], Response], limits: BodyLimits) -> None:
        self._application = application
        self._refuse = refuse
        self._limits = limits
        # Ordered by age: the first key is the oldest.
        self._unfinished: dict[asyncio.Timeout, None] = {}

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if not has_body(scope):
            await self._application(scope, receive, send)
            return
        try:
            body = await self._read(scope, receive)
        except _Refused as refused:
            await self._refuse(refused.fault).send(send, close=True)
            if refused.fault is BodyFault.TOO_LARGE:
                await _drain(receive)
            return
        if body is not None:
            await self._application(scope, _replayed(body, receive), send)

    async def _read(self, scope: dict[str, Any], receive: Receive) -> bytes | None:
        """Return the body, or None when the client disconnects.

        Raises:
            _Refused: it is too large or too slow.
        """
        if _declared(scope) > self._limits.octets:
            raise _Refused(BodyFault.TOO_LARGE)
        began = asyncio.get_running_loop().time()
        deadline = asyncio.timeout_at(began + self._limits.grace_seconds)
        try:
            async with deadline:
                self._make_room()
                self._unfinished[deadline] = None
                return await self._collect(receive, began, deadline)
        except TimeoutError:
            raise _Refused(BodyFault.TOO_SLOW) from None
        finally:
            self._unfinished.pop(deadline, None)

    async def _collect(self, receive: Receive, began: float, deadline: asyncio.Timeout) -> bytes | None:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return None
            body += message.get("body", b"")
            if len(body) > self._limits.octets:
                raise _Refused(BodyFault.TOO_LARGE)
            if not message.get("more_body", False):
                return bytes(body)
            if deadline not in self._unfinished:
                # A newer body has just ended this one.
                raise TimeoutError
            allowed = self._limits.grace_seconds + len(body) / self._limits.octets_per_second
            deadline.reschedule(began + min(allowed, self._limits.longest_seconds))

    def _make_room(self) -> None:
        while len(self._unfinished) >= self._limits.unfinished:
            oldest = next(iter(self._unfinished))
            del self._unfinished[oldest]
            oldest.reschedule(asyncio.get_running_loop().time())


def has_body(scope: dict[str, Any]) -> bool:
    """Whether the request's headers announce a body, even an empty one."""
    names = {name.lower() for name, _ in scope["headers"]}
    return not names.isdisjoint({b"content-length", b"transfer-encoding"})


def _declared(scope: dict[str, Any]) -> int:
    """Return the announced length; 0 if there is none or it is no number."""
    lengths = [value for name, value in scope["headers"] if name.lower() == b"content-length" and value.isdigit()]
    return max(map(int, lengths), default=0)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return the application's `receive`: the whole body, then the server's messages such as a disconnect."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> dict[str, Any]:
        return messages.pop() if messages else await receive()

    return replay


async def _drain(receive: Receive) -> None:
    """Read on for a moment after the response.

    Closing a connection with unread octets resets it, and the client may lose the response.
    """
    drained = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while drained < DRAIN_OCTETS:
                message = await receive()
                drained += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
