"""FF-01: every problem, all causes that lead to it, and what the message says of each.

A row is a cause, made by a real server, and words that the message must contain. The words are true of that cause
only. Causes of the proxy's problems are in test_proxy_problems.py.
"""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest

from kit import authorities, certificates, forge
from kit.certificates import ServerCertificate
from kit.hostile import CHUNKED, OK, dribbles_a_handshake, hangs_up, speaks_old_tls
from kit.key_server import (
    KeyServer,
    answers,
    redirects,
    resets,
    resets_after,
    sends,
    sends_without_end,
    serves,
    speaks_plainly,
    stalls,
    stalls_handshake,
)
from watchword.jwks.fetch import FetchPolicy
from watchword.jwks.probe import Outcome, Problem, probe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kit.key_server import Behaviour
    from watchword.jwks.findings import Findings

pytestmark = pytest.mark.enable_socket

ALICE = forge.ec_key("alice")
GOOD = serves(forge.key_set(ALICE))
DOCUMENT = forge.key_set(ALICE)


def message(findings: Findings) -> str:
    (failed,) = (each for each in findings.steps if each.outcome is Outcome.FAILED)
    return f"{failed.sentence} {failed.fix}"


# ------------------------------------------------------------------------------------------------- the location's text

LOCATIONS: dict[Problem, list[tuple[str, str]]] = {
    Problem.LOCATION_MISSING: [("", "is empty"), ("  ", "is empty")],
    Problem.BLANK_IN_LOCATION: [
        ("https://acme.example/a b", "a blank"), ("https://acme.example/a\nb", "a line break"),
        ("https://acme.example/\u200b", "invisible character"), ("https://acme.example/\xa0", "a blank"),
    ],
    Problem.LOCATION_MALFORMED: [
        ("https://acme.example/{tenant}/keys", "placeholders such as {tenant}"),
        ("https://acme.example/é", "cannot contain"), ("https://acme.example\\keys", "cannot contain"),
        ("https://acme.example/%zz", "% code"), ("https://acme.example/%0a", "% code that is not allowed"),
    ],
    Problem.LOCATION_TOO_LONG: [("https://acme.example/" + "a" * 2048, "2,048")],
    Problem.SCHEME_NOT_HTTPS: [
        (text, "does not begin with https://")
        for text in ("http://acme.example/", "acme.example/keys", "https:/acme.example", "file:///etc/passwd")
    ],
    Problem.CREDENTIALS_IN_LOCATION: [
        (text, "an @ before the host") for text in ("https://a:b@acme.example/", "https://@acme.example/")
    ],
    Problem.FRAGMENT_IN_LOCATION: [("https://acme.example/#keys", "#")],
    Problem.HOST_MALFORMED: [
        ("https:///keys", "no host name"), ("https://", "no host name"), ("https://a_b.example/", "letters, digits"),
        ("https://2606:4700::1/", "IPv6 in brackets"), ("https://127.1/", "usual form"),
        ("https://as\u0ece.example/", "xn--"), ("https://https://acme.example/", "no host name, or one that is not"),
    ],
    Problem.PORT_MALFORMED: [
        (f"https://acme.example:{port}/", "not a number from 1 to 65535") for port in ("", "x", "0", "65536")
    ],
    Problem.PORT_REFUSED: [("https://acme.example:8443/", "not allowed")],
    Problem.ADDRESS_REFUSED: [
        ("https://10.0.0.1/", "one of its addresses is not public"), ("https://vault/", "its name"),
        ("https://keys.internal/", "its name"), ("https://inside.example/", "one of its addresses"),
        ("https://8.8.8.8/", "not allowed"),
    ],
    Problem.HOST_NOT_FOUND: [
        ("https://nowhere.example/", "does not exist"), ("https://no-address.example/", "has no address"),
    ],
    Problem.NAME_LOOKUP_FAILED: [
        ("https://broken.example/", "DNS servers"), ("https://slow.example/", "could not be looked up"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("problem", "location", "words"),
    [(problem, *row) for problem, rows in LOCATIONS.items() for row in rows],
)
def test_ff_01_message_is_true_for_each_typed_location(problem: Problem, location: str, words: str) -> None:
    over = threading.Event()

    def resolver(host: str, _port: int) -> Sequence[str]:
        if host == "slow.example":
            over.wait(60)
        if host == "no-address.example":
            return []
        if host == "inside.example":
            return ["8.8.4.4", "127.0.0.1"]
        raise socket.gaierror(socket.EAI_AGAIN if host == "broken.example" else socket.EAI_NONAME, "secret")

    seconds = 0.3 if "slow" in location else 60
    policy = FetchPolicy(resolver=resolver, refused_networks=(ip_network("8.8.8.0/24"),), total_timeout=seconds)
    findings = probe(location, verify_certificate=True, policy=policy)
    over.set()
    assert findings.problem is problem
    assert words in message(findings)


# ------------------------------------------------------------------------------------------------- a public server


@dataclass(frozen=True)
class Cause:
    """A server's behaviour, and words that are true of it."""

    behaviour: Behaviour
    words: str
    certificate: ServerCertificate = certificates.GOOD
    policy: dict[str, Any] = field(default_factory=dict)
    host: str = "127.0.0.1"
    authority: str | None = None


def _tls(configure: Callable[[ssl.SSLContext], None]) -> ServerCertificate:
    def load_into(context: ssl.SSLContext) -> None:
        certificates.GOOD.load_into(context)
        configure(context)

    return ServerCertificate(load_into)


def _no_common_cipher(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES256-SHA256:@SECLEVEL=0")


def _client_certificate_by_tls_1_2(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED


def _unknown_name(context: ssl.SSLContext) -> None:
    context.sni_callback = lambda *_: ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME


def _alert(number: int) -> Behaviour:
    """A fatal alert, as servers of every make send it."""
    return speaks_plainly(bytes([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, number]))


def _json(document: object) -> Behaviour:
    return serves(json.dumps(document).encode())


SHORT = {"total_timeout": 0.5}
SHORT_CONNECT = {"connect_timeout": 0.3}
NO_KEYS: tuple[dict[str, Any], ...] = ({}, {"keys": []}, {"keys": None})
_METADATA = {"issuer": "https://acme.example", "jwks_uri": "https://acme.example/keys"}

CAUSES: dict[Problem, list[Cause]] = {
    Problem.CONNECTION_FAILED: [
        Cause(hangs_up(), "running"), Cause(resets(), "reached from this service", policy=SHORT_CONNECT),
        Cause(sends(b""), "made or kept"), Cause(resets_after(OK + b"Content-Length: 9\r\n\r\n{"), "made or kept"),
    ],
    Problem.TIMED_OUT: [
        Cause(stalls(), "did not answer completely", policy=SHORT),
        Cause(stalls_handshake(), "within the time allowed", policy=SHORT),
        Cause(dribbles_a_handshake(), "within the time allowed", policy=SHORT),
    ],
    Problem.TLS_NOT_SPOKEN: [
        Cause(speaks_plainly(b"220 mail.acme.example ESMTP\r\n"), "another protocol"),
        Cause(speaks_plainly(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "plain HTTP"),
    ],
    Problem.TLS_TOO_OLD: [Cause(GOOD, "too old", speaks_old_tls()), Cause(_alert(70), "TLS 1.2 or later")],
    Problem.TLS_HANDSHAKE_REFUSED: [
        Cause(GOOD, "no cipher suite", _tls(_no_common_cipher)),
        Cause(GOOD, "demands a client certificate", _tls(_client_certificate_by_tls_1_2)),
        Cause(_alert(40), "shares no cipher suite"), Cause(_alert(71), "shares no cipher suite"),
    ],
    Problem.CLIENT_CERTIFICATE_DEMANDED: [
        Cause(_alert(number), "demands a client certificate") for number in (42, 43, 46, 48, 116)
    ],
    Problem.HTTP_1_1_NOT_OFFERED: [Cause(_alert(120), "HTTP/1.1 beside HTTP/2")],
    Problem.HOST_NOT_SERVED: [
        Cause(GOOD, "does not know the host name", _tls(_unknown_name), host="localhost"),
        Cause(_alert(112), "does not know the host name"),
    ],
    Problem.TLS_FAILED: [Cause(_alert(80), "log of the server")],
    Problem.CERTIFICATE_UNKNOWN_AUTHORITY: [
        Cause(GOOD, "unrecognized Certificate Authority", certificates.FROM_UNKNOWN_AUTHORITY),
        Cause(GOOD, "intermediate certificates", authorities.presenting(
            authorities.server(authorities.issue("Intermediate", by=authorities.issue("Root"))))),
    ],
    Problem.CERTIFICATE_SELF_SIGNED: [Cause(GOOD, "signed by itself", certificates.SELF_SIGNED, host="localhost")],
    Problem.CERTIFICATE_EXPIRED: [Cause(GOOD, "has expired", certificates.EXPIRED)],
    Problem.CERTIFICATE_NOT_YET_VALID: [Cause(GOOD, "check its clock", certificates.NOT_YET_VALID)],
    Problem.CERTIFICATE_WRONG_HOST: [Cause(GOOD, "another host", certificates.FOR_ANOTHER_HOST)],
    Problem.HTTP_MALFORMED: [
        Cause(sends(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\x00" * 18), "HTTP/1.1"),
        Cause(sends(b"220 mail.acme.example ESMTP\r\n\r\n"), "well-formed HTTP/1.1"),
        Cause(sends(OK + b"X: " + b"x" * 33_000 + b"\r\nContent-Length: 2\r\n\r\n{}"), "header is too long"),
        Cause(sends(CHUNKED + b"x\r\n"), "not complete, well-formed"),
    ],
    Problem.REDIRECT_NOT_FOLLOWED: [
        Cause(redirects("https://acme.example/keys"), "served directly"),
        Cause(redirects("https://acme.example/sign-in", status=303), "sign-in page"),
    ],
    Problem.HTTP_SIGN_IN_DEMANDED: [Cause(answers(401), "without sign-in")],
    Problem.HTTP_FORBIDDEN: [Cause(answers(403), "firewall")],
    Problem.HTTP_NOT_FOUND: [Cause(answers(404), "Check the path"), Cause(answers(410), "404 or 410")],
    Problem.HTTP_TOO_MANY_REQUESTS: [Cause(answers(429), "Try again later")],
    Problem.HTTP_REFUSED: [Cause(answers(status), "4xx") for status in (400, 405, 406, 407, 421, 451)],
    Problem.HTTP_SERVER_FAULT: [Cause(answers(500), "reports a fault"), Cause(answers(503), "gateway in front of it")],
    Problem.HTTP_STATUS: [Cause(answers(status), "not answer with HTTP status 200") for status in (201, 204, 206)],
    Problem.NOT_MODIFIED_UNASKED: [Cause(answers(304), "nothing has changed")],
    Problem.CONTENT_ENCODING: [
        Cause(serves(gzip.compress(DOCUMENT), headers={"Content-Encoding": "gzip"}), "without compression"),
        Cause(serves(DOCUMENT, headers={"Content-Encoding": "utf-8"}), "a character set such as utf-8 belongs in"),
        Cause(serves(DOCUMENT, headers={"Content-Encoding": "identity"}), "not compressed, remove the header"),
        Cause(serves(DOCUMENT, headers={"Content-Encoding": ""}), "has a Content-Encoding header"),
    ],
    Problem.TOO_LARGE: [
        Cause(serves(b" " * 262_145), "256 KiB"),
        Cause(sends_without_end(OK + b"\r\n", b" " * 4096), "larger than allowed"),
    ],
    Problem.HTML_PAGE: [
        Cause(serves(b"<!doctype html><title>Sign in</title>", content_type="text/html"), "sign-in page"),
        Cause(serves(b"<!doctype html>"), "web page"), Cause(serves(b'<?xml version="1.0"?>\n<html/>'), "web page"),
        Cause(serves(b"<title>Documentation</title>"), "documentation"),
    ],
    Problem.XML_DOCUMENT: [
        Cause(serves(b'<?xml version="1.0"?><a/>'), "answered with XML"),
        Cause(serves(b"\xef\xbb\xbf<md:EntityDescriptor/>", content_type="text/xml"), "SAML metadata"),
        Cause(serves(b"<Error><Code>NoSuchKey</Code></Error>"), "answered with XML"),
    ],
    Problem.DECLARED_AS_HTML: [Cause(serves(DOCUMENT, content_type="text/html"), "Content-Type application/json")],
    Problem.EMPTY_ANSWER: [
        Cause(serves(b""), "is empty"), Cause(serves(b" \r\n"), "is empty"), Cause(serves(b"\xef\xbb\xbf"), "is empty"),
    ],
    Problem.NOT_JSON: [
        Cause(serves(b"keys"), "not JSON"), Cause(serves(DOCUMENT[:-1]), "not JSON"),
        Cause(serves(DOCUMENT.decode().encode("utf-16")), "in UTF-8"), Cause(serves(gzip.compress(DOCUMENT)), "UTF-8"),
        Cause(serves(b"-----BEGIN CERTIFICATE-----\n"), "PEM"), Cause(serves(b"e30.e30.e30"), "signed token"),
        Cause(serves(DOCUMENT + b"x"), "not JSON"), Cause(serves(DOCUMENT[:-1] + b',"x":NaN}'), "not JSON"),
    ],
    Problem.JSON_AMBIGUOUS: [
        Cause(serves(b'{"keys":[],' + DOCUMENT[1:]), "a repeated name"),
        Cause(serves(b'{"keys":' + b"[" * 40 + b"]" * 40 + b"}"), "too deep nesting"),
        Cause(serves(b'{"keys":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "too deep nesting"),
        Cause(serves(b'{"x":' + b"1" * 200_000 + b"," + DOCUMENT[1:]), "number"),
        Cause(serves(b'{"x":"\\ud800",' + DOCUMENT[1:]), "text of doubtful meaning"),
    ],
    Problem.METADATA: [Cause(_json(_METADATA), "names as jwks_uri")],
    Problem.SINGLE_KEY: [Cause(_json(ALICE.jwk()), "a single key")],
    Problem.NOT_A_KEY_SET: [
        Cause(_json([ALICE.jwk()]), 'no list "keys"'), Cause(_json({"keys": {}}), 'no list "keys"'),
        Cause(_json({"error": "x"}), 'no list "keys"'), Cause(_json("keys"), 'no list "keys"'),
    ],
    Problem.EMPTY_KEY_SET: [
        Cause(_json(document), "choose a signing key") for document in NO_KEYS
    ],
    Problem.TOO_MANY_KEYS: [
        Cause(_json({"keys": [ALICE.jwk(kid=str(number)) for number in range(65)]}), "not in use"),
    ],
    Problem.PRIVATE_KEY_MATERIAL: [Cause(serves(forge.key_set(ALICE.private_jwk())), "PRIVATE")],
    Problem.KID_REUSED: [
        Cause(serves(forge.key_set(ALICE.named("1"), forge.ec_key("bob").named("1"))), "key ID of its own"),
    ],
    Problem.NO_USABLE_KEY: [Cause(serves(forge.key_set(ALICE.jwk(use="enc"))), "the reason for each key")],
}  # fmt: skip


@pytest.mark.usefixtures("loopback_is_public")
@pytest.mark.parametrize(
    ("problem", "cause"),
    [
        pytest.param(problem, cause, id=f"{problem.code}-{number}")
        for problem, causes in CAUSES.items()
        for number, cause in enumerate(causes)
    ],
)
def test_ff_01_message_is_true_for_each_behaviour_of_a_server(problem: Problem, cause: Cause) -> None:
    patient = {"connect_timeout": 30, "total_timeout": 60}
    with KeyServer(cause.behaviour, cause.certificate) as server:
        policy = server.policy(**{**patient, **cause.policy})
        findings = probe(server.location_at(cause.host), verify_certificate=True, policy=policy)
    assert findings.problem is problem
    assert cause.words in message(findings)


# Their causes are about an attached authority (test_attached.py), about the library, or cannot be met by this table.
ELSEWHERE = {
    Problem.CERTIFICATE_OTHER_AUTHORITY, Problem.AUTHORITY_EXPIRED, Problem.AUTHORITY_UNUSABLE,
    Problem.CERTIFICATE_REFUSED,
}  # fmt: skip


def test_ff_01_every_problem_has_its_causes() -> None:
    listed = {*LOCATIONS, *CAUSES, *ELSEWHERE}
    assert {each for each in Problem if not each.code.startswith("proxy_")} == listed


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 429])
def test_ff_01_internal_hosts_reveal_no_more(status: int) -> None:
    """J-14: which paths of an internal service exist, and which are guarded, is not told."""
    with KeyServer(answers(status)) as server:
        findings = probe(server.location, verify_certificate=True, policy=server.policy())
    assert findings.problem is Problem.HTTP_REFUSED


def test_ff_01_times_are_marked_as_rounded_after_a_failure() -> None:
    with KeyServer(answers(500)) as server:
        failed = probe(server.location, verify_certificate=True, policy=server.policy())
        server.behaviour = GOOD
        passed = probe(server.location, verify_certificate=True, policy=server.policy())
    assert [step.coarse for step in failed.steps] == [True] * 4 + [False] * 2
    assert not any(step.coarse for step in passed.steps)
