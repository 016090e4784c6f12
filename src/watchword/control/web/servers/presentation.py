"""What a validation found, as the dialog shows it: icon, word and colour together, never one of them alone. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from watchword.control.servers.rules import algorithm_label
from watchword.jwks.findings import Outcome
from watchword.jwks.metadata import UnusableMetadata
from watchword.jwks.problem import Problem

if TYPE_CHECKING:
    from watchword.jwks.findings import Findings, StepFinding
    from watchword.jwks.metadata import Metadata
    from watchword.outbound.ca_bundle import Anchor
    from watchword.outbound.chain import PresentedChain


@dataclass(frozen=True, slots=True)
class _Look:
    icon: str | None
    word: str


_LOOKS: Final = {
    Outcome.PASSED: _Look("check", "Passed"),
    Outcome.WARNED: _Look("exclamation-triangle", "Warning"),
    Outcome.FAILED: _Look("x-mark", "Failed"),
    # Its sentence is "Not reached." already, and a screen reader would read it twice.
    Outcome.NOT_REACHED: _Look(None, ""),
}


_CURED_BY_TRUST: Final = frozenset(
    {
        Problem.CERTIFICATE_UNKNOWN_AUTHORITY,
        Problem.CERTIFICATE_SELF_SIGNED,
        Problem.CERTIFICATE_OTHER_AUTHORITY,
        Problem.AUTHORITY_EXPIRED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownStep:
    """One step. `milliseconds` is None for a step that never ran; `word` is "" where the sentence alone says it.

    `at_most` says that the step took no longer than `milliseconds`: times are rounded up once a step has failed.
    """

    label: str
    outcome: str
    icon: str | None
    word: str
    sentence: str
    fix: str | None
    milliseconds: int | None
    at_most: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownKey:
    kid: str | None
    kty: str
    algorithm: str
    bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownIgnoredKey:
    kid: str | None
    kty: str | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFindings:
    """The whole. `verdict` is passed, warned or failed; `tone` its colour; `offer` is what may be attached as it is.

    `metadata` was found instead of a key set; `metadata_unusable` says why it is not offered. `elsewhere` says that it
    names an issuer whose metadata belongs at another address.
    """

    verdict: str
    tone: str
    icon: str
    sentence: str
    steps: tuple[ShownStep, ...]
    keys: tuple[ShownKey, ...]
    ignored: tuple[ShownIgnoredKey, ...]
    chain: PresentedChain | None
    offer: Anchor | None
    metadata: Metadata | None
    metadata_unusable: str | None
    elsewhere: bool


def shown(findings: Findings, location: str) -> ShownFindings:
    """What was found at `location`, which is as typed."""
    verdict, tone, icon, sentence = _verdict(findings)
    keys = () if findings.key_set is None else findings.key_set.keys
    metadata, unusable = _metadata(findings)
    return ShownFindings(
        verdict=verdict,
        tone=tone,
        icon=icon,
        sentence=sentence,
        steps=tuple(_step(step) for step in findings.steps),
        keys=tuple(
            ShownKey(
                kid=key.kid,
                kty=key.kty,
                algorithm=algorithm_label(kty=key.kty, alg=key.alg, bits=key.bits),
                bits=key.bits,
            )
            for key in keys
        ),
        ignored=tuple(
            ShownIgnoredKey(kid=key.kid, kty=key.kty, sentence=key.problem.sentence) for key in findings.ignored
        ),
        chain=findings.chain,
        offer=_offer(findings),
        metadata=metadata,
        metadata_unusable=unusable,
        elsewhere=metadata is not None and not metadata.stands_at(location),
    )


def _offer(findings: Findings) -> Anchor | None:
    # An expired certificate or one for another host does not get better by trusting who signed it.
    return findings.chain.root if findings.chain is not None and findings.problem in _CURED_BY_TRUST else None


def _metadata(findings: Findings) -> tuple[Metadata | None, str | None]:
    if isinstance(findings.metadata, UnusableMetadata):
        return None, findings.metadata.sentence
    return findings.metadata, None


def _verdict(findings: Findings) -> tuple[str, str, str, str]:
    if findings.problem is not None:
        at = next((step.step.label for step in findings.steps if step.outcome is Outcome.FAILED), "")
        return "failed", "bad", "x-circle", f"Validation failed at: {at}"
    if any(step.outcome is Outcome.WARNED for step in findings.steps):
        return "warned", "warn", "exclamation-triangle", "Validated, with a warning"
    return "passed", "good", "check-circle", "Validated: the JWKS endpoint is configured correctly"


def _step(step: StepFinding) -> ShownStep:
    look = _LOOKS[step.outcome]
    return ShownStep(
        label=step.step.label,
        outcome=step.outcome.value,
        icon=look.icon,
        word=look.word,
        sentence=step.sentence,
        fix=step.fix,
        milliseconds=None if step.outcome is Outcome.NOT_REACHED else step.milliseconds,
        at_most=step.coarse,
    )
