"""The findings of a validation, step by step, for the administrator."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from watchword.jwks.problem import Problem
from watchword.outbound.failure import ExchangeFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from watchword.core.jwk import IgnoredKey, KeySet
    from watchword.jwks.metadata import Metadata, UnusableMetadata
    from watchword.outbound.chain import PresentedChain


class Step(Enum):
    """The steps of a validation, in order; the portal shows `label`."""

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
        milliseconds: the duration of the step; rounded up if a step failed (see `coarse`), 0 if it was not reached.
        coarse: whether `milliseconds` is rounded up.
        sentence: the finding; contains nothing that the server sent except its certificate's issuer.
        fix: the advice for the administrator; None if there is nothing to do.
    """

    step: Step
    outcome: Outcome
    milliseconds: int
    sentence: str
    fix: str | None = None
    coarse: bool = False


@dataclass(frozen=True, slots=True)
class Findings:
    """The findings of one probe of a JWKS location.

    Attributes:
        steps: one finding for each member of `Step`, in order.
        key_set: the admitted and the ignored keys; None if the fetch failed or nothing was modified.
        not_modified: whether the server answered 304 to the given etag, so that the keys fetched before are current.
        etag: for the next probe; None if the server sent none, or it must not be stored.
        max_age: seconds from Cache-Control, not clamped; None if the server sent none.
        ignored: the ignored keys with their reasons, even if no key was left and the probe failed.
        problem: why the probe failed; None if it succeeded.
        chain: the certificates that the server presented, if they are why the probe failed.
        metadata: the metadata at the location, if that is why the probe failed.
        certificate_expires_at: the expiry of the server's certificate; None if the probe did not get that far.
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
        """Whether the key set may be used; if nothing was modified, the one fetched before."""
        return self.problem is None


_COARSE_MILLISECONDS = (100, 500, 1_000, 2_500, 5_000)


def coarse(milliseconds: int) -> int:
    """Round the duration of a step up, so that it does not distinguish closed ports from filtered ones (J-15)."""
    return next((bound for bound in _COARSE_MILLISECONDS if milliseconds <= bound), 10_000)


class Note:
    """The finding of a step if it ends without a failure."""

    def __init__(self) -> None:
        self.outcome = Outcome.PASSED
        self.sentence = ""
        self.fix: str | None = None

    def passed(self, sentence: str) -> None:
        self.sentence = sentence

    def warned(self, sentence: str, fix: str) -> None:
        self.outcome, self.sentence, self.fix = Outcome.WARNED, sentence, fix


class ProbeFailed(Exception):
    """A step failed. Always raised `from None`, because the cause may contain what the server sent.

    Attributes:
        presented: the untrusted certificates in DER that the server presented, if they are the reason.
    """

    def __init__(self, problem: Problem, *, presented: tuple[bytes, ...] = ()) -> None:
        super().__init__(problem.code)
        self.problem = problem
        self.presented = presented


class Journal:
    """Records the finding of each step while a probe runs, and the expiry of the server's certificate."""

    def __init__(self) -> None:
        self._findings: dict[Step, StepFinding] = {}
        self.certificate_expires_at: datetime | None = None

    @contextmanager
    def step(self, step: Step) -> Iterator[Note]:
        """Time the block and record its result. A failure is recorded and raised as `ProbeFailed`."""
        started = time.monotonic()
        note = Note()
        try:
            yield note
        except ProbeFailed as failed:
            failure = failed
        except ExchangeFailed as failed:
            failure = ProbeFailed(Problem.of(failed.failure), presented=failed.presented)
        else:
            self._record(step, note.outcome, _milliseconds_since(started), note.sentence, note.fix)
            return
        problem = failure.problem
        self._record(step, Outcome.FAILED, _milliseconds_since(started), problem.sentence, problem.fix)
        raise failure from None

    def steps(self) -> tuple[StepFinding, ...]:
        """One finding for each step. If one failed, all durations are rounded up."""
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
