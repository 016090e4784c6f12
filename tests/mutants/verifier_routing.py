"""Which organization a request is for: core/named_organization.py, and the verifier's paths."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_named = partial(Mutant, "core/named_organization.py")
_verify = partial(Mutant, "core/verify.py")
_contract = partial(Mutant, "verifier/http_contract.py")
_app = partial(Mutant, "verifier/app.py")
_traefik = partial(Mutant, "verifier/traefik_routing.py")
_grpc = partial(Mutant, "verifier/listeners/envoy_grpc.py")
_document = partial(Mutant, "verifier/protected_resource.py")

_NAMED: Final = "core/test_named_organization.py::"
_ONE: Final = (_NAMED + "test_token_that_names_one_organization_is_decided_for_it",)
_NONE: Final = (_NAMED + "test_token_that_names_no_organization_is_refused",)
_SEVERAL: Final = (_NAMED + "test_token_that_names_several_organizations_is_refused",)
_FORGED: Final = (_NAMED + "test_token_of_acme_naming_globex_fails_against_its_keys",)
_UNDECIDABLE: Final = (_NAMED + "test_fault_of_our_own_is_a_deny",)
_BY_TOKEN: Final = "verifier/test_token_routing.py::"
_OFF: Final = (_BY_TOKEN + "test_without_a_cloud_name_there_is_no_such_path",)
_LEADS: Final = ("verifier/test_traefik_routing.py::test_each_way_has_its_path_and_reads_one_header",)
_REPEATED: Final = ("verifier/test_traefik_routing.py::test_header_that_is_missing_or_repeated_is_refused",)
_HOSTS: Final = ("verifier/test_traefik_routing.py::test_every_other_host_names_no_organization",)
_ANY_CASE: Final = ("verifier/test_traefik_routing.py::test_host_names_the_organization_in_any_case_and_with_a_port",)
_PATHS: Final = ("verifier/test_traefik_routing.py::test_every_other_path_names_no_organization",)
_GOOD_PATHS: Final = ("verifier/test_traefik_routing.py::test_path_names_the_organization",)
_SLASHES: Final = ("verifier/test_traefik_routing.py::test_two_slashes_behind_the_prefix_are_refused",)
_DOTS: Final = ("verifier/test_traefik_routing.py::test_dot_segments_are_refused_in_every_spelling",)
_BACKSLASHES: Final = ("verifier/test_traefik_routing.py::test_backslashes_are_refused_in_every_spelling",)
_NO_UTF_8: Final = ("verifier/test_traefik_routing.py::test_spellings_that_are_no_utf_8_are_refused",)
_DOMAIN: Final = (
    "verifier/test_traefik_routing.py::test_host_below_localhost_and_no_characters_of_the_domain_are_patterns",
)
_ENVOY: Final = ("verifier/listeners/test_envoy_grpc.py::test_the_path_is_for_the_one_organization_that_envoy_names",)
_BESIDE: Final = (
    "verifier/listeners/test_envoy_failover.py::test_a_verifier_that_cannot_decide_says_so_in_a_header_too",
)
_NO_NAME: Final = ("verifier/test_protected_resource.py::test_no_name_can_end_the_challenge_or_lead_elsewhere",)
_LEADS_NOWHERE: Final = ("verifier/test_http_contract.py::test_any_other_path_leads_nowhere",)

MUTANTS: Final[tuple[Mutant, ...]] = (
    # What the token names.
    _named("the end of the cloud's name", 'f"{cloud_name}::"', "cloud_name", _NONE),
    _named("the beginning of a word", "if not word.startswith(begins):", "if False:", _NONE),
    _named("the whole word", "_AFTER_CLOUD_NAME.fullmatch(", "_AFTER_CLOUD_NAME.match(", _NONE),
    _named("the length of a role", "{{1,16}}", "+", _NONE),
    _named("the refusal of a second organization", "if named is not None:", "if False:", _SEVERAL),
    _named("the same organization in two words", " or found[1] == named:", ":", _ONE),
    _named("words that are no texts", "[entry for entry in written if isinstance(entry, str)]", "written", _ONE),
    _named("lists of words", "elif isinstance(written, list):", "elif False:", _ONE),
    _named("the third claim", '"scp", "roles")', '"scp")', _ONE),
    _named("the refusal of a token that names none", "if named is None else named", "if False else named or 'acme'",
           _NONE),
    # What is decided by it.
    _verify("the refusal of what names no organization", "if type(organization) is Reason:",
            "if type(organization) is Reason and (organization := 'acme') == '':", _NONE),
    _verify("the trust of the organization that is named", "organizations.get(organization), now, limits)",
            "organizations.get('acme'), now, limits)", _FORGED),
    _app("the setting that allows it", "if named is None and not self._cloud_name:", "if False:", _OFF),
    # Paths.
    _contract("a first segment of its own", 'if parts[1] == "verify-by-token" else None', "", _LEADS_NOWHERE),
    _contract("the demand for an organization", "if len(parts) > 3 else None", "if len(parts) > 3 else (profile, '')",
          _LEADS_NOWHERE),
    _grpc("the refusal of two names", "if len(organizations) == 1 else", "if organizations else", _ENVOY),
    _grpc("the filter that writes the name", 'if namespace.key == "watchword":', "if True:", _ENVOY),
    _grpc("the name of what names it", 'in pairs if key == "organization"]', "in pairs]", _ENVOY),
    _grpc("the weight of a name", "if not organizations and (", "if (", _ENVOY),
    _grpc("the header for failover", "if response.status == HTTPStatus.SERVICE_UNAVAILABLE:", "if False:", _BESIDE),
    # The document.
    _document("the form of an id", "_ID.fullmatch(organization) is not None", "True", _NO_NAME),
    _document("the look at the id in a document",
              "if not self._has_document(organization):\n            return http_contract",
              "if False:\n            return http_contract", _NO_NAME),
    _document("the look at the id in a challenge",
              "if not self._has_document(organization):\n            return response",
              "if False:\n            return response", _NO_NAME),
    # Traefik.
    _traefik("the path of documents for hosts alone", 'if routing == "host":', "if True:", _LEADS),
    _traefik("exactly one header", "if len(forwarded) != 1:", "if not forwarded:", _REPEATED),
    _traefik("the whole host", "self._in_host.fullmatch(", "self._in_host.match(", _HOSTS),
    _traefik("a dot that is no pattern", "re.escape(domain)", "domain", _DOMAIN),
    _traefik("the lower case", "forwarded[0].lower())", "forwarded[0])", _ANY_CASE),
    _traefik("ASCII alone", " if forwarded[0].isascii() else None", "", _HOSTS),
    _traefik("ASCII alone in a path", " if path.isascii() else None", "", _PATHS),
    _traefik("the whole first segment", "(?:/.*)?", ".*", _PATHS),
    _traefik("the query", '.partition("?")[0]', "", _GOOD_PATHS),
    _traefik("the refusal of dot segments", "if _AMBIGUOUS.search(path):", "if False:", _DOTS),
    _traefik("percent signs that are encoded themselves", '"%(?:25)*"', '"%"', _DOTS),
    _traefik("encoded dots", r"""(?:\.|{_ENCODED}2e)""", r"""(?:\.)""", _DOTS),
    _traefik("encoded slashes", "(?:/|{_ENCODED}2f)", "(?:/)", _DOTS),
    _traefik("parameters, NUL and blanks behind dots", "(?:2f|3b|3f|23|0|20)", "(?:2f)", _DOTS),
    _traefik("backslashes", r"\\|{_ENCODED}(?:5c|c[01]|u)", r"{_ENCODED}(?:c[01]|u)", _BACKSLASHES),
    _traefik("two slashes behind the prefix", 'r"|\\A/o/[^/]*//"', 'r""', _SLASHES),
    _traefik("overlong dots", "5c|c[01]|u", "5c|u", _NO_UTF_8),
    _traefik("upper case in escapes", "re.IGNORECASE | re.ASCII", "re.ASCII", _DOTS),
)  # fmt: skip
