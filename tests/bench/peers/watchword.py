"""The verifier itself, fed by a small feed with as many organizations as are wanted."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.peers import Peer
from bench.tokens import CLOUD_NAME
from kit import live
from kit.feed_server import feed_server
from kit.verifier_process import VerifierProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.peers import Question


BY_TOKEN = "/verify-by-token/plain"
"""The other path, where the token names the organization."""


def organizations(number: int) -> list[str]:
    return ["acme", *(f"org-{index}" for index in range(1, number))]


@contextmanager
def watchword(question: Question, *, number: int = 1) -> Iterator[Peer]:
    """Organizations that all trust the key; none of them is known to another by anything but its name.

    Args:
        question: what is asked.
        number: of organizations.
    """
    folder = Path(tempfile.mkdtemp(prefix="watchword-", dir=question.folder))
    with ExitStack() as parts:
        feed = parts.enter_context(feed_server())
        feed.publish(*(live.trust(question.key, organization=name) for name in organizations(number)))
        verifier = VerifierProcess(folder, feed_port=feed.port, cloud_name=CLOUD_NAME)
        parts.callback(verifier.stop)
        child = verifier.start()
        yield Peer(verifier.port, child.pid, "/verify/plain/acme")
