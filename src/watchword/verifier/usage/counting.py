"""Counts decisions: one `UsageCounter` for each outcome and token profile of an organization.

Only the deciding thread writes `UsageCounter.calls`; the sending thread reads how much was added since its last read
(`Usage.take`). No counter is ever reset, so there is no race. The sender of a token controls its profile, so the
counters are bounded per organization and in total; further profiles count as "other". Allowed calls always keep their
organization, because the API call threshold counts them.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol
from weakref import WeakSet

from watchword.core.decision import Allow, Reason, TokenProfile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watchword.core.decision import Decision
    from watchword.core.trust import Trust

MAX_PROFILES: Final = 32
"""Per organization, separately for allowed tokens, for refused tokens signed by its own server, and for unverified
tokens. So made-up tokens never displace real ones."""

MAX_COUNTERS: Final = 65_536
"""In total, half a kilobyte each. Above this, a refusal counts without its organization and an allowed call without its
profile; there are at most as many of these as organizations."""

IDLE_SECONDS: Final = 600.0
"""A counter unused for this long is evicted."""

MAX_UNVERIFIED: Final = 8_192
"""Unverified profiles of all organizations. Each takes up to seven kilobytes, with the longest characters."""

OTHER: Final = "other"
ALLOWED: Final = ""
"""The outcome of an allowed call, in quota of a reason's code."""

_READ_AT_ONCE: Final = 2_048
_REASON_OF: Final = {reason.code: reason for reason in Reason}


class CounterKey(NamedTuple):
    """The calls that one counter counts.

    Attributes:
        organization: empty for calls of unknown organizations.
        server: the id of the enabled server; None if there was none.
        outcome: the reason's code, or ALLOWED.
        profile: None if no token was read; OTHER above the limits.
    """

    organization: str
    server: str | None
    outcome: str
    profile: TokenProfile | Literal["other"] | None


class _Quota(NamedTuple):
    """A limit on profiles, of one organization or of all, by how far their tokens can be trusted."""

    organization: str
    trusted: Literal["allowed", "signed", "unverified"]
    limit: int


class UsageCounter:
    """Counts the calls of one key. Its holder may count with it at any time, also after its eviction from the table.

    Attributes:
        calls: since the counter was made; only one thread writes it.
        revision: the newest revision of the trust that decided.
    """

    __slots__ = ("__weakref__", "_last_deltas", "calls", "collected", "key", "revision", "used_at")

    def __init__(self, key: CounterKey, used_at: float, last_deltas: deque[UsageDelta]) -> None:
        self.key = key
        self.calls = 0
        self.revision = 0
        self.collected = 0
        self.used_at = used_at
        self._last_deltas = last_deltas

    def __del__(self) -> None:
        # The token cache held and used this counter after its eviction from the table, and has now dropped it too. Only
        # here is it certain that no more calls will be added.
        if self.calls != self.collected:
            self._last_deltas.append(UsageDelta(self.key, self.revision, self.calls - self.collected))


class UsageDelta(NamedTuple):
    """Calls that were added to a counter since the last read."""

    key: CounterKey
    revision: int
    calls: int


class Outcomes(Protocol):
    """Decisions since the process started, for the metrics."""

    @property
    def allowed(self) -> int: ...

    @property
    def denied(self) -> Mapping[Reason, int]: ...


class Usage:
    """The counters of one deciding thread. Another deciding thread has a `Usage` of its own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counters: dict[CounterKey, UsageCounter] = {}
        self._profiles: Counter[_Quota] = Counter()
        # Held while a counter is added or evicted, but not while all counters are read.
        self._table_lock = threading.Lock()
        self._collecting = threading.Lock()
        self._dropped: WeakSet[UsageCounter] = WeakSet()
        self._last_deltas: deque[UsageDelta] = deque()
        self._deltas: list[UsageDelta] = []
        self._outcomes: Counter[str] = Counter()

    def counter(self, organization: str, trust: Trust | None, decision: Decision) -> UsageCounter:
        """The counter for this decision; the deciding thread then adds 1 to its `calls`.

        The caller may keep it for as long as the same trust decides the same about the same token.

        Args:
            organization: the organization of the request.
            trust: the trust that decided; without it the organization may be made up, and is not counted.
            decision: the decision to count.
        """
        outcome = ALLOWED if isinstance(decision, Allow) else decision.reason.code
        if trust is None:
            key = CounterKey("", None, outcome, None)
        else:
            server = None if trust.server is None else trust.server.id
            key = CounterKey(organization, server, outcome, decision.profile)
        counter = self._counters.get(key)
        if counter is None:
            counter = self._add(key)
        if trust is not None:
            counter.revision = trust.revision
        return counter

    def take(self) -> list[UsageDelta]:
        """The calls since the last `take`. For the sending thread only."""
        with self._collecting:
            self._collect()
            collected, self._deltas = self._deltas, []
        return collected

    @property
    def allowed(self) -> int:
        """Allowed calls since the process started."""
        return self._totals()[ALLOWED]

    @property
    def denied(self) -> Mapping[Reason, int]:
        """Denied calls since the process started, for all reasons.

        A counter that appears only with its first event looks like a gap to Prometheus.
        """
        so_far = self._totals()
        return {reason: so_far[code] for code, reason in _REASON_OF.items()}

    def _totals(self) -> Counter[str]:
        with self._collecting:
            self._collect()
            return self._outcomes.copy()

    def _collect(self) -> None:
        """Collect new calls from all counters, and evict idle counters."""
        now = self._clock()
        # `list` copies in one step of the interpreter, so the deciding thread may add counters meanwhile.
        for number, counter in enumerate(list(self._counters.values())):
            if number % _READ_AT_ONCE == 0:
                # Lets the deciding thread run: reading a hundred thousand counters takes some hundredths of a second.
                time.sleep(0)
            if not self._collect_from(counter, now) and now - counter.used_at >= IDLE_SECONDS:
                self._evict(counter)
        for counter in self._dropped:
            self._collect_from(counter, now)
        while self._last_deltas:
            self._record(self._last_deltas.popleft())

    def _collect_from(self, counter: UsageCounter, now: float) -> bool:
        calls = counter.calls
        if calls == counter.collected:
            return False
        self._record(UsageDelta(counter.key, counter.revision, calls - counter.collected))
        counter.collected, counter.used_at = calls, now
        return True

    def _record(self, delta: UsageDelta) -> None:
        self._deltas.append(delta)
        self._outcomes[delta.key.outcome] += delta.calls

    def _add(self, key: CounterKey) -> UsageCounter:
        with self._table_lock:
            key = self._within_limits(key)
            counter = self._counters.get(key)
            if counter is None:
                counter = self._counters[key] = UsageCounter(key, self._clock(), self._last_deltas)
                self._profiles.update(_quotas(key))
            return counter

    def _within_limits(self, key: CounterKey) -> CounterKey:
        full = len(self._counters) >= MAX_COUNTERS
        if key.outcome != ALLOWED and full:
            return CounterKey("", None, key.outcome, None)
        is_crowded = any(self._profiles[quota] >= quota.limit for quota in _quotas(key))
        return key._replace(profile=OTHER) if full or is_crowded else key

    def _evict(self, counter: UsageCounter) -> None:
        # A weak set: still read as long as the token cache counts with it.
        self._dropped.add(counter)
        with self._table_lock:
            del self._counters[counter.key]
            for quota in _quotas(counter.key):
                self._profiles[quota] -= 1
                if not self._profiles[quota]:
                    del self._profiles[quota]


def _quotas(key: CounterKey) -> tuple[_Quota, ...]:
    """The limits that the counter's profile uses up."""
    if not isinstance(key.profile, TokenProfile):
        return ()
    if key.outcome == ALLOWED:
        return (_Quota(key.organization, "allowed", MAX_PROFILES),)
    # The signature was verified before the refusal, so the token comes from the organization's own server.
    if _REASON_OF[key.outcome].is_signed:
        return (_Quota(key.organization, "signed", MAX_PROFILES),)
    return _Quota(key.organization, "unverified", MAX_PROFILES), _Quota("", "unverified", MAX_UNVERIFIED)
