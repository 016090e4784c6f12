"""Suspensions that only increase: the right answer is known at any time, for any order of the feed's pages.

Organizations `o1`, `o2` … are suspended in this order and never reinstated, while Acme stays entitled. Once a verifier
has refused one as suspended, it must refuse it and all that were suspended before it. An organization whose suspension
is not published yet is allowed; in between either answer is right. No clock is involved.
"""

from __future__ import annotations

import random
import threading
from contextlib import contextmanager
from http.client import HTTPException
from typing import TYPE_CHECKING, Final

from kit import live
from kit.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.feed_server import FeedServer
    from kit.verifier_process import VerifierProcess

ORGANIZATIONS: Final = 400
BETWEEN_SECONDS: Final = 0.03
HEALED_SECONDS: Final = 60.0


class Ratchet:
    """One feed and one verifier.

    Attributes:
        published: how many organizations have been suspended.
        seen: the last one that this verifier has refused.
        decisions: how many were checked.
        wrong: the wrong ones, in words.
    """

    def __init__(self, feed: FeedServer, verifier: VerifierProcess) -> None:
        self._feed = feed
        self._verifier = verifier
        self._token = live.token(exp=live.in_an_hour())
        self.published = 0
        self.seen = 0
        self.decisions = 0
        self.wrong: list[str] = []
        feed.publish(live.trust(), *(live.trust(organization=f"o{n}") for n in range(1, ORGANIZATIONS + 1)))

    def publish(self) -> None:
        """Suspend the next one."""
        if self.published < ORGANIZATIONS:
            self.published += 1
            self._feed.publish(live.trust(organization=f"o{self.published}", suspended=True))

    def has_seen_more_than(self, seen: int) -> bool:
        return self.seen > seen

    def look(self) -> None:
        """Ask about Acme, the newest suspensions and any other."""
        self.look_at(0)
        for number in {self.seen, self.seen + 1, self.published, random.randint(1, ORGANIZATIONS)}:  # noqa: S311
            if 1 <= number <= ORGANIZATIONS:
                self.look_at(number)

    def look_at_all(self) -> None:
        for number in range(ORGANIZATIONS + 1):
            self.look_at(number)

    def catches_up(self) -> None:
        """Wait until everything published is in force."""

        def caught_up() -> bool:
            self.look()
            return self.seen == self.published

        wait_until(caught_up, what="all that was published is in force", timeout=HEALED_SECONDS)

    def look_at(self, number: int) -> None:
        seen = self.seen
        organization = f"o{number}" if number else "acme"
        answer = self._verifier.ask(self._token, organization=organization)
        said = "allowed" if answer.status == 200 else str(answer.json()["reason"])
        self.decisions += 1
        right = {"organization_suspended"} if 0 < number <= seen else {"allowed"}
        # Read after the response: a suspension published during the request may be in force.
        if seen < number <= self.published:
            right = {"organization_suspended", "allowed"}
        if said not in right:
            self.wrong.append(f"{organization}: {said}, with {seen} seen and {self.published} published")
        elif said == "organization_suspended":
            self.seen = max(self.seen, number)


@contextmanager
def turning(ratchet: Ratchet) -> Iterator[None]:
    """Publish without pause, in a thread of its own."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(BETWEEN_SECONDS):
            ratchet.publish()

    thread = threading.Thread(target=run, name="ratchet")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def watched(ratchet: Ratchet) -> Iterator[None]:
    """Ask without pause in a thread. A verifier that is being killed gives no answer, which is not wrong."""
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            try:
                ratchet.look()
            except (OSError, HTTPException):
                over.wait(BETWEEN_SECONDS)

    thread = threading.Thread(target=run, name="watch")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
