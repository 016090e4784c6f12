"""Requests that wait for the key which their token names, while a fetch that may bring it is under way.

So even a rotation without overlap refuses no good token (docs/decisions/0006). Nobody waits longer than
`PARKED_SECONDS`; what finds no place is denied at once, as everything is while nothing can be hoped for.

Tokens for organizations that do not exist wait, too, in places of their own: see `unknown_keys`.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from watchword.core.decision import Deny
from watchword.verifier.unknown_keys import Sight

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watchword.core.decision import Decision
    from watchword.feed import Snapshot
    from watchword.verifier.snapshot import CurrentSnapshot, View

PARKED_SECONDS: Final = 0.6
"""Less than the 0.7 s after which gateways ask another verifier, so that the answer arrives before."""

PER_ORGANIZATION: Final = 64
FIRST_SIGHTS_PER_ORGANIZATION: Final = 16
"""Places for names that come once, as made-up ones do. The other 48 are for names that more than one token carries."""

IN_ALL: Final = 256
"""Of those whose key may come, and as many of those whose key cannot. A waiting request occupies a connection of its
gateway."""

_IDLE_SECONDS: Final = 1.0


@dataclass(slots=True)
class Waiting:
    """A parked request.

    Attributes:
        organization, authorization: what is to be decided.
        sight: which places it counts for.
        decided_by: the snapshot that did not hold the key.
        until: when it is answered in any case, by the monotonic clock.
        deliver: takes the final decision; called in the thread of `Parking.run`.
        hopeful: whether a fetch may bring the key. The others wait for no more than the time to pass.
    """

    organization: str
    authorization: Sequence[str]
    sight: Sight
    decided_by: Snapshot
    until: float
    deliver: Callable[[Decision], None]
    hopeful: bool = True

    def place(self, sight: Sight) -> tuple[bool, str, Sight]:
        return self.hopeful, self.organization, sight


class Parking:
    """Filled by the thread that decides, emptied by a thread of its own."""

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
        self._news = threading.Condition()
        self._waiting: list[Waiting] = []
        self._places: Counter[tuple[bool, str, Sight]] = Counter()
        self._in_all: Counter[bool] = Counter()

    def park(self, waiting: Waiting) -> bool:
        """Let the request wait; False if there is no place for it."""
        with self._news:
            first = self._places[waiting.place(Sight.FIRST)]
            again = self._places[waiting.place(Sight.AGAIN)]
            if self._in_all[waiting.hopeful] >= IN_ALL or first + again >= PER_ORGANIZATION:
                return False
            if waiting.sight is Sight.FIRST and first >= FIRST_SIGHTS_PER_ORGANIZATION:
                return False
            self._places[waiting.place(waiting.sight)] += 1
            self._in_all[waiting.hopeful] += 1
            self._waiting.append(waiting)
            # Also because the snapshot may have been replaced since the request was decided about.
            self._news.notify()
            return True

    def look_again(self) -> None:
        """The snapshot was replaced."""
        with self._news:
            self._news.notify()

    def run(self, stop: threading.Event) -> None:
        """Answer parked requests until `stop`."""
        while not stop.is_set():
            with self._news:
                self._news.wait(self._rest())
                waiting = tuple(self._waiting)
            for request in waiting:
                self._try(request)

    def _rest(self) -> float:
        # What came while the last round was under way has notified nobody.
        view = self._current.view
        if any(view is None or request.decided_by is not view.snapshot for request in self._waiting):
            return 0.0
        first = min((request.until for request in self._waiting), default=self._clock() + _IDLE_SECONDS)
        return max(0.0, first - self._clock())

    def _try(self, request: Waiting) -> None:
        view = self._current.view
        time_is_up = self._clock() >= request.until
        if view is None or (view.snapshot is request.decided_by and not time_is_up):
            return
        request.decided_by = view.snapshot
        decision = self._decide(view, request.organization, request.authorization)
        # Also when the key has come and does not fit: the answer is that of an unknown key, and as late.
        if isinstance(decision, Deny) and decision.kid is not None and not time_is_up:
            return
        with self._news:
            self._waiting.remove(request)
            self._in_all[request.hopeful] -= 1
            place = request.place(request.sight)
            self._places[place] -= 1
            if not self._places[place]:
                del self._places[place]
        request.deliver(decision)
