"""Probes a JWKS location, for the Validate button and for the background refresh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.core.jwk import KeySet, KeySetRefused, admit
from watchword.core.jwk_material import MIN_RSA_BITS
from watchword.core.jwk_problems import KeySetProblem
from watchword.jwks.document import is_markup, more_precisely
from watchword.jwks.fetch import FetchPolicy, fetch
from watchword.jwks.findings import Findings, Journal, Outcome, ProbeFailed, Step, StepFinding
from watchword.jwks.metadata import MetadataServed, read_metadata
from watchword.jwks.problem import Problem
from watchword.outbound.certificate import now_utc
from watchword.outbound.chain import read_chain

if TYPE_CHECKING:
    from watchword.core.jwk import IgnoredKey

__all__ = ["FetchPolicy", "Findings", "Outcome", "Problem", "Step", "StepFinding", "probe"]

_PROBLEM_OF_KEY_SET: dict[KeySetProblem, Problem] = {
    KeySetProblem.TOO_LARGE: Problem.TOO_LARGE,
    KeySetProblem.NOT_JSON: Problem.NOT_JSON,
    KeySetProblem.NOT_A_KEY_SET: Problem.NOT_A_KEY_SET,
    KeySetProblem.EMPTY: Problem.EMPTY_KEY_SET,
    KeySetProblem.TOO_MANY_KEYS: Problem.TOO_MANY_KEYS,
    KeySetProblem.PRIVATE_MEMBERS: Problem.PRIVATE_KEY_MATERIAL,
    KeySetProblem.KID_REUSED: Problem.KID_REUSED,
    KeySetProblem.NO_USABLE_KEY: Problem.NO_USABLE_KEY,
}


def probe(
    location: str,
    *,
    verify_certificate: bool,
    ca_bundle: str | None = None,
    policy: FetchPolicy,
    etag: str | None = None,
) -> Findings:
    """Fetch the key set at `location` and admit its keys; never raises for a server's behavior.

    Args:
        location: the JWKS location as the administrator typed it.
        verify_certificate: the option "JWKS Server Certificate Validation" of this registration.
        ca_bundle: the CA certificates, in PEM, attached to this registration. They are trusted for it only, and only
            while the certificate is validated.
        policy: the operator's limits.
        etag: of the last good fetch, so that the server can answer 304; None always fetches the key set.
    """
    journal = Journal()
    ignored: tuple[IgnoredKey, ...] = ()
    try:
        fetched = fetch(
            location,
            verify_certificate=verify_certificate,
            ca_bundle=ca_bundle,
            policy=policy,
            # A set that has not changed may have keys from before the operator raised the limit.
            etag=etag if policy.min_rsa_bits == MIN_RSA_BITS else None,
            journal=journal,
        )
        if fetched.untrusted_document is None:
            _note_unchanged(journal)
            return Findings(
                steps=journal.steps(),
                not_modified=True,
                etag=fetched.etag,
                max_age=fetched.max_age,
                certificate_expires_at=journal.certificate_expires_at,
            )
        with journal.step(Step.JWKS) as note:
            key_set = _admitted(fetched.untrusted_document, policy, claims_html=fetched.claims_html)
            note.passed("The answer is a JSON Web Key Set of public keys.")
        ignored = key_set.ignored
        with journal.step(Step.KEYS) as note:
            note.passed(_describe_usable_keys(key_set))
    except ProbeFailed as failure:
        chain = read_chain(failure.presented, now_utc())
        return Findings(
            steps=journal.steps(),
            ignored=ignored,
            problem=failure.problem,
            chain=chain,
            metadata=failure.reading if isinstance(failure, MetadataServed) else None,
            certificate_expires_at=journal.certificate_expires_at,
        )
    return Findings(
        steps=journal.steps(),
        key_set=key_set,
        etag=fetched.etag,
        max_age=fetched.max_age,
        ignored=key_set.ignored,
        certificate_expires_at=journal.certificate_expires_at,
    )


def _admitted(untrusted_document: bytes, policy: FetchPolicy, *, claims_html: bool) -> KeySet:
    # A sign-in page of a proxy or firewall also has status 200 (J-13).
    if claims_html:
        raise ProbeFailed(Problem.HTML_PAGE if is_markup(untrusted_document) else Problem.DECLARED_AS_HTML)
    try:
        return admit(untrusted_document, policy.max_keys, policy.min_rsa_bits)
    except KeySetRefused as refused:
        if refused.problem is KeySetProblem.NO_USABLE_KEY:
            return KeySet((), refused.ignored)
        problem = _PROBLEM_OF_KEY_SET[refused.problem]
    # Outside the handler, so that no exception's traceback contains the document, which may be a private key.
    problem = more_precisely(problem, untrusted_document)
    if problem is Problem.METADATA:
        raise MetadataServed(read_metadata(untrusted_document))
    raise ProbeFailed(problem)


def _note_unchanged(journal: Journal) -> None:
    for step in (Step.JWKS, Step.KEYS):
        with journal.step(step) as note:
            note.passed("The key set has not changed since it was last fetched.")


def _describe_usable_keys(key_set: KeySet) -> str:
    if not key_set.keys:
        raise ProbeFailed(Problem.NO_USABLE_KEY)
    usable, ignored = len(key_set.keys), len(key_set.ignored)
    sentence = "1 key can verify access tokens" if usable == 1 else f"{usable} keys can verify access tokens"
    return f"{sentence}; {ignored} more ignored." if ignored else f"{sentence}."
