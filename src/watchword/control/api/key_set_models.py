"""Signing keys and key sets as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from watchword.control.api.types import Resource
from watchword.control.servers.key_sets import from_document
from watchword.control.servers.queries import problem_of
from watchword.control.servers.rules import algorithm_label

if TYPE_CHECKING:
    from watchword.control.servers.models import KeyHistory, KeySetState


class SigningKey(Resource):
    """A signing key in use."""

    kid: str | None
    kty: str
    algorithm: str
    bits: int
    thumbprint: str
    """RFC 7638, SHA-256."""


class KeyProblem(Resource):
    """Why the last fetch failed."""

    code: str
    detail: str
    fix: str | None


class KeySet(Resource):
    """The keys of the last good fetch."""

    fetched_at: datetime | None
    good_until: datetime | None
    """How long tokens are accepted with these keys, at the least. A good fetch moves it only once a third of the limit
    is used up, and lasting failures move it to the full limit after the last good fetch."""
    failing_since: datetime | None
    problem: KeyProblem | None
    keys: list[SigningKey]

    @classmethod
    def of(cls, state: KeySetState) -> Self:
        detail, fix = problem_of(state.problem)
        return cls(
            fetched_at=state.fetched_at,
            good_until=state.good_until,
            failing_since=state.failing_since,
            problem=None if state.problem is None else KeyProblem(code=state.problem, detail=detail or "", fix=fix),
            keys=[
                SigningKey(
                    kid=key.kid,
                    kty=key.kty,
                    algorithm=algorithm_label(kty=key.kty, alg=key.alg, bits=key.bits),
                    bits=key.bits,
                    thumbprint=key.thumbprint,
                )
                for key in from_document(state.document)
            ],
        )


class HistoricKey(SigningKey):
    """A key from its first appearance to its withdrawal."""

    first_seen_at: datetime
    last_seen_at: datetime
    withdrawn_at: datetime | None
    """null while the key is published."""

    @classmethod
    def of(cls, key: KeyHistory) -> Self:
        return cls(
            kid=key.kid,
            kty=key.kty,
            algorithm=algorithm_label(kty=key.kty, alg=key.alg, bits=key.bits),
            bits=key.bits,
            thumbprint=key.thumbprint,
            first_seen_at=key.first_seen_at,
            last_seen_at=key.last_seen_at,
            withdrawn_at=key.withdrawn_at,
        )


class KeySetWithHistory(KeySet):
    """The keys in use and the withdrawn ones."""

    history: list[HistoricKey]
