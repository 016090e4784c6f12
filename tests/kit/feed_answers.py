"""One feed request of a verifier, and a server that answers it as a test wants."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from kit.feed_server import CREDENTIAL
from kit.processes import LOOPBACK
from watchword.verifier.feed_client.failures import FeedUnavailable
from watchword.verifier.feed_client.http import Credential, FeedOverHttp

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def connected(origin: str, credential: str = CREDENTIAL, authority_file: Path | None = None) -> Iterator[FeedOverHttp]:
    feed = FeedOverHttp(
        origin=origin,
        credential=Credential(lambda: SecretStr(credential)),
        node="node-1",
        version="1.2.3",
        ca_file=authority_file,
    )
    try:
        yield feed
    finally:
        feed.close()


def failure_of(origin: str, authority_file: Path | None = None) -> FeedUnavailable:
    """The result of a request there."""
    with connected(origin, authority_file=authority_file) as feed, pytest.raises(FeedUnavailable) as raised:
        feed.changes(epoch="", after=0, wait=0)
    return raised.value


@contextmanager
def answering(answer: bytes, context: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """A server that answers one request with these octets, and the request."""
    asked: list[bytes] = []
    with socket.create_server((LOOPBACK, 0)) as listener:

        def run() -> None:
            connection, _ = listener.accept()
            connection.settimeout(5)
            try:
                if context is not None:
                    connection = context.wrap_socket(connection, server_side=True)
                asked.append(connection.recv(65_536))
                connection.sendall(answer)
            except OSError:
                pass
            finally:
                connection.close()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield listener.getsockname()[1], asked
        finally:
            thread.join()
