"""Bodies within limits: what reaches the application, and what is refused in front of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from watchword.control.entrance import bodies
from watchword.control.entrance.bodies import BodyFault, BodyLimits, BoundedBodies
from watchword.control.entrance.responses import Response

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMITS = BodyLimits(octets=10, grace_seconds=0.2, octets_per_second=50, longest_seconds=0.4, unfinished=2)
CHUNKED = (b"transfer-encoding", b"chunked")
FOREVER = 3600.0

Part = tuple[float, bytes]
"""Seconds until it arrives, and what arrives."""


class Client:
    """Sends the parts of a body one after the other, then waits. Notes what the application and the client receive."""

    def __init__(self, *parts: Part, headers: Sequence[tuple[bytes, bytes]] = (CHUNKED,), ends: bool = True) -> None:
        self.headers = list(headers)
        self.parts = list(parts)
        self.ends = ends
        self.received: bytes | None = None
        self.sent: list[dict[str, Any]] = []

    @property
    def status(self) -> int | None:
        return self.sent[0]["status"] if self.sent else None

    async def receive(self) -> dict[str, Any]:
        if not self.parts:
            await asyncio.sleep(FOREVER)
        delay, octets = self.parts.pop(0)
        await asyncio.sleep(delay)
        return {"type": "http.request", "body": octets, "more_body": bool(self.parts) or not self.ends}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    async def application(self, _scope: object, receive: Any, send: Any) -> None:
        message = await receive()
        assert not message["more_body"]
        self.received = message["body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def ask(self, bounded: BoundedBodies | None = None, limits: BodyLimits = LIMITS) -> None:
        bounded = bounded or BoundedBodies(self.application, refuse, limits)
        await bounded({"type": "http", "headers": self.headers}, self.receive, self.send)


def refuse(fault: BodyFault) -> Response:
    return Response(fault.status, "text/plain", b"refused")


@pytest.mark.parametrize("body", [b"", b"0123456789"])
@pytest.mark.parametrize("header", [CHUNKED, (b"Content-Length", b"10")])
def test_body_within_limits_arrives_whole(body: bytes, header: tuple[bytes, bytes]) -> None:
    client = Client((0, body[:3]), (0, body[3:]), headers=[header])
    asyncio.run(client.ask())
    assert (client.received, client.status) == (body, 200)


def test_request_without_a_body_is_not_held_up() -> None:
    client = Client((0, b""), headers=[])
    asyncio.run(client.ask())
    assert client.status == 200


@pytest.mark.parametrize("lengths", [(b"11",), (b"5", b"11"), (b"999999999999999999999",)])
def test_fk_03_announced_length_is_refused_before_anything_is_read(lengths: Sequence[bytes]) -> None:
    client = Client((FOREVER, b""), headers=[(b"content-length", length) for length in lengths])
    asyncio.run(asyncio.wait_for(client.ask(), timeout=30))
    assert (client.received, client.status) == (None, 413)
    assert (b"connection", b"close") in client.sent[0]["headers"]


@pytest.mark.parametrize("parts", [((0, b"01234567890"),), ((0, b"0123456789"), (0, b"0")), ((0, b"0"),) * 11])
def test_fk_03_body_is_cut_at_the_limit(parts: Sequence[Part]) -> None:
    client = Client(*parts)
    asyncio.run(client.ask())
    assert (client.received, client.status) == (None, 413)


def test_rest_of_too_large_body_is_read_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "DRAIN_OCTETS", 100)
    client = Client(*((0, b"x" * 50) for _ in range(10)))
    asyncio.run(client.ask())
    assert client.status == 413
    assert len(client.parts) == 7


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(((FOREVER, b"0"),), id="nothing comes"),
        pytest.param(((0, b"0"), (FOREVER, b"1")), id="one octet comes"),
        pytest.param(((0, b"0"), *((0.15, b"0"),) * 9), id="slower than the minimum rate"),
    ],
)
def test_fk_02_slow_body_is_refused(parts: Sequence[Part]) -> None:
    client = Client(*parts)
    asyncio.run(asyncio.wait_for(client.ask(), timeout=30))
    assert (client.received, client.status) == (None, 408)
    assert (b"connection", b"close") in client.sent[0]["headers"]


def test_fk_02_no_body_may_take_longer_than_the_longest() -> None:
    generous = BodyLimits(octets=1000, grace_seconds=0.3, octets_per_second=1, longest_seconds=0.4)
    client = Client(*((0.1, b"x" * 10),) * 50)
    asyncio.run(asyncio.wait_for(client.ask(limits=generous), timeout=30))
    assert client.status == 408


def test_steady_body_may_take_longer_than_the_grace() -> None:
    patient = BodyLimits(octets=1000, grace_seconds=2.0, octets_per_second=1, longest_seconds=60)
    client = Client(*((0.6, b"x" * 10),) * 5)
    asyncio.run(client.ask(limits=patient))
    assert client.status == 200


def test_fk_02_one_body_too_many_ends_the_oldest() -> None:
    stalled = [Client((0, b"0"), (FOREVER, b"")) for _ in range(3)]
    patient = BodyLimits(octets=10, grace_seconds=FOREVER, longest_seconds=FOREVER, unfinished=2)

    async def story() -> Client:
        late = Client((0, b"done"))
        bounded = BoundedBodies(late.application, refuse, patient)
        held = []
        for client in stalled:
            held.append(asyncio.create_task(client.ask(bounded)))
            await asyncio.sleep(0)
        await held[0]
        await late.ask(bounded)
        await held[1]
        assert not held[2].done()
        held[2].cancel()
        return late

    late = asyncio.run(asyncio.wait_for(story(), timeout=30))
    assert [client.status for client in stalled] == [408, 408, None]
    assert (late.received, late.status) == (b"done", 200)


def test_disconnected_client_reaches_no_application() -> None:
    client = Client()

    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    client.receive = gone  # type: ignore[method-assign]
    asyncio.run(client.ask())
    assert (client.received, client.sent) == (None, [])


def test_application_receives_messages_after_the_body() -> None:
    client = Client((0, b"body"))
    heard: list[dict[str, Any]] = []

    async def application(_scope: object, receive: Any, _send: object) -> None:
        heard.append(await receive())
        client.parts.append((0, b"later"))
        heard.append(await receive())

    asyncio.run(client.ask(BoundedBodies(application, refuse, LIMITS)))
    assert [message["body"] for message in heard] == [b"body", b"later"]
