"""A small feed: the control plane's side of the contract over real HTTP, with trust that a test sets at will."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from kit.processes import LOOPBACK
from watchword.feed import Page, encode_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watchword.core.trust import Trust

CREDENTIAL = "wwv_a-credential-of-the-tests"
LONGEST_WAIT = 20.0


class FeedServer:
    """The state that verifiers get. Tests call its methods from their own thread.

    Attributes:
        port: where it listens.
        page_size: changes in one page.
        broken_answer: if set, the body of every response instead of a page.
        reports: the unknown keys reported so far, as (organization, kid).
        batches: of usage, as received.
        on_report: called with the (organization, kid) of each unknown key that is reported.
        asked: the (epoch, after) of every request, in order.
    """

    def __init__(self, epoch: str = "first") -> None:
        self.port = 0
        self.page_size = 500
        self.credential = CREDENTIAL
        self.broken_answer: bytes | None = None
        self.reports: list[tuple[str, str]] = []
        self.on_report: Callable[[str, str], object] | None = None
        self.batches: list[bytes] = []
        self.asked: list[tuple[str, int]] = []
        self.headers: dict[str, str] = {}
        self._changed = threading.Condition()
        self._epoch = epoch
        self._revision = 0
        self._trusts: dict[str, Trust] = {}
        self.closing = False

    @property
    def origin(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def publish(self, *trusts: Trust) -> int:
        """Make these the newest trust of their organizations; returns the revision reached."""
        with self._changed:
            for trust in trusts:
                self._revision += 1
                self._trusts.pop(trust.organization, None)
                self._trusts[trust.organization] = replace(trust, revision=self._revision)
            self._changed.notify_all()
            return self._revision

    def restore_backup(self, epoch: str, *trusts: Trust) -> None:
        """Start another history, as after a restored backup."""
        with self._changed:
            self._epoch, self._revision, self._trusts = epoch, 0, {}
        self.publish(*trusts)

    def page(self, epoch: str, after: int, wait: float) -> Page:
        deadline = time.monotonic() + min(wait, LONGEST_WAIT)
        with self._changed:
            self.asked.append((epoch, after))
            while epoch == self._epoch and after == self._revision and not self.closing:
                if not self._changed.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    break
            if epoch != self._epoch or after > self._revision:
                after = 0
            newer = [trust for trust in self._trusts.values() if trust.revision > after]
            changes = tuple(newer[: self.page_size])
            complete = len(newer) <= self.page_size
            reached = self._revision if complete else changes[-1].revision
            return Page(self._epoch, after, reached, complete, changes)

    def close(self) -> None:
        with self._changed:
            self.closing = True
            self._changed.notify_all()


class _Handler(BaseHTTPRequestHandler):
    feed: FeedServer
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        if not self._known():
            return
        self.feed.headers = dict(self.headers.items())
        asked = {name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()}
        page = self.feed.page(asked.get("epoch", ""), int(asked["after"]), float(asked["wait"]))
        # A process that has ended answers no request, not even on connections that are still open.
        self.close_connection = self.feed.closing
        self._answer(200, self.feed.broken_answer or json.dumps(encode_page(page)).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._known():
            return
        if self.path.endswith("/usage"):
            self.feed.batches.append(body)
            self._answer(204, b"")
            return
        reported = [(pair["organization"], pair["kid"]) for pair in json.loads(body)["pairs"]]
        self.feed.reports += reported
        if self.feed.on_report is not None:
            for organization, kid in reported:
                self.feed.on_report(organization, kid)
        self._answer(204, b"")

    def _known(self) -> bool:
        if self.headers["Authorization"] == f"Bearer {self.feed.credential}":
            return True
        self._answer(401, b'{"status": 401}')
        return False

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so.
        """Stay silent."""

    def handle(self) -> None:
        # Some tests kill a verifier in the middle of a long poll.
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def feed_server(port: int = 0, epoch: str = "first") -> Iterator[FeedServer]:
    """Run it in threads of this process while the block runs."""
    feed = FeedServer(epoch)
    handler = type("Handler", (_Handler,), {"feed": feed})
    with _Server((LOOPBACK, port), handler) as server:
        feed.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield feed
        finally:
            feed.close()
            server.shutdown()
            thread.join()
