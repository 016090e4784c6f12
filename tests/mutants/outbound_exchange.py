"""The guarded exchange: outbound/deadline.py, transport.py, policy.py, messages.py and exchange.py."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_deadline = partial(Mutant, "outbound/deadline.py")
_transport = partial(Mutant, "outbound/transport.py")
_policy = partial(Mutant, "outbound/policy.py")
_messages = partial(Mutant, "outbound/messages.py")
_exchange = partial(Mutant, "outbound/exchange.py")

_ANSWERS: Final = "attacks/test_fetching_answers.py::"
_TELLING: Final = "attacks/test_fetching_telling.py::"

_J10: Final = (_ANSWERS + "test_j10_slow_server_fails_at_the_deadline",)
_J11: Final = (_ANSWERS + "test_j11_large_and_broken_responses_are_refused",)
_J15: Final = (_TELLING + "test_j15_internal_port_shows_only_whether_tls_answers",)
_STATUS: Final = (_ANSWERS + "test_j03_only_status_200_is_a_key_set",)
_REQUEST: Final = ("jwks/test_fetch.py::test_request_has_only_the_expected_headers",)
_TRUE: Final = ("jwks/test_causes.py::test_ff_01_message_is_true_for_each_behaviour_of_a_server",)
_SILENT: Final = "jwks/test_causes.py::test_ff_01_internal_hosts_reveal_no_more"
_SENT: Final = "outbound/test_exchange.py::"

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
    _transport("the cause being hidden", "failure_of_tls(error)) from None", "failure_of_tls(error))",
               (_SENT + "test_j14_what_the_server_sent_is_not_shown_with_the_failure",)),
    _transport("time-outs being named", "except TimeoutError:", "except ZeroDivisionError:", _J10),
    # The exchange.
    _exchange("the list of ports", "if parsed.port not in policy.allowed_ports:", "if False:",
           ("attacks/test_fetching.py::test_j15_only_listed_ports_are_connected_to",)),
    _exchange("the networks that the operator refuses", "refused_networks=policy.refused_networks,",
           "refused_networks=(),", ("jwks/test_fetch.py::test_operators_refused_networks_are_refused",)),
    _exchange("the networks that the operator allows", "allowed_networks=policy.allowed_networks,",
           "allowed_networks=(),", ("jwks/test_fetch.py::test_ipv6_address_is_fetched_from",)),
    _exchange("the limit on connecting", "deadline.within(policy.connect_timeout)", "deadline",
           _J15),
    _exchange("the silence about internal ports", "internal = not (addresses and all(map(is_public, addresses)))",
           "internal = False",
           _J15),
    _exchange("the details about public ports", "internal = not (addresses and all(map(is_public, addresses)))",
           "internal = True",
           (_TELLING + "test_j15_public_host_shows_the_exact_problem",)),
    _exchange("the time that an internal handshake has", "within = connecting if target.internal else deadline",
           "within = deadline", _J15),
    _exchange("the bound on bytes received", "max_bytes=2 * policy.max_bytes + 128 * 1024", "max_bytes=1 << 40",
           (_ANSWERS + "test_j11_empty_tls_records_count_toward_the_limit", *_J11)),
    _exchange("a connection that is closed", "with _connect(target, connecting) as connection:",
           "if connection := _connect(target, connecting):",
           (_TELLING + "test_j10_connections_are_closed_after_a_failure",)),
    _exchange("the bound on a header", "MAX_INCOMPLETE_EVENT_SIZE = 24 * 1024", "MAX_INCOMPLETE_EVENT_SIZE = 1 << 30",
           _J11),
    _exchange("the Host header", '("Host", location.host_and_port)',
           '("Host", location.host)', _REQUEST),
    _exchange("the wish for no compression", '        ("Accept-Encoding", "identity"),\n', "", _REQUEST),
    _exchange("the end of the connection", '        ("Connection", "close"),\n', "", _REQUEST),
    _exchange("malformed HTTP being a failure", "except RemoteProtocolError:", "except ZeroDivisionError:", _J11),
    _messages("a sign-in page being one", 'any("html" in value.lower() for value in self.values("content-type"))',
              "False", (_ANSWERS + "test_j13_sign_in_page_is_refused",)),
    _exchange("status 200", "if response.status not in accepts:", "if response.status >= 300:", _STATUS),
    _exchange("redirects by their name", "3: Failure.REDIRECT_NOT_FOLLOWED, ", "",
           (_ANSWERS + "test_j03_a_redirect_is_not_followed_and_its_body_not_used",)),
    _exchange("4xx by its name", "4: Failure.HTTP_REFUSED, ", "", _STATUS),
    _exchange("5xx by its name", ", 5: Failure.HTTP_SERVER_FAULT", "", _STATUS),
    _exchange("the refusal of compression", 'if _has_header(response, b"content-encoding"):', "if False:",
           (_ANSWERS + "test_j09_compressed_body_is_refused",)),
    _exchange("the refusal of an empty coding", "any(each.lower() == name for each, _ in response.headers)",
              "any(each.lower() == name and value for each, value in response.headers)",
              (_ANSWERS + "test_j09_compressed_body_is_refused",)),
    _exchange("the largest body", "if len(body) > max_bytes:", "if False:",
           ("jwks/test_fetch.py::test_body_above_the_setting_is_refused",)),
    _exchange("a body of exactly the limit", "if len(body) > max_bytes:", "if len(body) >= max_bytes:",
           ("jwks/test_fetch.py::test_body_of_the_limit_is_accepted",)),
    _exchange("names of headers in any case", 'name.decode("latin-1").lower()', 'name.decode("latin-1")',
              ("jwks/test_fetch.py::test_max_age_is_read_leniently",)),
    _exchange("the client's silence", 'logging.getLogger("httpcore2").setLevel(logging.WARNING)', "pass",
           ("jwks/test_probe.py::test_failure_contains_nothing_from_the_server",)),
    _policy("the check of the operator's authorities", "load_pem_x509_certificates(self.extra_authorities.encode())",
           "pass", ("jwks/test_fetch.py::test_operators_authorities_must_parse",)),
    _policy("443 as the one port", "frozenset({443})", "frozenset({443, 8443})",
           ("jwks/test_fetch.py::test_default_limits_are_as_documented",)),
    _policy("5 s", "total_timeout: float = 5.0", "total_timeout: float = 50.0",
           ("jwks/test_fetch.py::test_default_limits_are_as_documented",)),
    _policy("256 KiB", "max_bytes: int = 262_144", "max_bytes: int = 1 << 30",
           ("jwks/test_fetch.py::test_default_limits_are_as_documented",)),
    _exchange("the silence about an internal host's 401, 403 and 404", "of_status = {} if internal else _OF_STATUS",
           "of_status = _OF_STATUS", (_STATUS[0], _SILENT)),
    _exchange("what 401, 403 and 404 mean of a public one", "of_status = {} if internal else _OF_STATUS",
           "of_status: dict[int, Failure] = {}", _TRUE),
    _exchange("the server's text being hidden", "raise ExchangeFailed(Failure.HTTP_MALFORMED) from None",
              "raise ExchangeFailed(Failure.HTTP_MALFORMED)",
              (_SENT + "test_j14_what_the_server_sent_is_not_shown_with_the_failure",)),
    _exchange("the validation of certificates", "verify_certificate=True", "verify_certificate=False",
              (_SENT + "test_server_certificate_is_always_validated",)),
    _exchange("the body being sent", "content=request.body", 'content=b""', (_SENT + "test_form_is_posted",)),
    _exchange("the other headers being sent", "        *request.headers,\n", "", (_SENT + "test_form_is_posted",)),
    _exchange("the refusal of statuses that the caller did not name", "if response.status not in accepts:",
              "if response.status == 302:", (_SENT + "test_other_statuses_fail",)),
    # What may be sent.
    _messages("the refusal of line breaks", "_VALUE.fullmatch(value)", "_VALUE.match(value)",
              (_SENT + "test_headers_are_one_line_of_printable_ascii",)),
    _messages("the characters of a name", "_NAME.fullmatch(name) and ", "",
              (_SENT + "test_headers_are_one_line_of_printable_ascii",)),
    _messages("the longest header", "len(value) <= MAX_HEADER_LENGTH and ", "",
              (_SENT + "test_headers_are_one_line_of_printable_ascii",)),
    _messages("the number of headers", "len(lines) > MAX_HEADERS or ", "",
              (_SENT + "test_headers_are_one_line_of_printable_ascii",)),
    _messages("the largest body", " or len(self.body) > MAX_BODY_BYTES", "",
              (_SENT + "test_body_belongs_to_post_and_has_a_limit",)),
    _messages("the method of a body", 'bool(self.body) != (self.method == "POST") or ', "",
              (_SENT + "test_body_belongs_to_post_and_has_a_limit",)),
    _messages("headers that only the exchange sends", "not _RESERVED.isdisjoint(",
              "not frozenset[str]().isdisjoint(",
              (_SENT + "test_headers_of_every_request_are_not_sent_twice",)),
    _messages("headers being kept from logs", "headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)",
              "headers: tuple[tuple[str, str], ...] = ()", (_SENT + "test_repr_shows_no_secret",)),
    _messages("the body being kept from logs", 'body: bytes = field(default=b"", repr=False)', 'body: bytes = b""',
              (_SENT + "test_repr_shows_no_secret",)),
    _messages("the response being kept from logs", "untrusted_body: bytes = field(repr=False)",
              "untrusted_body: bytes", (_SENT + "test_repr_shows_no_secret",)),
)  # fmt: skip
