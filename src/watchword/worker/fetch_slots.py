"""How many fetches a worker does at once: so many of key sets that answered last time, so many of those that failed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from watchword.control.servers.key_set_commands import Claim

ANSWERING_AT_ONCE: Final = 12
"""For key sets whose last fetch was good. Should 600 of 1,000 servers begin to hang, each for its 5 s, twelve places
still get round in 250 s, within the interval of the other 400 (M-13)."""

FAILING_AT_ONCE: Final = 12
"""For those that failed last time. However many hang, and however often tokens or people make them due, they take no
other places than these; and 600 of them are asked as often as their retries, stretched to 300 s, are due."""


class Places:
    """Taken by the loop alone, given back by the threads of its pool."""

    def __init__(self, *, answering: int = ANSWERING_AT_ONCE, failing: int = FAILING_AT_ONCE) -> None:
        self._lock = threading.Lock()
        self._free = {False: answering, True: failing}

    def free(self, *, failing: bool) -> int:
        """How many fetches of that kind can begin now."""
        return self._free[failing]

    def take(self, claim: Claim) -> None:
        self._add(claim, -1)

    def give_back(self, claim: Claim) -> None:
        self._add(claim, 1)

    def _add(self, claim: Claim, places: int) -> None:
        with self._lock:
            self._free[claim.failing] += places
