"""The gateway ports of a real verifier are open while it can decide, and refuse connections otherwise."""

from __future__ import annotations

import errno
import http.client
import socket
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from kit import live
from kit.feed_server import feed_server
from kit.processes import LOOPBACK, free_port, wait_until
from kit.verifier_process import VerifierProcess
from watchword.feed import Snapshot
from watchword.verifier.listeners import gateway_port
from watchword.verifier.listeners.gateway_port import GatewayPort, HttpListener, Worker
from watchword.verifier.snapshot import CurrentSnapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

pytestmark = pytest.mark.enable_socket

SECONDS = 60


def refuses(port: int) -> bool:
    """Whether a connection is refused at once, and not only left without an answer."""
    with socket.socket() as probe:
        probe.settimeout(30)
        return probe.connect_ex((LOOPBACK, port)) == errno.ECONNREFUSED


class Site:
    """A verifier with both listeners, and a feed that comes and goes."""

    def __init__(self, folder: Path, feed_port: int, **settings: str) -> None:
        self.feed_port = feed_port
        self.grpc_port = free_port()
        settings |= {"grpc_port": str(self.grpc_port), "snapshot_hard_limit": "60"}
        self.verifier = VerifierProcess(folder, feed_port=feed_port, **settings)

    @contextmanager
    def feed(self) -> Iterator[None]:
        with feed_server(self.feed_port) as feed:
            feed.publish(live.trust())
            yield

    def kill(self) -> None:
        """Without its feed it would take its time to send its last counts."""
        if self.verifier.child is not None:
            self.verifier.child.kill()

    def is_closed(self) -> bool:
        return refuses(self.verifier.port) and refuses(self.grpc_port)

    def is_open(self) -> bool:
        return not refuses(self.verifier.port) and not refuses(self.grpc_port)

    def is_cut_off(self) -> bool:
        return b"watchword_verifier_feed_connected 0.0" in self.verifier.admin("/metrics").body

    def opens(self) -> None:
        with self.feed():
            wait_until(self.verifier.is_ready, what="it is ready", timeout=SECONDS)
            assert self.is_open()
            assert self.verifier.ask(live.token()).status == 200


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, free_port())
    try:
        yield site
    finally:
        site.kill()


def test_fi_03_a_verifier_that_knows_nothing_refuses_connections_until_the_feed_answers(site: Site) -> None:
    site.verifier.start(ready=False)
    assert site.verifier.admin("/livez").status == 200
    answer = site.verifier.admin("/readyz")
    assert (answer.status, answer.body[:16]) == (503, b"No snapshot yet:")
    assert site.is_closed()
    site.opens()


def test_fi_03_a_verifier_with_a_damaged_copy_refuses_connections_until_the_feed_answers(site: Site) -> None:
    with site.feed():
        site.verifier.start()
        site.verifier.stop()
    content = site.verifier.state_file.read_bytes()
    site.verifier.state_file.write_bytes(content[:-9])
    site.verifier.start(ready=False)
    assert site.verifier.admin("/readyz").body.startswith(b"No snapshot yet:")
    assert "snapshot_copy_damaged" in site.verifier.log()
    assert site.is_closed()
    site.opens()


def test_fi_03_a_verifier_cut_off_too_long_closes_and_opens_when_the_feed_answers(site: Site) -> None:
    with site.feed():
        site.verifier.start()
    for _ in range(2):
        wait_until(site.is_cut_off, what="it has noticed that the feed is gone", timeout=SECONDS)
        kept = http.client.HTTPConnection(LOOPBACK, site.verifier.port, timeout=30)
        assert status_of(kept) == 200
        site.verifier.pass_time()
        wait_until(site.is_closed, what="the ports are closed", timeout=SECONDS)
        answer = site.verifier.admin("/readyz")
        assert (answer.status, answer.body[:16]) == (503, b"The snapshot is ")
        assert site.verifier.admin("/livez").status == 200
        # A gateway that keeps its connection is sent away from it.
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            status_of(kept)
        kept.close()
        site.opens()
    assert site.verifier.log().count("gateway_port_open") == 3
    assert "Traceback" not in site.verifier.log()


def status_of(connection: http.client.HTTPConnection) -> int:
    connection.request("GET", "/verify/plain/acme", headers={"Authorization": f"Bearer {live.token()}"})
    response = connection.getresponse()
    response.read()
    return response.status


def test_the_listening_sockets_are_closed_first_and_what_was_begun_is_answered(site: Site) -> None:
    site.verifier.start(ready=False)
    with feed_server(site.feed_port) as feed:
        feed.publish(live.trust())
        wait_until(site.verifier.is_ready, what="it is ready", timeout=SECONDS)
        with socket.create_connection((LOOPBACK, site.verifier.port), timeout=30) as begun:
            begun.sendall(b"GET /verify/plain/acme HTTP/1.1\r\nHost: verifier\r\n")
            # Granian has accepted it once a later connection is answered.
            assert site.verifier.ask(live.token()).status == 200
            assert site.verifier.child is not None
            site.verifier.child.terminate()
            wait_until(site.is_closed, what="the ports are closed", timeout=SECONDS)
            begun.sendall(f"Authorization: Bearer {live.token()}\r\n\r\n".encode())
            assert begun.recv(65_536).startswith(b"HTTP/1.1 200 ")
        assert site.verifier.child.wait(timeout=SECONDS) == 0


def test_a_port_that_another_process_took_meanwhile_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_port, "DRAIN_SECONDS", 0.1)
    port, stopped = free_port(), threading.Event()
    taken: list[socket.socket] = []

    def keeps_its_socket(listening: socket.socket) -> Worker:
        taken.append(listening)
        return Worker(stopped.set, stopped)

    with HttpListener(LOOPBACK, port) as listener:
        listener.start = keeps_its_socket
        assert refuses(port)
        listener.open()
        assert not refuses(port)
        listener.close()
        assert stopped.is_set()
        with pytest.raises(OSError, match=str(port)):
            listener.open()
        taken.pop().close()
        listener.open()
        assert not refuses(port)
        taken.pop().close()


def test_of_two_that_wait_at_one_port_the_second_says_that_it_is_in_use() -> None:
    port, taken = free_port(), list[socket.socket]()

    def start(own: socket.socket) -> Worker:
        taken.append(own)
        return Worker(own.close, threading.Event())

    with HttpListener(LOOPBACK, port) as first, HttpListener(LOOPBACK, port) as second:
        first.start = second.start = start
        first.open()
        with pytest.raises(OSError, match=str(port)):
            second.open()
        first.close()
    assert refuses(port)


def test_a_closed_port_is_held_and_opens_again_once_its_last_requests_are_answered() -> None:
    port, drained = free_port(), threading.Event()
    listening: list[socket.socket] = []

    def start(own: socket.socket) -> Worker:
        listening.append(own)
        return Worker(listening[-1].close, drained)

    with HttpListener(LOOPBACK, port) as listener:
        listener.start = start
        listener.open()
        listener.close()
        assert refuses(port)
        with socket.socket() as another, pytest.raises(OSError, match="in use"):
            another.bind((LOOPBACK, port))
        timer = threading.Timer(0.2, drained.set)
        timer.start()
        listener.open()
        assert drained.is_set()
        assert not refuses(port)
        listener.close()
        timer.join()


def test_it_stays_open_while_the_verifier_is_leaving() -> None:
    current, port = CurrentSnapshot(hard_limit=100), GatewayPort(clock=lambda: 1000.0)
    current.swap(Snapshot("first", 1, {}), heard_at=1000)
    current.stopping = True
    done: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        keeping = pool.submit(port.run, [Noting(done)], current)
        try:
            wait_until(lambda: port.is_open, what="it is open", timeout=30)
        finally:
            port.shut_down()
        keeping.result(timeout=30)
    assert done == ["open", "close", "drain"]


def test_it_closes_when_the_snapshot_is_too_old_and_opens_when_the_feed_answers() -> None:
    now = [1000.0]
    current, port = CurrentSnapshot(hard_limit=100), GatewayPort(clock=lambda: now[0])
    current.on_swap.append(port.wake)
    done: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        keeping = pool.submit(port.run, [Noting(done)], current)
        try:
            current.swap(Snapshot("first", 1, {}), heard_at=1000)
            wait_until(lambda: port.is_open, what="it is open", timeout=30)
            now[0] = 1100
            wait_until(lambda: done == ["open", "close"], what="it is closed", timeout=30)
            assert not port.is_open
            current.confirm(1100)
            wait_until(lambda: port.is_open, what="it is open again", timeout=30)
        finally:
            port.shut_down()
        keeping.result(timeout=30)
    assert done == ["open", "close", "open", "close", "drain"]


class Noting:
    """A listener that writes down what is asked of it."""

    def __init__(self, done: list[str], fault: OSError | None = None) -> None:
        self._done = done
        self._fault = fault

    def open(self) -> None:
        if self._fault is not None:
            raise self._fault
        self._done.append("open")

    def close(self) -> None:
        self._done.append("close")

    def drain(self) -> None:
        self._done.append("drain")


def test_when_one_listener_cannot_open_the_others_close() -> None:
    """As with a port for gRPC that another process has taken while it was closed."""
    current, port = CurrentSnapshot(hard_limit=100), GatewayPort(clock=lambda: 1000.0)
    current.swap(Snapshot("first", 1, {}), heard_at=1000)
    done: list[str] = []
    with pytest.raises(OSError, match="taken"):
        port.run([Noting(done), Noting(done, fault=OSError("taken"))], current)
    assert done == ["open", "close", "close", "drain", "drain"]
    assert not port.is_open


@dataclass
class Load:
    """What clients got who ask another verifier when one gives no answer."""

    answered: Counter[int] = field(default_factory=Counter)
    wrong: list[object] = field(default_factory=list)

    def ask(self, verifiers: Sequence[VerifierProcess], token: str) -> None:
        faults = []
        for verifier in verifiers:
            try:
                answer = verifier.ask(token)
            except (OSError, http.client.HTTPException) as fault:
                faults.append(fault)
                continue
            if answer.status != 200:
                self.wrong.append(answer)
            self.answered[verifier.port] += 1
            return
        self.wrong.append(faults)


@contextmanager
def load(verifiers: Sequence[VerifierProcess]) -> Iterator[Load]:
    seen, over, token = Load(), threading.Event(), live.token()

    def call() -> None:
        while not over.is_set():
            seen.ask(verifiers, token)

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    try:
        yield seen
    finally:
        over.set()
        for caller in callers:
            caller.join()


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Site, Site]]:
    """They follow the same feed."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    feed_port = free_port()
    first, second = (Site(tmp_path / name, feed_port, stop_delay="1") for name in ("first", "second"))
    try:
        yield first, second
    finally:
        first.kill()
        second.kill()


def test_fi_03_no_request_is_lost_while_one_of_two_leaves_and_joins(two: tuple[Site, Site]) -> None:
    first, second = (site.verifier for site in two)
    with two[0].feed():
        first.start()
        second.start()
        with load((first, second)) as seen:
            wait_until(lambda: seen.answered[first.port], what="the first one answers", timeout=SECONDS)
            assert first.child is not None
            first.child.terminate()
            assert first.child.wait(timeout=SECONDS) == 0
            wait_until(lambda: seen.answered[second.port], what="the second one answers", timeout=SECONDS)
        assert seen.wrong == []
    first.state_file.write_bytes(b"damaged")
    with load((first, second)) as seen:
        first.start(ready=False)
        wait_until(lambda: seen.answered[second.port] > 20, what="the second one answers", timeout=SECONDS)
        assert seen.answered[first.port] == 0
        with two[0].feed():
            wait_until(lambda: seen.answered[first.port] > 20, what="the first one answers", timeout=SECONDS)
    assert seen.wrong == []
