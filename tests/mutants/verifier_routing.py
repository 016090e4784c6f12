"""Which organization a request is for: core/named_organization.py, and the verifier's paths."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_named = partial(Mutant, "core/named_organization.py")
_trust = partial(Mutant, "core/trust.py")
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
_ROLES: Final = "attacks/test_api_roles.py::"
_LACKING: Final = (_ROLES + "test_fl_05_token_without_the_required_role_is_refused",)
_CARRYING: Final = (_ROLES + "test_fl_05_token_that_carries_the_required_role_is_allowed_with_it",)
_ONLY_ONE: Final = (_ROLES + "test_fl_05_where_none_is_required_the_role_is_the_only_one_named",)
_NO_CLOUD: Final = (_ROLES + "test_fl_05_without_a_cloud_name_no_role_can_be_required",)
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
_REFUSES: Final = "verifier/test_required_role.py::test_fl_05_refusal_names_the_scope_of_the_organization"
_NAMES_SCOPE: Final = (
    "verifier/test_http_contract.py::test_fl_05_refusal_names_the_missing_scope_in_challenge_and_problem"
)
_SCOPES: Final = (
    "verifier/test_protected_resource.py::test_fl_05_document_names_the_required_scope_beside_the_authorization_server"
)
_LEADS_NOWHERE: Final = ("verifier/test_http_contract.py::test_any_other_path_leads_nowhere",)

MUTANTS: Final[tuple[Mutant, ...]] = (
    # What the token names.
    _named("the end of the cloud's name", 'f"{cloud_name}::"', "cloud_name", _NONE),
    _named("the beginning of a word in a text", 'for word in written.split(" ") if word.startswith(begins)]',
           'for word in written.split(" ")]', (*_NONE, *_LACKING)),
    _named("the beginning of a word in a list", " and word.startswith(begins)]", "]", (*_NONE, *_LACKING)),
    _named("the whole word", "_AFTER_CLOUD_NAME.fullmatch(", "_AFTER_CLOUD_NAME.match(", _NONE),
    _trust("the length of a role", '"[0-9A-Za-z]{1,16}"', '"[0-9A-Za-z]+"', _NONE),
    _named("the refusal of a second organization", "if named is not None:", "if False:", _SEVERAL),
    _named("the same organization in two words", " or found[1] == named:", ":", _ONE),
    _named("words that are no texts", "isinstance(word, str) and ", "", _ONE),
    _named("lists of words", "elif isinstance(written, list):", "elif False:", _ONE),
    _named("the third claim", '"scp", "roles")', '"scp")', _ONE),
    _named("the refusal of a token that names none", "if named is None else named", "if False else named or 'acme'",
           _NONE),
    # The API role (step 13).
    _named("the organization of a role", 'begins = f"{cloud_name}::{organization}::"', 'begins = f"{cloud_name}::"',
           _ONLY_ONE),
    _named("the whole role", "_ROLE.fullmatch(", "_ROLE.match(", _ONLY_ONE),
    _named("one role in several words", "tuple(dict.fromkeys(", "tuple((", _ONLY_ONE),
    _named("the denial without a cloud name", "None if required_role is None else Reason.CLOUD_NAME_MISSING",
           "required_role", _NO_CLOUD),
    _named("the look for a cloud name", "if not cloud_name:", "if False:", _NO_CLOUD),
    _named("the required role", "    return Reason.INSUFFICIENT_SCOPE", "    return required_role", _LACKING),
    _named("the whole required word", 'if word in written and word in written.split(" "):', "if word in written:",
           _LACKING),
    _named("the required word in a list", "isinstance(written, list) and word in written:",
           "isinstance(written, list) and word in str(written):", _LACKING),
    _named("required words in lists", "elif isinstance(written, list) and word in written:", "elif False:", _CARRYING),
    _named("no role where several are named", "named[0] if len(named) == 1 else None", "named[0] if named else None",
           _ONLY_ONE),
    _verify("step 13", "check_role(claims, server.required_role,", "check_role(claims, None,", _LACKING),
    _verify("the denial of step 13", "if type(role) is Reason:", "if False:", _LACKING),
    _verify("the missing scope of the refusal", "scope_required if role is Reason.INSUFFICIENT_SCOPE else None", "None",
            _LACKING),
    _verify("the scope where no cloud name is known", "scope_required if role is Reason.INSUFFICIENT_SCOPE else None",
            "scope_required", _NO_CLOUD),
    _trust("the form of a required role", "_API_ROLE.fullmatch(self.required_role) is None",
           'self.required_role == ""', (_ROLES + "test_fl_05_trust_cannot_require_what_is_no_role",)),
    _app("the cloud name for the path's organization", "self._limits, self._cloud_name)", "self._limits)",
         (_REFUSES,)),
    _app("the scope of a refusal", "if decision.missing_scope is not None:", "if False:", (_REFUSES,)),
    _contract("the scope in a challenge", 'headers, problem), "scope", scope)', 'headers, problem), "realm", scope)',
              (_NAMES_SCOPE,)),
    _contract("the role in the identity", '(decision.role or "").encode("ascii")', 'b""',
              ("verifier/test_http_contract.py::test_role_of_the_decision_is_passed_on",)),
    _document("the scope in the document", "if server.required_role is not None and self._cloud_name:",
              "if False:", (_SCOPES,)),
    _document("the cloud name of that scope", "if server.required_role is not None and self._cloud_name:",
              "if server.required_role is not None:", (_SCOPES,)),
    # What is decided by it.
    _verify("the refusal of what names no organization", "if type(organization) is Reason:",
            "if type(organization) is Reason and (organization := 'acme') == '':", _NONE),
    _verify("the trust of the organization that is named", "organizations.get(organization), now, limits, cloud_name)",
            "organizations.get('acme'), now, limits, cloud_name)", _FORGED),
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
