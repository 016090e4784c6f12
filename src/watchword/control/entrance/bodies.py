"""Reads the body of each request before the application sees it, within limits of size, time and number.

Without this, Django writes a body to disk before it knows who sends it, and waits for a slow one for ever.
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
    """What a body may cost.

    Attributes:
        octets: the largest body.
        grace_seconds: until when the first octets must be here.
        octets_per_second: how fast the rest must arrive, on average.
        longest_seconds: until when a body must be complete, however steadily it arrives.
        unfinished: bodies that may be on their way at the same time. One more ends the oldest of them, because a
            browser's form arrives within milliseconds, and what has been on its way the longest is most likely stalled.
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
    """An ASGI application that passes requests on to another one, once their bodies are complete.

    Args:
        application: finds the whole body in its first `http.request` message.
        refuse: makes the response to a request whose body is not accepted. The connection is closed after it.
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
        """The body, None when the client went away.

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
                # A newer body took its place just as this part arrived.
                raise TimeoutError
            earned = self._limits.grace_seconds + len(body) / self._limits.octets_per_second
            deadline.reschedule(began + min(earned, self._limits.longest_seconds))

    def _make_room(self) -> None:
        while len(self._unfinished) >= self._limits.unfinished:
            oldest = next(iter(self._unfinished))
            del self._unfinished[oldest]
            oldest.reschedule(asyncio.get_running_loop().time())


def has_body(scope: dict[str, Any]) -> bool:
    """Whether the request's headers announce a body, be it an empty one."""
    names = {name.lower() for name, _ in scope["headers"]}
    return not names.isdisjoint({b"content-length", b"transfer-encoding"})


def _declared(scope: dict[str, Any]) -> int:
    """The length that the client announces; 0 where it announces none or one that is no number."""
    lengths = [value for name, value in scope["headers"] if name.lower() == b"content-length" and value.isdigit()]
    return max(map(int, lengths), default=0)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """What the application receives: the whole body, then what the server has to say, such as a disconnect."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> dict[str, Any]:
        return messages.pop() if messages else await receive()

    return replay


async def _drain(receive: Receive) -> None:
    """Read on for a moment after the response.

    To close a connection while octets of the client are unread resets it, and the client may lose the response.
    """
    drained = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while drained < DRAIN_OCTETS:
                message = await receive()
                drained += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
