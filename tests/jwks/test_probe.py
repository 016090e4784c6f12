from __future__ import annotations

import json
import logging
import pickle
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kit import certificates, forge
from kit.key_server import KeyServer, answers, redirects, resets, resets_after, sends, serves, speaks_plainly
from watchword.core.jwk_problems import KeyProblem, KeySetProblem
from watchword.jwks import probe as probe_module
from watchword.jwks.findings import Findings, coarse
from watchword.jwks.metadata import Fault, Metadata, UnusableMetadata
from watchword.jwks.probe import FetchPolicy, Outcome, Problem, Step, probe

pytestmark = pytest.mark.enable_socket

ALICE = forge.ec_key("alice")
GOOD_SET = forge.key_set(ALICE, forge.ed25519_key("bob"))


def look_at(server: KeyServer, *, verify_certificate: bool = True, etag: str | None = None) -> Findings:
    return probe(server.location, verify_certificate=verify_certificate, policy=server.policy(), etag=etag)


def outcomes(findings: Findings) -> list[Outcome]:
    assert [finding.step for finding in findings.steps] == list(Step)
    return [finding.outcome for finding in findings.steps]


def failed_at(findings: Findings) -> Step:
    """The one step that failed; all before it passed or warned, all after it were not reached."""
    found = outcomes(findings)
    index = found.index(Outcome.FAILED)
    assert Outcome.NOT_REACHED not in found[:index]
    assert set(found[index + 1 :]) <= {Outcome.NOT_REACHED}
    assert findings.problem is not None
    assert findings.steps[index].sentence == findings.problem.sentence
    assert findings.steps[index].fix == findings.problem.fix
    assert not findings.succeeded
    assert findings.key_set is None
    return findings.steps[index].step


def test_good_key_set_passes_all_steps() -> None:
    with KeyServer(serves(GOOD_SET, etag='"v1"', headers={"Cache-Control": "public, max-age=600"})) as server:
        findings = look_at(server)

    assert findings.succeeded
    assert outcomes(findings) == [Outcome.PASSED] * 6
    assert findings.key_set is not None
    assert {key.kid for key in findings.key_set.keys} == {ALICE.kid, forge.ed25519_key("bob").kid}
    assert (findings.etag, findings.max_age, findings.not_modified) == ('"v1"', 600, False)
    assert [finding.step.label for finding in findings.steps] == [
        "Address", "Connect", "TLS", "HTTP", "JWKS", "Usable keys",
    ]  # fmt: skip
    assert all(finding.sentence and finding.fix is None for finding in findings.steps)
    assert "Initech Test Authority" in findings.steps[2].sentence
    assert findings.steps[5].sentence == "2 keys can verify access tokens."


def test_ignored_keys_are_listed_with_reasons() -> None:
    encryption = forge.rsa_key("charlie").jwk(use="enc", kid="for-encryption")
    with KeyServer(serves(forge.key_set(ALICE, encryption))) as server:
        findings = look_at(server)

    assert findings.succeeded
    assert [(key.kid, key.problem) for key in findings.ignored] == [("for-encryption", KeyProblem.USE_NOT_SIGNATURE)]
    assert findings.steps[5].sentence == "1 key can verify access tokens; 1 more ignored."


def test_set_without_usable_key_fails_the_last_step_with_reasons() -> None:
    with KeyServer(serves(forge.key_set(forge.rsa_key("charlie").jwk(use="enc")))) as server:
        findings = look_at(server)

    assert failed_at(findings) is Step.KEYS
    assert findings.problem is Problem.NO_USABLE_KEY
    assert [key.problem for key in findings.ignored] == [KeyProblem.USE_NOT_SIGNATURE]


def test_metadata_instead_of_a_key_set_is_recognized() -> None:
    named = {"issuer": "https://acme.example", "jwks_uri": "https://acme.example/keys"}
    with KeyServer(serves(named)) as server:
        assert look_at(server).metadata == Metadata("https://acme.example", "https://acme.example/keys")
        server.behaviour = serves({**named, "jwks_uri": "http://acme.example/keys"})
        findings = look_at(server)
        assert findings.metadata == UnusableMetadata("jwks_uri", Fault.NOT_HTTPS)
        assert failed_at(findings) is Step.JWKS
        server.behaviour = serves({**named, "keys": []})
        assert look_at(server).metadata is None


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (b"", Problem.EMPTY_ANSWER),
        (b"keys", Problem.NOT_JSON),
        (b'{"keys":[', Problem.NOT_JSON),
        (b'{"keys":[],"keys":[]}', Problem.JSON_AMBIGUOUS),
        ("{}".encode("utf-16"), Problem.NOT_JSON),
        (b"\n <!DOCTYPE html><title>Sign in</title>", Problem.HTML_PAGE),
        (b'{"issuer":"https://acme.example","jwks_uri":"https://acme.example/keys"}', Problem.METADATA),
        (b'{"keys":{}}', Problem.NOT_A_KEY_SET),
        (b'{"keys":[]}', Problem.EMPTY_KEY_SET),
        (forge.key_set(*[ALICE.named(str(number)) for number in range(65)]), Problem.TOO_MANY_KEYS),
        (forge.key_set(ALICE.named("1"), forge.ec_key("bob").named("1")), Problem.KID_REUSED),
        (forge.key_set(ALICE.private_jwk()), Problem.PRIVATE_KEY_MATERIAL),
    ],
)
def test_other_documents_are_refused(document: bytes, problem: Problem) -> None:
    with KeyServer(serves(document)) as server:
        findings = look_at(server)

    assert failed_at(findings) is Step.JWKS
    assert findings.problem is problem


@pytest.mark.parametrize("content_type", ["text/html", "Text/HTML; charset=utf-8", "application/xhtml+xml"])
def test_web_page_is_refused(content_type: str) -> None:
    with KeyServer(serves(GOOD_SET, content_type=content_type)) as server:
        assert look_at(server).problem is Problem.DECLARED_AS_HTML


@pytest.mark.parametrize(
    "content_type",
    ["application/jwk-set+json", "text/plain", "application/octet-stream", "application/json; charset=x"],
)
def test_content_type_is_ignored_except_for_web_pages(content_type: str) -> None:
    with KeyServer(serves(GOOD_SET, content_type=content_type)) as server:
        assert look_at(server).succeeded


def test_every_key_set_problem_has_a_probe_problem() -> None:
    assert set(probe_module._PROBLEM_OF_KEY_SET) == set(KeySetProblem)
    for key_set_problem, problem in probe_module._PROBLEM_OF_KEY_SET.items():
        assert key_set_problem.code == problem.code


def test_every_problem_has_its_own_code_sentence_and_fix() -> None:
    assert len({problem.code for problem in Problem}) == len(Problem)
    assert len({problem.sentence for problem in Problem}) == len(Problem)
    for problem in Problem:
        assert problem.code == problem.name.lower()
        assert problem.sentence.endswith(".")
        assert problem.fix.endswith(".")


def test_private_key_is_not_kept(caplog: pytest.LogCaptureFixture) -> None:
    leaked = forge.rsa_key("charlie").private_jwk()
    with caplog.at_level(logging.DEBUG), KeyServer(serves(forge.key_set(leaked))) as server:
        findings = look_at(server)

    assert "PRIVATE" in findings.steps[4].sentence
    left_behind = pickle.dumps(findings) + repr(findings).encode() + caplog.text.encode()
    for member in ("d", "p", "q", "dp", "dq", "qi", "n"):
        assert leaked[member].encode() not in left_behind


SECRET = "internal-banner-7f3a"


@pytest.mark.parametrize(
    "behaviour",
    [
        serves(f'{{"keys":[],"x":"{SECRET}"}}'.encode(), headers={"X-Secret": SECRET, "ETag": f'"{SECRET}"'}),
        serves(SECRET.encode()),
        serves(json.dumps({"keys": [{"kty": SECRET, "kid": SECRET + "\n"}]}).encode()),
        serves(GOOD_SET, content_type=f"text/html; {SECRET}"),
        serves(GOOD_SET, headers={"Content-Encoding": SECRET}),
        redirects(f"https://{SECRET}.example/", SECRET.encode()),
        answers(404, SECRET.encode()),
        answers(503, SECRET.encode()),
        answers(299, SECRET.encode()),
        sends(f"HTTP/1.1 200 {SECRET}\r\n{SECRET}\r\n\r\n".encode()),
        sends(SECRET.encode()),
        speaks_plainly(f"220 {SECRET}\r\n".encode()),
        resets_after(f"HTTP/1.1 200 OK\r\nX: {SECRET}\r\n".encode()),
    ],
)
def test_failure_contains_nothing_from_the_server(behaviour: object, caplog: pytest.LogCaptureFixture) -> None:
    """J-14: an administrator of an organization can read nothing that an internal service says."""
    with caplog.at_level(logging.DEBUG), KeyServer(behaviour) as server:  # type: ignore[arg-type]
        findings = look_at(server)

    assert not findings.succeeded
    shown = repr(replace(findings, ignored=())) + caplog.text
    assert SECRET not in shown
    assert all(key.kid is None for key in findings.ignored)


def test_set_of_more_keys_than_the_operator_allows_is_refused() -> None:
    with KeyServer(serves(forge.key_set(ALICE, ALICE.named("2")))) as server:
        limits = (server.policy(max_keys=2), server.policy(max_keys=1))
        good, bad = (probe(server.location, verify_certificate=True, policy=policy) for policy in limits)
    assert (good.problem, bad.problem) == (None, Problem.TOO_MANY_KEYS)


def test_rsa_key_below_the_operators_limit_is_not_used() -> None:
    large = forge.rsa_key("alice", 3072).named("2")
    with KeyServer(serves(forge.key_set(forge.rsa_key("alice").named("1"), large))) as server:
        findings = probe(server.location, verify_certificate=True, policy=server.policy(min_rsa_bits=3072))
    assert findings.key_set is not None
    assert [key.kid for key in findings.key_set.keys] == ["2"]
    assert [key.problem.code for key in findings.ignored] == ["rsa_below_limit"]


@pytest.mark.parametrize(("limit", "not_modified"), [(2048, True), (3072, False)])
def test_unchanged_set_is_admitted_again_under_a_raised_limit(limit: int, not_modified: bool) -> None:  # noqa: FBT001 - a row.
    with KeyServer(serves(forge.key_set(forge.rsa_key("alice", 3072)), etag='"v1"')) as server:
        policy = server.policy(min_rsa_bits=limit)
        findings = probe(server.location, verify_certificate=True, policy=policy, etag='"v1"')
    assert findings.not_modified is not_modified


def test_refused_filtered_and_reset_connections_look_alike() -> None:
    """J-15: the Validate button is no port scanner."""
    with KeyServer(resets()) as server:
        reset = look_at(server)
        location, policy = server.location, server.policy(connect_timeout=1.1)
    refused = probe(location, verify_certificate=True, policy=policy)

    assert reset.problem is refused.problem is Problem.CONNECTION_FAILED
    assert failed_at(refused) is Step.CONNECT
    assert refused.steps[1].milliseconds == 2500  # As if the port had been filtered for the allowed 1.1 seconds.


@pytest.mark.parametrize(
    ("milliseconds", "shown"), [(0, 100), (100, 100), (101, 500), (2003, 2500), (5000, 5000), (5001, 10_000)]
)
def test_times_of_failures_are_rounded(milliseconds: int, shown: int) -> None:
    assert coarse(milliseconds) == shown


def test_certificate_that_expires_soon_causes_a_warning() -> None:
    with KeyServer(serves(GOOD_SET), certificates.EXPIRES_IN_A_WEEK) as server:
        findings = look_at(server)

    assert findings.succeeded
    assert findings.steps[2].outcome is Outcome.WARNED
    assert findings.steps[2].fix is not None


def test_expiry_of_the_certificate_is_always_recorded() -> None:
    with KeyServer(serves(GOOD_SET, etag='"v1"'), certificates.EXPIRES_IN_A_WEEK) as server:
        days = [
            (findings.certificate_expires_at - datetime.now(UTC)).days
            for findings in (look_at(server), look_at(server, etag='"v1"'))
            if findings.certificate_expires_at is not None
        ]
        server.behaviour = answers(500)
        failed = look_at(server)
    assert days == [6, 6]
    assert failed.certificate_expires_at is not None
    with KeyServer(serves(GOOD_SET), certificates.EXPIRED) as server:
        assert look_at(server).certificate_expires_at is None


def test_disabled_certificate_validation_causes_a_warning() -> None:
    with KeyServer(serves(GOOD_SET), certificates.FROM_UNKNOWN_AUTHORITY) as server:
        findings = look_at(server, verify_certificate=False)

    assert findings.succeeded
    assert findings.steps[2].outcome is Outcome.WARNED
    assert "Nobody Knows" in findings.steps[2].sentence
    assert "JWKS Server Certificate Validation" in (findings.steps[2].fix or "")


def test_unknown_authority_shows_two_remedies() -> None:
    with KeyServer(serves(GOOD_SET), certificates.FROM_UNKNOWN_AUTHORITY) as server:
        findings = look_at(server)

    assert failed_at(findings) is Step.TLS
    assert findings.problem is Problem.CERTIFICATE_UNKNOWN_AUTHORITY
    assert "unrecognized Certificate Authority" in findings.problem.sentence
    assert '"JWKS Server Certificate Validation"' in findings.problem.fix
    assert "change the server certificate" in findings.problem.fix


def test_unchanged_key_set_is_not_sent_again() -> None:
    with KeyServer(serves(GOOD_SET, etag='"v1"', headers={"Cache-Control": "max-age=60"})) as server:
        first = look_at(server)
        second = look_at(server, etag=first.etag)

    assert second.succeeded
    assert second.not_modified
    assert second.key_set is None
    assert outcomes(second) == [Outcome.PASSED] * 6
    assert (second.etag, second.max_age) == ('"v1"', 60)


def test_malformed_location_fails_the_first_step() -> None:
    findings = probe("http://acme.example/", verify_certificate=True, policy=FetchPolicy())

    assert failed_at(findings) is Step.ADDRESS
    assert findings.problem is Problem.SCHEME_NOT_HTTPS
