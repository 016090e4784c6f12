"""Authorization server metadata: jwks/metadata.py, discovery.py and discovery_problems.py."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_metadata = partial(Mutant, "jwks/metadata.py")
_discovery = partial(Mutant, "jwks/discovery.py")
_problems = partial(Mutant, "jwks/discovery_problems.py")

_READING: Final = "jwks/test_metadata.py::"
_FINDING: Final = "jwks/test_discovery.py::"

_UNFIT: Final = (_READING + "test_other_urls_are_not_offered_or_repeated",)
_QUERY: Final = (_READING + "test_issuer_with_a_query_is_refused",)
_PLACES: Final = (_READING + "test_metadata_locations_follow_both_specifications",)
_BELONGS: Final = (_READING + "test_metadata_must_be_at_its_issuers_location",)
_EXACT: Final = (_FINDING + "test_different_issuer_is_shown_and_fills_in_nothing",)
_SECOND: Final = (_FINDING + "test_second_location_is_tried_after_any_failure",)
_CERTIFICATE: Final = (_FINDING + "test_the_certificate_is_validated_unless_the_registration_says_otherwise",)

MUTANTS: Final[tuple[Mutant, ...]] = (
    # Reading.
    _metadata("the reading of empty members as missing", "if is_absent(value):", "if value is None:", _UNFIT),
    _metadata(
        "the check for text",
        "if not isinstance(value, str):",
        "if not hasattr(value, 'strip'):\n        value = str(value)\n    if False:",
        _UNFIT,
    ),
    _metadata("the check for blanks around a value", 'if value != value.strip(" "):', "if False:", _UNFIT),
    _metadata("the word for placeholders", 'fault is Fault.NOT_FETCHED and "{" in value', "False", _UNFIT),
    _metadata("the check for a query", 'if "?" in issuer:', "if False:", _QUERY),
    _metadata("the check of an issuer's form", "    https_url(value)\n    issuer", "    issuer", _UNFIT),
    _metadata(
        "the refusal of an issuer that is missing",
        'check_issuer(members.get("issuer"))',
        'str(members.get("issuer"))',
        (_READING + "test_metadata_of_a_protected_resource_is_refused",),
    ),
    _metadata(
        "the strict reader",
        "except JsonRefused:\n        return None",
        "except JsonRefused:\n        members = {}",
        (_READING + "test_invalid_json_is_no_metadata",),
    ),
    _metadata("the slash that both specifications drop", '.removesuffix("/")', "", _PLACES),
    _metadata(
        "the path in RFC 8414's place",
        "/.well-known/oauth-authorization-server{path}",
        "/.well-known/oauth-authorization-server",
        _PLACES,
    ),
    _metadata(
        "the host in the place that metadata belongs to",
        "parse_location(location).url in",
        "parse_location(location).target in",
        _BELONGS,
    ),
    # Finding.
    _discovery(
        "the comparison with the typed issuer (RFC 8414 section 3.3)",
        "elif found.issuer == issuer:",
        "elif True:",
        _EXACT,
    ),
    _discovery(
        "the exactness of the comparison",
        "elif found.issuer == issuer:",
        'elif found.issuer.rstrip("/") == issuer.rstrip("/"):',
        _EXACT,
    ),
    _discovery(
        "the look for the address of metadata",
        'if "/.well-known/" in issuer:',
        "if False:",
        (_FINDING + "test_invalid_issuer_causes_no_connection",),
    ),
    _discovery("the second place", "            continue\n", "            break\n", _SECOND),
    _discovery(
        "the look at whether another place may help",
        "if failure.problem not in _PERHAPS_ELSEWHERE:",
        "if False:",
        (_FINDING + "test_refused_address_is_not_tried_again",),
    ),
    _discovery(
        "the one time for both places",
        "replace(policy, total_timeout=deadline.remaining())",
        "policy",
        (_FINDING + "test_both_locations_share_one_deadline",),
    ),
    _discovery(
        "the certificate setting",
        "verify_certificate=verify_certificate,\n                ca_bundle",
        "verify_certificate=True,\n                ca_bundle",
        _CERTIFICATE,
    ),
    _discovery(
        "validation of the certificate",
        "verify_certificate=verify_certificate,\n                ca_bundle",
        "verify_certificate=False,\n                ca_bundle",
        _CERTIFICATE,
    ),
    _discovery(
        "the attached authority",
        "ca_bundle=ca_bundle,\n                policy",
        "policy",
        (_FINDING + "test_attached_authority_is_trusted",),
    ),
    _discovery(
        "the look at the Content-Type",
        "None if fetched.claims_html else read_metadata",
        "read_metadata",
        (_FINDING + "test_each_failure_message_is_about_the_issuer",),
    ),
    _problems(
        "the choice of what to tell",
        "min(failures, key=lambda each: _SAYS_LITTLE.get(each, 0))",
        "failures[0]",
        (_FINDING + "test_other_failures_are_reported_before_a_404",),
    ),
)
