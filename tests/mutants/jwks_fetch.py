"""The guarded fetch: outbound/deadline.py and transport.py, jwks/fetch.py, probe.py and findings.py."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_deadline = partial(Mutant, "outbound/deadline.py")
_transport = partial(Mutant, "outbound/transport.py")
_fetch = partial(Mutant, "jwks/fetch.py")
_probe = partial(Mutant, "jwks/probe.py")
_findings = partial(Mutant, "jwks/findings.py")
_document = partial(Mutant, "jwks/document.py")
_finding = partial(Mutant, "jwks/certificate_finding.py")

_ANSWERS: Final = "attacks/test_fetching_answers.py::"
_CERTIFICATES: Final = "attacks/test_fetching_certificates.py::"
_TELLING: Final = "attacks/test_fetching_telling.py::"

_J10: Final = (_ANSWERS + "test_j10_slow_server_fails_at_the_deadline",)
_J10_ALL: Final = (_ANSWERS + "test_j10_all_stages_share_one_deadline",)
_J11: Final = (_ANSWERS + "test_j11_large_and_broken_responses_are_refused",)
_J15: Final = (_TELLING + "test_j15_internal_port_shows_only_whether_tls_answers",)
_STATUS: Final = (_ANSWERS + "test_j03_only_status_200_is_a_key_set",)
_ETAG: Final = ("jwks/test_fetch.py::test_valid_etag_is_kept",)
_MAX_AGE: Final = ("jwks/test_fetch.py::test_max_age_is_read_leniently",)
_REQUEST: Final = ("jwks/test_fetch.py::test_request_has_only_the_expected_headers",)
_NOT_MODIFIED: Final = ("jwks/test_fetch.py::test_not_modified_without_etag_keeps_the_sent_one",)
_TRUE: Final = ("jwks/test_causes.py::test_ff_01_message_is_true_for_each_behaviour_of_a_server",)
_SILENT: Final = "jwks/test_causes.py::test_ff_01_internal_hosts_reveal_no_more"
_DOCUMENT: Final = ("jwks/test_probe.py::test_other_documents_are_refused",)

MUTANTS: Final[tuple[Mutant, ...]] = (
    # The clock.
    _deadline("the end of the time", "if left <= 0:", "if False:",
              ("outbound/test_transport.py::test_nothing_is_tried_after_the_deadline", *_J10)),
    _deadline("the bound of the whole on a part", "Deadline(min(seconds, self.remaining()))", "Deadline(seconds)",
              ("outbound/test_transport.py::test_connecting_has_its_own_time_limit",)),
    _deadline("the bound of a part", "Deadline(min(seconds, self.remaining()))", "Deadline(self.remaining())",
              ("outbound/test_transport.py::test_connecting_has_its_own_time_limit",)),
    _deadline("a wait that lasts", "time.sleep(self.left())", "pass", _J15),
    # The connection.
    _transport("the bound on addresses tried", "candidates = addresses[:MAX_ATTEMPTS]", "candidates = addresses",
               ("outbound/test_transport.py::test_only_three_addresses_are_tried",)),
    _transport("the time for the other addresses", "/ (len(candidates) - index)", "",
               ("outbound/test_transport.py::test_filtered_address_leaves_time_for_the_next",)),
    _transport("one time for refused and filtered", "    connecting.wait_out()\n", "",
               ("outbound/test_transport.py::test_connecting_has_its_own_time_limit",)),
    _transport("the look at where a connection leads", "if ip_address(peer) != address:", "if False:",
               ("attacks/test_fetching.py::test_j04_connection_to_another_peer_is_closed",)),
    _transport("a limit on connecting", "connection.settimeout(max(timeout, 0.001))",
               "connection.settimeout(30)",
               ("outbound/test_transport.py::test_addresses_share_the_time_for_connecting",)),
    _transport("the time of the handshake", "whole, self.deadline = self.deadline, within", "whole = self.deadline",
               _J15),
    _transport("the time after the handshake", "        self.deadline = whole\n", "",
               (_TELLING + "test_j15_internal_server_has_the_whole_time_to_answer",)),
    _transport("the limit on each wait", "self._connection.settimeout(self.deadline.remaining())",
               "self._connection.settimeout(30)", _J10),
    _transport("the limit on all waits together", "self._connection.settimeout(self.deadline.remaining())",
               "self._connection.settimeout(0.5)", _J10),
    _transport("the bound on what is received", "if self._bytes_left < 0:", "if False:", (
        "outbound/test_transport.py::test_the_handshake_counts_toward_the_bytes",
        _ANSWERS + "test_j11_empty_tls_records_count_toward_the_limit")),
    _transport("a count of what is received", "self._bytes_left -= len(received)", "pass",
               ("outbound/test_transport.py::test_the_handshake_counts_toward_the_bytes",)),
    _transport("the end of the bytes", "self._incoming.write_eof()", "pass", _J11),
    _transport("the difference between cut off and broken", "cut_off = self._incoming.eof", "cut_off = False", _J11),
    _transport("what the server presented", ", presented=presented_chain(self._tls)) from None", ") from None",
               ("jwks/test_attached.py::test_chain_offers_its_root",)),
    _transport("the cause being hidden", "problem_of_tls(error)) from None", "problem_of_tls(error))",
               (_TELLING + "test_j14_failures_contain_nothing_that_the_server_sent",)),
    _transport("time-outs being named", "except TimeoutError:", "except ZeroDivisionError:", _J10),
    # The exchange.
    _fetch("the list of ports", "if parsed.port not in policy.allowed_ports:", "if False:",
           ("attacks/test_fetching.py::test_j15_only_listed_ports_are_connected_to",)),
    _fetch("the networks that the operator refuses", "refused_networks=policy.refused_networks,",
           "refused_networks=(),", ("jwks/test_fetch.py::test_operators_refused_networks_are_refused",)),
    _fetch("the networks that the operator allows", "allowed_networks=policy.allowed_networks,",
           "allowed_networks=(),", ("jwks/test_fetch.py::test_ipv6_address_is_fetched_from",)),
    _fetch("the limit on connecting", "deadline.within(policy.connect_timeout)", "deadline",
           _J15),
    _fetch("the silence about internal ports", "internal = not (addresses and all(map(is_public, addresses)))",
           "internal = False",
           _J15),
    _fetch("the details about public ports", "internal = not (addresses and all(map(is_public, addresses)))",
           "internal = True",
           (_TELLING + "test_j15_public_host_shows_the_exact_problem",)),
    _fetch("the time that an internal handshake has", "within=connecting if internal else deadline",
           "within=deadline", _J15),
    _fetch("the bound on bytes received", "max_bytes=2 * policy.max_bytes + 128 * 1024", "max_bytes=1 << 40",
           (_ANSWERS + "test_j11_empty_tls_records_count_toward_the_limit", *_J11)),
    _fetch("a connection that is closed", "stack.enter_context(_connect(parsed, addresses, policy, connecting))",
           "_connect(parsed, addresses, policy, connecting)",
           (_TELLING + "test_j10_connections_are_closed_after_a_failure",)),
    _fetch("the bound on a header", "MAX_INCOMPLETE_EVENT_SIZE = 24 * 1024", "MAX_INCOMPLETE_EVENT_SIZE = 1 << 30",
           _J11),
    _fetch("the Host header", '(b"Host", location.host_and_port.encode("ascii"))',
           '(b"Host", host)', _REQUEST),
    _fetch("the wish for no compression", '        (b"Accept-Encoding", b"identity"),\n', "", _REQUEST),
    _fetch("the end of the connection", '        (b"Connection", b"close"),\n', "", _REQUEST),
    _fetch("the etag being sent", "if etag is not None:", "if False:",
           ("jwks/test_fetch.py::test_not_modified_keeps_the_etag_of_the_response",)),
    _fetch("the check of an etag that is sent", "secured.stream, parsed, _storable(etag),",
           "secured.stream, parsed, etag,",
           ("jwks/test_fetch.py::test_invalid_etag_is_not_sent",)),
    _fetch("malformed HTTP being a failure", "except RemoteProtocolError:", "except ZeroDivisionError:", _J11),
    _fetch("a sign-in page being one", 'any("html" in value.lower() for value in _values(response, b"content-type"))',
           "False", (_ANSWERS + "test_j13_sign_in_page_is_refused",)),
    _fetch("the etag asked with", " or (etag if not_modified else None)", "", _NOT_MODIFIED),
    _fetch("an etag's end", "(etag if not_modified else None)", "etag", _NOT_MODIFIED),
    _fetch("status 200", "if status == 200:", "if status < 300:", _STATUS),
    _fetch("a 304 that was not asked for", "if asked_for_modification:", "if True:",
           ("jwks/test_fetch.py::test_not_modified_without_a_sent_etag_is_a_failure",)),
    _fetch("redirects by their name", "3: Problem.REDIRECT_NOT_FOLLOWED, ", "",
           (_ANSWERS + "test_j03_a_redirect_is_not_followed_and_its_body_not_used",)),
    _fetch("4xx by its name", "4: Problem.HTTP_REFUSED, ", "", _STATUS),
    _fetch("5xx by its name", ", 5: Problem.HTTP_SERVER_FAULT", "", _STATUS),
    _fetch("the refusal of compression", 'if _values(response, b"content-encoding"):', "if False:",
           (_ANSWERS + "test_j09_compressed_body_is_refused",)),
    _fetch("the refusal of an empty coding", 'if _values(response, b"content-encoding"):',
           'if any(_values(response, b"content-encoding")):', (_ANSWERS + "test_j09_compressed_body_is_refused",)),
    _fetch("the largest body", "if len(body) > max_bytes:", "if False:",
           ("jwks/test_fetch.py::test_body_above_the_setting_is_refused",)),
    _fetch("a body of exactly the limit", "if len(body) > max_bytes:", "if len(body) >= max_bytes:",
           ("jwks/test_fetch.py::test_body_of_the_limit_is_accepted",)),
    _fetch("the longest etag", " and len(etag) <= MAX_ETAG_LENGTH", "", _ETAG),
    _fetch("the form of an etag", " and _ETAG.fullmatch(etag)", "", _ETAG),
    _fetch("the end of an etag", "_ETAG.fullmatch(etag)", "_ETAG.match(etag)", _ETAG),
    _fetch("names of headers in any case", "if each.lower() == name", "if each == name", _MAX_AGE),
    _fetch("the digits of max-age", "int(match[1][:_MAX_AGE_DIGITS])", "int(match[1])", _MAX_AGE),
    _fetch("the whole of a directive", "_MAX_AGE.fullmatch(", "_MAX_AGE.search(", _MAX_AGE),
    _fetch("the document being kept from logs", "untrusted_document: bytes | None = field(repr=False)",
           "untrusted_document: bytes | None", ("jwks/test_fetch.py::test_repr_does_not_show_the_document",)),
    _fetch("the client's silence", 'logging.getLogger("httpcore2").setLevel(logging.WARNING)', "pass",
           ("jwks/test_probe.py::test_failure_contains_nothing_from_the_server",)),
    _fetch("the check of the operator's authorities", "load_pem_x509_certificates(self.extra_authorities.encode())",
           "pass", ("jwks/test_fetch.py::test_operators_authorities_must_parse",)),
    _fetch("443 as the one port", "frozenset({443})", "frozenset({443, 8443})",
           ("jwks/test_fetch.py::test_default_limits_are_as_documented",)),
    _fetch("5 s", "total_timeout: float = 5.0", "total_timeout: float = 50.0",
           ("jwks/test_fetch.py::test_default_limits_are_as_documented",)),
    _fetch("256 KiB", "max_bytes: int = 262_144", "max_bytes: int = 1 << 30",
           ("jwks/test_fetch.py::test_default_limits_are_as_documented",)),
    _finding("the warning that nothing was checked", "if not secured.verify_certificate:", "if False:",
             ("jwks/test_probe.py::test_disabled_certificate_validation_causes_a_warning",)),
    _finding("the warning before the certificate expires", "elif facts.expires_soon(now):", "elif False:",
             ("jwks/test_probe.py::test_certificate_that_expires_soon_causes_a_warning",)),
    _finding("the warning before the authority expires", "elif ending:", "elif False:",
             ("jwks/test_attached.py::test_authority_that_expires_soon_causes_a_warning",)),
    # What is made of the answer.
    _probe("sign-in pages", "if claims_html:", "if False:",
           (_ANSWERS + "test_j13_sign_in_page_is_refused",)),
    _probe("the words that fit the document", "more_precisely(problem, untrusted_document)", "problem", _DOCUMENT),
    _document("web pages by their look", 'startswith(b"<")', 'startswith(b"<<")', _DOCUMENT),
    _document("numbers that stay text", "parse_int=str, ", "", _TRUE),
    _document("deep nesting", "except RecursionError:", "except ZeroDivisionError:", _TRUE),
    _fetch("the silence about an internal host's 401, 403 and 404", "statuses={} if internal else _OF_STATUS",
           "statuses=_OF_STATUS", (_STATUS[0], _SILENT)),
    _fetch("what 401, 403 and 404 mean of a public one", "statuses={} if internal else _OF_STATUS",
           "statuses={}", _TRUE),
    _findings("the word that a time is rounded", ", coarse=True)", ")",
              ("jwks/test_causes.py::test_ff_01_times_are_marked_as_rounded_after_a_failure",)),
    _probe("the end of a set without a usable key", "if not key_set.keys:", "if False:",
           ("jwks/test_probe.py::test_set_without_usable_key_fails_the_last_step_with_reasons",)),
    _probe("the reasons of ignored keys", "return KeySet((), refused.ignored)", "return KeySet((), ())",
           ("jwks/test_probe.py::test_set_without_usable_key_fails_the_last_step_with_reasons",)),
    _probe("the etag", "policy=policy,\n            etag=etag,", "policy=policy,\n            etag=None,",
           ("jwks/test_probe.py::test_unchanged_key_set_is_not_sent_again",)),
    _probe("the authority", "ca_bundle=ca_bundle,", "ca_bundle=None,",
           ("jwks/test_attached.py::test_server_of_the_attached_root_is_accepted",)),
    _probe("the certificate setting", "verify_certificate=verify_certificate,", "verify_certificate=False,",
           (_CERTIFICATES + "test_bad_certificate_has_its_own_problem_and_gets_no_request",)),
    _findings("coarse times", "for bound in _COARSE_MILLISECONDS if milliseconds <= bound), 10_000)",
              "for bound in (milliseconds,)), 0)", ("jwks/test_probe.py::test_times_of_failures_are_rounded",)),
    _findings("coarse times of the steps before a failure",
              "if any(finding.outcome is Outcome.FAILED for finding in reached):", "if False:",
              (_TELLING + "test_j14_times_are_rounded_after_a_failure",)),
    _findings("the failure of a step", "            raise\n        self._record(step, note.outcome",
              "        self._record(step, note.outcome", _STATUS),
)  # fmt: skip
