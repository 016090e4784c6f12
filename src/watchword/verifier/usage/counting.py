"""What was decided, counted: one `Line` for each outcome and token profile of an organization.

The thread that answers is the only one that writes `Line.calls`; the thread that sends takes what has been added since
it looked last (`Usage.take`). Nothing is ever reset, so nothing races. A profile is typed by whoever sends the token,
therefore lines are bounded for each organization and in all; what finds no place is counted as "other". Allowed calls
always keep their organization: they are what its API call threshold is about.
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
"""Of each organization: so many of allowed tokens, of refused ones that its own server signed, and of unverified ones.
Made-up tokens therefore never crowd out real ones."""

MAX_LINES: Final = 65_536
"""In all, half a kilobyte each. From there on a refusal is counted without its organization, and an allowed call
without its profile: such lines are at most as many as there are organizations."""

IDLE_SECONDS: Final = 600.0
"""A line that has not moved for so long makes room."""

MAX_UNVERIFIED: Final = 8_192
"""Profiles in all that anybody may have made up. Each is up to seven kilobytes of the longest characters."""

OTHER: Final = "other"
ALLOWED: Final = ""
"""Stands where the code of a reason stands otherwise."""

_LOOKED_AT_ONCE: Final = 2_048
_REASON_OF: Final = {reason.code: reason for reason in Reason}


class Counted(NamedTuple):
    """What the calls of a line have in common.

    Attributes:
        organization: empty for calls that belong to none that is known.
        server: the id of the enabled server, None where there was none.
        outcome: the code of the reason, ALLOWED for none.
        profile: None where no token was read; OTHER where there is no place for one more.
    """

    organization: str
    server: str | None
    outcome: str
    profile: TokenProfile | Literal["other"] | None


class _Place(NamedTuple):
    """What is bounded: profiles of one organization, or of all, by how far their tokens were to be trusted."""

    organization: str
    standing: Literal["allowed", "signed", "unverified"]
    limit: int


class Line:
    """A counter. Whoever holds it may count with it for as long as it likes, also when the table has let go of it.

    Attributes:
        calls: since the line was made; written by one thread alone.
        revision: the newest revision of the trust that decided.
    """

    __slots__ = ("__weakref__", "_left_behind", "calls", "counted", "moved_at", "revision", "taken")

    def __init__(self, counted: Counted, moved_at: float, left_behind: deque[Taken]) -> None:
        self.counted = counted
        self.calls = 0
        self.revision = 0
        self.taken = 0
        self.moved_at = moved_at
        self._left_behind = left_behind

    def __del__(self) -> None:
        # The table has let go of an idle line that a cache still held; it was counted with once more and then dropped
        # there too. This is the only moment at which nobody can add to it any more.
        if self.calls != self.taken:
            self._left_behind.append(Taken(self.counted, self.revision, self.calls - self.taken))


class Taken(NamedTuple):
    """Calls that were added to a line since it was looked at before."""

    counted: Counted
    revision: int
    calls: int


class Outcomes(Protocol):
    """Decisions since the process started, for the metrics."""

    @property
    def allowed(self) -> int: ...

    @property
    def denied(self) -> Mapping[Reason, int]: ...


class Usage:
    """The lines of one thread that answers. Another thread that answers has a `Usage` of its own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lines: dict[Counted, Line] = {}
        self._profiles: Counter[_Place] = Counter()
        # Held for the making and the dropping of a line, never while all lines are looked at.
        self._changing = threading.Lock()
        self._looking = threading.Lock()
        self._let_go: WeakSet[Line] = WeakSet()
        self._left_behind: deque[Taken] = deque()
        self._waiting: list[Taken] = []
        self._outcomes: Counter[str] = Counter()

    def line(self, organization: str, trust: Trust | None, decision: Decision) -> Line:
        """The line to count this decision with, `line.calls += 1`. For the one thread that answers.

        It may be kept and counted with again for as long as the same trust decides the same about the same token.

        Args:
            organization: which the request is for.
            trust: by which it was decided; without one the organization may be made up, and is not counted for.
            decision: what is counted.
        """
        outcome = ALLOWED if isinstance(decision, Allow) else decision.reason.code
        if trust is None:
            counted = Counted("", None, outcome, None)
        else:
            server = None if trust.server is None else trust.server.id
            counted = Counted(organization, server, outcome, decision.profile)
        line = self._lines.get(counted)
        if line is None:
            line = self._made(counted)
        if trust is not None:
            line.revision = trust.revision
        return line

    def take(self) -> list[Taken]:
        """Hand out what was counted since the last time. For the one thread that sends."""
        with self._looking:
            self._look()
            taken, self._waiting = self._waiting, []
        return taken

    @property
    def allowed(self) -> int:
        """Allowed calls since the process started."""
        return self._counted_so_far()[ALLOWED]

    @property
    def denied(self) -> Mapping[Reason, int]:
        """Denied calls since the process started, all reasons from the start.

        A counter that appears only with its first event looks like a gap to Prometheus.
        """
        so_far = self._counted_so_far()
        return {reason: so_far[code] for code, reason in _REASON_OF.items()}

    def _counted_so_far(self) -> Counter[str]:
        with self._looking:
            self._look()
            return self._outcomes.copy()

    def _look(self) -> None:
        """Move what was added to the lines over to `_waiting`, and let go of idle lines."""
        now = self._clock()
        # The copy is made in one step of the interpreter, so the thread that answers may add lines meanwhile.
        for number, line in enumerate(list(self._lines.values())):
            if number % _LOOKED_AT_ONCE == 0:
                # Lets the thread that answers go on: a hundred thousand lines take some hundredths of a second.
                time.sleep(0)
            if not self._taken_from(line, now) and now - line.moved_at >= IDLE_SECONDS:
                self._drop(line)
        for line in self._let_go:
            self._taken_from(line, now)
        while self._left_behind:
            self._note(self._left_behind.popleft())

    def _taken_from(self, line: Line, now: float) -> bool:
        calls = line.calls
        if calls == line.taken:
            return False
        self._note(Taken(line.counted, line.revision, calls - line.taken))
        line.taken, line.moved_at = calls, now
        return True

    def _note(self, taken: Taken) -> None:
        self._waiting.append(taken)
        self._outcomes[taken.counted.outcome] += taken.calls

    def _made(self, counted: Counted) -> Line:
        with self._changing:
            counted = self._with_a_place(counted)
            line = self._lines.get(counted)
            if line is None:
                line = self._lines[counted] = Line(counted, self._clock(), self._left_behind)
                self._profiles.update(_places(counted))
            return line

    def _with_a_place(self, counted: Counted) -> Counted:
        full = len(self._lines) >= MAX_LINES
        if counted.outcome != ALLOWED and full:
            return Counted("", None, counted.outcome, None)
        crowded = any(self._profiles[place] >= place.limit for place in _places(counted))
        return counted._replace(profile=OTHER) if full or crowded else counted

    def _drop(self, line: Line) -> None:
        # Weakly, it is still looked at for as long as a cache counts with it.
        self._let_go.add(line)
        with self._changing:
            del self._lines[line.counted]
            for place in _places(line.counted):
                self._profiles[place] -= 1
                if not self._profiles[place]:
                    del self._profiles[place]


def _places(counted: Counted) -> tuple[_Place, ...]:
    """What the line's profile takes up."""
    if not isinstance(counted.profile, TokenProfile):
        return ()
    if counted.outcome == ALLOWED:
        return (_Place(counted.organization, "allowed", MAX_PROFILES),)
    # What is refused after its signature was verified comes from the organization's own server, as what is allowed.
    if _REASON_OF[counted.outcome].is_signed:
        return (_Place(counted.organization, "signed", MAX_PROFILES),)
    return _Place(counted.organization, "unverified", MAX_PROFILES), _Place("", "unverified", MAX_UNVERIFIED)
