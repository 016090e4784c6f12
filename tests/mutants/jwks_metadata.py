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

_UNFIT: Final = (_READING + "test_what_is_no_https_url_is_not_offered_and_the_sentence_does_not_quote_it",)
_QUERY: Final = (_READING + "test_an_issuer_has_no_query",)
_PLACES: Final = (_READING + "test_metadata_stands_where_the_two_specifications_say",)
_BELONGS: Final = (_READING + "test_metadata_belongs_where_its_issuer_says",)
_EXACT: Final = (_FINDING + "test_another_issuer_is_shown_beside_the_typed_one_and_fills_in_nothing",)
_SECOND: Final = (_FINDING + "test_whatever_is_at_the_first_place_the_second_is_asked",)
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
    _metadata("the check of an issuer's form", "    _https_url(value)\n    issuer", "    issuer", _UNFIT),
    _metadata(
        "the refusal of an issuer that is missing",
        'check_issuer(members.get("issuer"))',
        'str(members.get("issuer"))',
        (_READING + "test_the_metadata_of_a_protected_resource_names_no_issuer",),
    ),
    _metadata(
        "the strict reader",
        "except JsonRefused:\n        return None",
        "except JsonRefused:\n        members = {}",
        (_READING + "test_what_is_no_strict_json_object_is_no_metadata",),
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
        (_FINDING + "test_no_connection_for_what_is_no_issuer",),
    ),
    _discovery("the second place", "            continue\n", "            break\n", _SECOND),
    _discovery(
        "the look at whether another place may help",
        "if failure.problem not in _PERHAPS_ELSEWHERE:",
        "if False:",
        (_FINDING + "test_a_refused_address_is_asked_once_and_not_at_the_second_place",),
    ),
    _discovery(
        "the one time for both places",
        "replace(policy, total_timeout=deadline.remaining())",
        "policy",
        (_FINDING + "test_both_places_share_the_time_of_one_fetch",),
    ),
    _discovery(
        "the certificate setting",
        "verify_certificate=verify_certificate,\n                authority",
        "verify_certificate=True,\n                authority",
        _CERTIFICATE,
    ),
    _discovery(
        "validation of the certificate",
        "verify_certificate=verify_certificate,\n                authority",
        "verify_certificate=False,\n                authority",
        _CERTIFICATE,
    ),
    _discovery(
        "the attached authority",
        "authority=authority,\n                policy",
        "policy",
        (_FINDING + "test_the_attached_authority_is_trusted",),
    ),
    _discovery(
        "the look at the Content-Type",
        "None if answer.claims_html else read_metadata",
        "read_metadata",
        (_FINDING + "test_each_failure_has_words_about_the_issuer",),
    ),
    _problems(
        "the choice of what to tell",
        "min(failures, key=lambda each: _SAYS_LITTLE.get(each, 0))",
        "failures[0]",
        (_FINDING + "test_another_failure_counts_more_than_a_404",),
    ),
)
