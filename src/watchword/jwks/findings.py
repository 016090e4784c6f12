"""What a validation found, step by step, in words for the administrator."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from watchword.jwks.problem import ProbeFailed, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from watchword.core.jwk import IgnoredKey, KeySet
    from watchword.jwks.chain import PresentedChain
    from watchword.jwks.metadata import Metadata, UnusableMetadata


class Step(Enum):
    """The steps of a validation, in their order; `label` is what the portal shows."""

    ADDRESS = ("address", "Address")
    CONNECT = ("connect", "Connect")
    TLS = ("tls", "TLS")
    HTTP = ("http", "HTTP")
    JWKS = ("jwks", "JWKS")
    KEYS = ("keys", "Usable keys")

    def __init__(self, code: str, label: str) -> None:
        self.code = code
        self.label = label


class Outcome(Enum):
    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True)
class StepFinding:
    """The result of one step.

    Attributes:
        milliseconds: how long the step took; coarse where a step failed (see `coarse`), 0 for one not reached.
        coarse: whether `milliseconds` is the most that the step took, and not what it took.
        sentence: what was found; holds nothing that the server sent but the name of its certificate's issuer.
        fix: what the administrator can do; None where nothing needs doing.
    """

    step: Step
    outcome: Outcome
    milliseconds: int
    sentence: str
    fix: str | None = None
    coarse: bool = False


@dataclass(frozen=True, slots=True)
class Findings:
    """What one probe of a JWKS location found.

    Attributes:
        steps: one finding for each member of `Step`, in order.
        key_set: the admitted and the ignored keys; None when the fetch failed or nothing was modified.
        not_modified: the server answered 304 to the given etag: the keys last fetched are still the current ones.
        etag: to be given to the next probe; None if the server sent none, or none that is fit to be stored.
        max_age: seconds as the server stated them in Cache-Control, not clamped; None if it stated none.
        ignored: the ignored keys with their reasons, also when none was left and the probe failed for it.
        problem: why the probe failed; None if it succeeded.
        chain: what the server presented, if the probe failed for its certificates.
        metadata: what was read, if the probe failed because metadata stands at the location.
        certificate_expires_at: until when the server's certificate is valid; None if the probe did not get that far.
    """

    steps: tuple[StepFinding, ...]
    key_set: KeySet | None = None
    not_modified: bool = False
    etag: str | None = None
    max_age: int | None = None
    ignored: tuple[IgnoredKey, ...] = ()
    problem: Problem | None = None
    chain: PresentedChain | None = None
    metadata: Metadata | UnusableMetadata | None = None
    certificate_expires_at: datetime | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the key set, or the one last fetched if nothing was modified, may be used."""
        return self.problem is None


_COARSE_MILLISECONDS = (100, 500, 1_000, 2_500, 5_000)


def coarse(milliseconds: int) -> int:
    """Round the duration of a step up, so that it does not tell closed ports from filtered ones (J-15)."""
    return next((bound for bound in _COARSE_MILLISECONDS if milliseconds <= bound), 10_000)


class Note:
    """What a step that is under way has to say when it ends well."""

    def __init__(self) -> None:
        self.outcome = Outcome.PASSED
        self.sentence = ""
        self.fix: str | None = None

    def passed(self, sentence: str) -> None:
        self.sentence = sentence

    def warned(self, sentence: str, fix: str) -> None:
        self.outcome, self.sentence, self.fix = Outcome.WARNED, sentence, fix


class Journal:
    """Collects the finding of each step while a probe runs, and the expiry of the certificate it met."""

    def __init__(self) -> None:
        self._findings: dict[Step, StepFinding] = {}
        self.certificate_expires_at: datetime | None = None

    @contextmanager
    def step(self, step: Step) -> Iterator[Note]:
        """Time the block and record its result. A `ProbeFailed` is recorded as the step's failure and goes on."""
        started = time.monotonic()
        note = Note()
        try:
            yield note
        except ProbeFailed as failure:
            problem = failure.problem
            self._record(step, Outcome.FAILED, _milliseconds_since(started), problem.sentence, problem.fix)
            raise
        self._record(step, note.outcome, _milliseconds_since(started), note.sentence, note.fix)

    def steps(self) -> tuple[StepFinding, ...]:
        """One finding for each step. Once one has failed no duration is exact, also not of those before it."""
        reached = tuple(self._findings.values())
        if any(finding.outcome is Outcome.FAILED for finding in reached):
            reached = tuple(
                replace(finding, milliseconds=coarse(finding.milliseconds), coarse=True) for finding in reached
            )
        found = {finding.step: finding for finding in reached}
        return tuple(found.get(step) or StepFinding(step, Outcome.NOT_REACHED, 0, "Not reached.") for step in Step)

    def _record(self, step: Step, outcome: Outcome, milliseconds: int, sentence: str, fix: str | None) -> None:
        self._findings[step] = StepFinding(step, outcome, milliseconds, sentence, fix)


def _milliseconds_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
