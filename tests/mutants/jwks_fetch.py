"""The fetch of a key set and what is made of the answer: jwks/fetch.py, probe.py, findings.py and document.py."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_fetch = partial(Mutant, "jwks/fetch.py")
_probe = partial(Mutant, "jwks/probe.py")
_findings = partial(Mutant, "jwks/findings.py")
_discovery = partial(Mutant, "jwks/discovery.py")
_document = partial(Mutant, "jwks/document.py")

_ANSWERS: Final = "attacks/test_fetching_answers.py::"
_CERTIFICATES: Final = "attacks/test_fetching_certificates.py::"
_TELLING: Final = "attacks/test_fetching_telling.py::"

_STATUS: Final = (_ANSWERS + "test_j03_only_status_200_is_a_key_set",)
_ETAG: Final = ("jwks/test_fetch.py::test_valid_etag_is_kept",)
_MAX_AGE: Final = ("jwks/test_fetch.py::test_max_age_is_read_leniently",)
_NOT_MODIFIED: Final = ("jwks/test_fetch.py::test_not_modified_without_etag_keeps_the_sent_one",)
_TRUE: Final = ("jwks/test_causes.py::test_ff_01_message_is_true_for_each_behaviour_of_a_server",)
_DOCUMENT: Final = ("jwks/test_probe.py::test_other_documents_are_refused",)

MUTANTS: Final[tuple[Mutant, ...]] = (
    # The fetch.
    _fetch("the etag being sent", "() if etag is None else", "() if True else",
           ("jwks/test_fetch.py::test_not_modified_keeps_the_etag_of_the_response",)),
    _fetch("the check of an etag that is sent", "etag = _storable(etag)", "pass",
           ("jwks/test_fetch.py::test_invalid_etag_is_not_sent",)),
    _fetch("the etag asked with", " or (etag if not_modified else None)", "", _NOT_MODIFIED),
    _fetch("an etag's end", "(etag if not_modified else None)", "etag", _NOT_MODIFIED),
    _fetch("a 304 that was not asked for", "OK if etag is None else OK |", "OK if False else OK |",
           ("jwks/test_fetch.py::test_not_modified_without_a_sent_etag_is_a_failure",)),
    _fetch("the longest etag", " and len(etag) <= MAX_ETAG_LENGTH", "", _ETAG),
    _fetch("the form of an etag", " and _ETAG.fullmatch(etag)", "", _ETAG),
    _fetch("the end of an etag", "_ETAG.fullmatch(etag)", "_ETAG.match(etag)", _ETAG),
    _fetch("the digits of max-age", "int(match[1][:_MAX_AGE_DIGITS])", "int(match[1])", _MAX_AGE),
    _fetch("the whole of a directive", "_MAX_AGE.fullmatch(", "_MAX_AGE.search(", _MAX_AGE),
    _fetch("the document being kept from logs", "untrusted_document: bytes | None = field(repr=False)",
           "untrusted_document: bytes | None", ("jwks/test_fetch.py::test_repr_does_not_show_the_document",)),
    _fetch("the warning that nothing was checked", "if not secured.verify_certificate:", "if False:",
           ("jwks/test_probe.py::test_disabled_certificate_validation_causes_a_warning",)),
    _fetch("the warning before the certificate expires", "elif facts.expires_soon(now):", "elif False:",
           ("jwks/test_probe.py::test_certificate_that_expires_soon_causes_a_warning",)),
    _fetch("the warning before the authority expires", "elif ending:", "elif False:",
           ("jwks/test_attached.py::test_authority_that_expires_soon_causes_a_warning",)),
    # What is made of the answer.
    _probe("sign-in pages", "if claims_html:", "if False:",
           (_ANSWERS + "test_j13_sign_in_page_is_refused",)),
    _probe("the words that fit the document", "more_precisely(problem, untrusted_document)", "problem", _DOCUMENT),
    _document("web pages by their look", 'startswith(b"<")', 'startswith(b"<<")', _DOCUMENT),
    _document("numbers that stay text", "parse_int=str, ", "", _TRUE),
    _document("deep nesting", "except RecursionError:", "except ZeroDivisionError:", _TRUE),
    _findings("the word that a time is rounded", ", coarse=True)", ")",
              ("jwks/test_causes.py::test_ff_01_times_are_marked_as_rounded_after_a_failure",)),
    _probe("the end of a set without a usable key", "if not key_set.keys:", "if False:",
           ("jwks/test_probe.py::test_set_without_usable_key_fails_the_last_step_with_reasons",)),
    _probe("the reasons of ignored keys", "return KeySet((), refused.ignored)", "return KeySet((), ())",
           ("jwks/test_probe.py::test_set_without_usable_key_fails_the_last_step_with_reasons",)),
    _probe("the etag", "etag=etag if policy.min_rsa_bits == MIN_RSA_BITS else None", "etag=None",
           ("jwks/test_probe.py::test_unchanged_key_set_is_not_sent_again",)),
    _probe("the smallest RSA key of an unchanged set", " if policy.min_rsa_bits == MIN_RSA_BITS else None", "",
           ("jwks/test_probe.py::test_unchanged_set_is_admitted_again_under_a_raised_limit",)),
    _probe("the smallest RSA key", "policy.max_keys, policy.min_rsa_bits)", "policy.max_keys)",
           ("jwks/test_probe.py::test_rsa_key_below_the_operators_limit_is_not_used",)),
    _probe("the authority", "ca_bundle=ca_bundle,", "ca_bundle=None,",
           ("jwks/test_attached.py::test_server_of_the_attached_root_is_accepted",)),
    _probe("the certificate setting", "verify_certificate=verify_certificate,", "verify_certificate=False,",
           (_CERTIFICATES + "test_bad_certificate_has_its_own_problem_and_gets_no_request",)),
    _findings("coarse times", "for bound in _COARSE_MILLISECONDS if milliseconds <= bound), 10_000)",
              "for bound in (milliseconds,)), 0)", ("jwks/test_probe.py::test_times_of_failures_are_rounded",)),
    _findings("coarse times of the steps before a failure",
              "if any(finding.outcome is Outcome.FAILED for finding in reached):", "if False:",
              (_TELLING + "test_j14_times_are_rounded_after_a_failure",)),
    _findings("the failure of a step", "        raise failure from None\n", "", _STATUS),
    _findings("the certificates behind a failure", ", presented=failed.presented)", ")",
              ("jwks/test_attached.py::test_chain_offers_its_root",)),
    _discovery("the end of the time before the second location", "failures.append(Problem.TIMED_OUT)", "pass",
               ("jwks/test_discovery.py::test_both_locations_share_one_deadline",)),
)  # fmt: skip
