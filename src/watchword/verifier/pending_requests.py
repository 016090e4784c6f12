"""Requests that wait for a key: their token names a key that is unknown, and a fetch that may bring it is under way.

So even a key rotation without overlap refuses no good token (docs/decisions/0006). A request waits at most
`MAX_WAIT_SECONDS`. A request over the limits, or without a fetch under way, is denied at once.

Tokens for organizations that do not exist wait too, under limits of their own: see `unknown_keys`.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from watchword.core.decision import Deny
from watchword.verifier.unknown_keys import Occurrence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watchword.core.decision import Decision
    from watchword.feed import Snapshot
    from watchword.verifier.snapshot import CurrentSnapshot, View

MAX_WAIT_SECONDS: Final = 0.6
"""Gateways try another verifier after 0.7 s; the response arrives before that."""

MAX_PER_ORGANIZATION: Final = 64
MAX_FIRST_PER_ORGANIZATION: Final = 16
"""For key names seen once, as made-up names are. The other 48 are for names that more than one token carries."""

MAX_TOTAL: Final = 256
"""For requests whose key may arrive, and again for those whose key cannot. Each holds a connection of its gateway."""

_IDLE_SECONDS: Final = 1.0

_Quota = tuple[bool, str, Occurrence]


@dataclass(slots=True)
class PendingRequest:
    """A request that waits.

    Attributes:
        organization, authorization: what to decide about.
        occurrence: which limit it counts towards.
        decided_by: the snapshot that lacked the key.
        until: monotonic time at which it is answered in any case.
        deliver: takes the final decision; called in the thread of `PendingRequests.run`.
        key_may_arrive: whether a fetch may bring the key. Otherwise it waits only to take as long as the others.
    """

    organization: str
    authorization: Sequence[str]
    occurrence: Occurrence
    decided_by: Snapshot
    until: float
    deliver: Callable[[Decision], None]
    key_may_arrive: bool = True

    def quota(self, occurrence: Occurrence) -> _Quota:
        return self.key_may_arrive, self.organization, occurrence


class PendingRequests:
    """The deciding thread adds requests; a thread of its own answers them."""

    def __init__(
        self,
        *,
        current: CurrentSnapshot,
        decide: Callable[[View, str, Sequence[str]], Decision],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._current = current
        self._decide = decide
        self._clock = clock
        self._changed = threading.Condition()
        self._requests: list[PendingRequest] = []
        self._counts: Counter[_Quota] = Counter()
        self._totals: Counter[bool] = Counter()

    def add(self, request: PendingRequest) -> bool:
        """Let the request wait; False if a limit is reached."""
        with self._changed:
            first = self._counts[request.quota(Occurrence.FIRST)]
            repeated = self._counts[request.quota(Occurrence.REPEATED)]
            if self._totals[request.key_may_arrive] >= MAX_TOTAL or first + repeated >= MAX_PER_ORGANIZATION:
                return False
            if request.occurrence is Occurrence.FIRST and first >= MAX_FIRST_PER_ORGANIZATION:
                return False
            self._counts[request.quota(request.occurrence)] += 1
            self._totals[request.key_may_arrive] += 1
            self._requests.append(request)
            # The snapshot may have been replaced since the request was decided.
            self._changed.notify()
            return True

    def wake(self) -> None:
        """Try all requests again, because the snapshot was replaced."""
        with self._changed:
            self._changed.notify()

    def run(self, stop: threading.Event) -> None:
        """Answer waiting requests until `stop`."""
        while not stop.is_set():
            with self._changed:
                self._changed.wait(self._seconds_to_wait())
                requests = tuple(self._requests)
            for request in requests:
                self._try(request)

    def _seconds_to_wait(self) -> float:
        # A snapshot that arrived during the last round did not wake this thread.
        view = self._current.view
        if any(view is None or request.decided_by is not view.snapshot for request in self._requests):
            return 0.0
        first = min((request.until for request in self._requests), default=self._clock() + _IDLE_SECONDS)
        return max(0.0, first - self._clock())

    def _try(self, request: PendingRequest) -> None:
        view = self._current.view
        time_is_up = self._clock() >= request.until
        if view is None or (view.snapshot is request.decided_by and not time_is_up):
            return
        request.decided_by = view.snapshot
        decision = self._decide(view, request.organization, request.authorization)
        # Also if the key has arrived and does not fit: the client gets the response to an unknown key, and as late.
        if isinstance(decision, Deny) and decision.kid is not None and not time_is_up:
            return
        with self._changed:
            self._requests.remove(request)
            self._totals[request.key_may_arrive] -= 1
            quota = request.quota(request.occurrence)
            self._counts[quota] -= 1
            if not self._counts[quota]:
                del self._counts[quota]
        request.deliver(decision)
