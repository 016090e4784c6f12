"""An attached CA certificate against real TLS servers: what it accepts, what it does not, and what findings say."""

from __future__ import annotations

import pickle
import ssl
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from kit import forge, old_certificates
from kit.authorities import Issued, issue, presenting, self_signed, server
from kit.key_server import Behaviour, KeyServer, serves
from watchword.jwks.probe import Findings, Outcome, Problem, Step, probe
from watchword.outbound.ca_bundle import read_ca_bundle
from watchword.outbound.certificate import presented_chain
from watchword.outbound.chain import MAX_BYTES, MAX_SHOWN, UNREADABLE, failure_with, read_chain
from watchword.outbound.failure import ExchangeFailed, Failure

if TYPE_CHECKING:
    import socket
    import threading

    from kit.certificates import ServerCertificate

pytestmark = pytest.mark.enable_socket

GOOD_SET = forge.key_set(forge.ec_key("alice"))
NOW = datetime.now(UTC)


@cache
def root() -> Issued:
    return issue("Initech Root")


@cache
def intermediate() -> Issued:
    return issue("Initech Issuing CA", by=root())


def look_at(
    certificate: ServerCertificate, *attached: Issued, verify_certificate: bool = True, **changes: Any
) -> Findings:
    with KeyServer(serves(GOOD_SET), certificate) as running:
        findings = probe(
            running.location,
            verify_certificate=verify_certificate,
            ca_bundle="".join(each.pem for each in attached) or None,
            policy=running.policy(**changes),
        )
        assert running.connections == 1
        assert len(running.requests) == (1 if findings.succeeded else 0)
    return findings


# -------------------------------------------------------------------------------------------- what becomes acceptable


@pytest.mark.parametrize("extra_authorities", [None, old_certificates.SHA1_ROOT], ids=["alone", "with the operator's"])
def test_server_of_the_attached_root_is_accepted(extra_authorities: str | None) -> None:
    findings = look_at(presenting(server(root())), root(), extra_authorities=extra_authorities)
    assert findings.succeeded
    assert findings.steps[2].outcome is Outcome.PASSED
    assert findings.chain is None


def test_server_that_sends_its_intermediate_is_accepted() -> None:
    assert look_at(presenting(server(intermediate()), intermediate()), root()).succeeded


def test_attached_intermediate_does_not_trust_its_root() -> None:
    assert look_at(presenting(server(intermediate())), intermediate()).succeeded
    assert look_at(presenting(server(root())), intermediate()).problem is Problem.CERTIFICATE_OTHER_AUTHORITY


def test_root_and_intermediate_can_be_attached_together() -> None:
    assert look_at(presenting(server(intermediate())), root(), intermediate()).succeeded


def test_server_of_an_older_root_with_the_same_key_is_accepted() -> None:
    key = forge.rsa_key("root").private
    old = issue("Initech Root", key=key)
    assert look_at(presenting(server(old)), old).succeeded


def test_successor_of_an_expired_authority_is_accepted() -> None:
    expired = issue("Initech Root G1", expires_in_days=-1)
    assert look_at(presenting(server(root())), expired, root()).succeeded


@pytest.mark.parametrize("changes", [{}, {"authority": False}, {"signs": False}])
def test_attached_self_signed_certificate_is_accepted(changes: dict[str, bool]) -> None:
    own = self_signed(**changes)
    assert look_at(presenting(own), own).succeeded


@pytest.mark.parametrize("changes", [{}, {"authority": False}, {"signs": False}])
def test_attached_server_certificate_is_no_authority(changes: dict[str, bool]) -> None:
    """The owner of that server's key must not be able to sign for other servers with it."""
    own = self_signed(**changes)
    findings = look_at(presenting(server(own), own), own)
    assert not findings.succeeded
    assert findings.steps[2].outcome is Outcome.FAILED


def test_similar_self_signed_certificate_is_refused() -> None:
    assert not look_at(presenting(self_signed()), self_signed()).succeeded


# ------------------------------------------------------------------------------------------------ what stays refused


def test_wrong_host_is_still_refused() -> None:
    findings = look_at(presenting(server(root(), hosts=["keys.globex.example"])), root())
    assert findings.problem is Problem.CERTIFICATE_WRONG_HOST
    own = self_signed(hosts=["keys.globex.example"])
    assert look_at(presenting(own), own).problem is Problem.CERTIFICATE_WRONG_HOST


def test_expired_server_certificate_is_still_refused() -> None:
    findings = look_at(presenting(server(root(), expires_in_days=-1)), root())
    assert findings.problem is Problem.CERTIFICATE_EXPIRED
    assert findings.chain is not None


def test_expired_intermediate_is_reported_as_the_servers() -> None:
    ended = issue("Initech Issuing CA", by=root(), expires_in_days=-1)
    old = issue("Initech Root G1", expires_in_days=-1)
    findings = look_at(presenting(server(ended), ended), root(), old)
    assert findings.problem is Problem.CERTIFICATE_EXPIRED


def test_expired_attached_authority_is_the_reported_cause() -> None:
    ended = issue("Initech Root", expires_in_days=-1)
    for presented in (presenting(server(ended)), presenting(server(ended), ended)):
        findings = look_at(presented, ended)
        assert findings.problem is Problem.AUTHORITY_EXPIRED
        assert findings.steps[2].sentence == "The CA certificate attached to this registration has expired."


def test_other_failures_keep_their_problem() -> None:
    attached = read_ca_bundle(issue("Initech Root", expires_in_days=-1).pem)
    for failure in (Failure.CONNECTION_FAILED, Failure.CERTIFICATE_WRONG_HOST):
        assert failure_with(attached, ExchangeFailed(failure), NOW) is failure


def test_authority_that_expires_soon_causes_a_warning() -> None:
    findings = look_at(presenting(server(root())), root(), issue("Initech Root G1", expires_in_days=9))
    assert findings.succeeded
    assert findings.steps[2].outcome is Outcome.WARNED
    assert "“Initech Root G1” expires on " in findings.steps[2].sentence


def test_server_of_another_authority_is_refused() -> None:
    for certificate in (presenting(server(issue("Globex Root"))), presenting(self_signed())):
        findings = look_at(certificate, root())
        assert findings.problem is Problem.CERTIFICATE_OTHER_AUTHORITY
        assert "nor by the attached" in findings.steps[2].sentence
        assert findings.chain is not None


def test_stored_authority_no_longer_admitted_trusts_no_server() -> None:
    weak = issue("Initech Root", signs=False)
    assert look_at_nobody(weak).problem is Problem.AUTHORITY_UNUSABLE


def look_at_nobody(attached: Issued) -> Findings:
    with KeyServer(serves(GOOD_SET), presenting(server(attached))) as running:
        findings = probe(running.location, verify_certificate=True, ca_bundle=attached.pem, policy=running.policy())
        assert running.requests == []
    return findings


def test_authority_is_ignored_without_validation() -> None:
    assert look_at(presenting(self_signed()), root(), verify_certificate=False).succeeded
    assert look_at(presenting(self_signed()), issue("weak", signs=False), verify_certificate=False).succeeded


# -------------------------------------------------------------------------------------------------- what is presented


def test_chain_offers_its_root() -> None:
    own = server(intermediate())
    findings = look_at(presenting(own, intermediate(), root()))
    assert findings.problem is Problem.CERTIFICATE_UNKNOWN_AUTHORITY
    chain = findings.chain
    assert chain is not None
    assert [(each.subject, each.issuer, each.fingerprint) for each in chain.certificates] == [
        ("keys.acme.example", "Initech Issuing CA", own.fingerprint),
        ("Initech Issuing CA", "Initech Root", intermediate().fingerprint),
        ("Initech Root", "Initech Root", root().fingerprint),
    ]
    assert chain.certificates[0].expires_at == own.certificate.not_valid_after_utc
    assert chain.certificates[0].starts_at == own.certificate.not_valid_before_utc
    assert chain.root is not None
    assert chain.root.pem == root().pem
    assert (chain.left_out, chain.missing, chain.unfit) == (0, None, None)


def test_offered_authority_makes_the_server_acceptable() -> None:
    certificate = presenting(server(intermediate()), intermediate(), root())
    chain = look_at(certificate).chain
    assert chain is not None
    assert chain.root is not None
    with KeyServer(serves(GOOD_SET), certificate) as running:
        assert probe(
            running.location, verify_certificate=True, ca_bundle=chain.root.pem, policy=running.policy()
        ).succeeded


@pytest.mark.parametrize("with_intermediate", [True, False])
def test_chain_without_root_names_the_missing_authority(with_intermediate: bool) -> None:  # noqa: FBT001
    others = (intermediate(),) if with_intermediate else ()
    chain = look_at(presenting(server(intermediate()), *others)).chain
    assert chain is not None
    assert chain.root is None
    assert chain.missing == ("Initech Root" if with_intermediate else "Initech Issuing CA")


def test_self_signed_certificate_is_offered() -> None:
    findings = look_at(presenting(self_signed()))
    assert findings.problem is Problem.CERTIFICATE_SELF_SIGNED
    assert findings.chain is not None
    assert findings.chain.root is not None
    assert findings.chain.root.of_a_server


def test_unrelated_root_is_not_offered() -> None:
    """Else an attacker could have a well-known name trusted, or trust asked for what does not help."""
    chain = look_at(presenting(server(intermediate()), issue("Globex Root"), issue("Initech Issuing CA"))).chain
    assert chain is not None
    assert chain.root is None
    assert chain.missing == "Initech Issuing CA"


def test_order_of_the_chain_does_not_matter() -> None:
    chain = look_at(presenting(server(intermediate()), root(), intermediate())).chain
    assert chain is not None
    assert chain.root is not None
    assert chain.root.fingerprint == root().fingerprint


def test_certificates_that_sign_each_other_end_the_search() -> None:
    one = issue("Globex A")
    two = issue("Globex B", by=one)
    circle = issue("Globex A", by=two, key=one.key)
    chain = look_at(presenting(server(circle), circle, two)).chain
    assert chain is not None
    assert chain.root is None
    assert chain.missing in {"Globex A", "Globex B"}


@pytest.mark.parametrize(
    ("unfit", "sentence"),
    [
        (issue("Initech Root", expires_in_days=-1), "expired on"),
        (issue("Initech Root", signs=False), "may not sign certificates"),
    ],
)
def test_unfit_root_is_not_offered_and_has_a_reason(unfit: Issued, sentence: str) -> None:
    chain = read_chain([server(unfit).der, unfit.der], NOW)
    assert chain is not None
    assert chain.root is None
    assert sentence in str(chain.unfit)


def test_long_chain_shows_eight_and_a_count() -> None:
    chain = look_at(presenting(server(intermediate()), *[issue(f"noise {number}") for number in range(49)])).chain
    assert chain is not None
    assert len(chain.certificates) == MAX_SHOWN
    assert chain.left_out == 50 - MAX_SHOWN


def test_huge_certificate_shows_only_its_fingerprint() -> None:
    huge = issue("huge", extra=bytes(MAX_BYTES))
    chain = look_at(presenting(server(root()), huge)).chain
    assert chain is not None
    assert [each.subject for each in chain.certificates] == ["keys.acme.example", UNREADABLE]
    assert chain.certificates[1].fingerprint == huge.fingerprint
    assert chain.certificates[1].expires_at is None


@pytest.mark.usefixtures("loopback_is_public")
def test_chain_above_the_handshake_limit_is_not_shown() -> None:
    many = [issue(f"noise {number}", extra=bytes(15_000)) for number in range(12)]
    findings = look_at(presenting(server(root()), *many))
    assert findings.problem is Problem.TLS_FAILED
    assert findings.chain is None


def test_certificates_of_many_sizes_fit_the_limits() -> None:
    findings = look_at(presenting(server(root()), *[issue("noise", extra=bytes(15_000))] * 5))
    assert findings.chain is not None


@pytest.mark.parametrize("garbage", [b"", b"certificate", b"\x30\x03\x02\x01\x01", bytes(100)])
def test_malformed_certificate_shows_only_its_fingerprint(garbage: bytes) -> None:
    for presented in ([garbage], [garbage, root().der], [server(root()).der, garbage]):
        chain = read_chain(presented, NOW)
        assert chain is not None
        assert len(chain.certificates) == len(presented)
        assert chain.root is None
        assert any(each.subject == UNREADABLE and each.issuer == "" for each in chain.certificates)


def test_no_certificates_are_no_chain() -> None:
    assert read_chain([], NOW) is None


def test_names_are_shortened_and_printable() -> None:
    own = issue("a\r\nb\u202e\x1b[2J<script>", authority=None)
    chain = read_chain([own.der], NOW)
    assert chain is not None
    assert chain.certificates[0].subject == "ab[2J<script>"
    assert all(len(each.subject) <= 64 for each in chain.certificates)


def test_each_connection_shows_its_own_chain() -> None:
    """A server that answers each connection with another chain cannot have one refused and another one shown."""
    first, second = issue("Initech Root"), issue("Globex Root")
    contexts = [presenting(server(each), each).server_context() for each in (first, second)]
    with KeyServer(serves(GOOD_SET)) as running:
        running._context = contexts[0]

        def turn(_connection: socket.socket, _closing: threading.Event) -> bool:
            running._context = contexts[running.connections - 1]
            return True

        running.behaviour = Behaviour(on_connect=turn)
        told = [probe(running.location, verify_certificate=True, policy=running.policy()).chain for _ in range(2)]
        assert running.connections == 2
    assert [each and each.root and each.root.fingerprint for each in told] == [first.fingerprint, second.fingerprint]


@pytest.mark.usefixtures("loopback_is_public")
def test_slow_certificates_fail_at_the_deadline() -> None:
    context = presenting(server(root()), root()).server_context()

    def trickle(connection: socket.socket, closing: threading.Event) -> bool:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        incoming.write(connection.recv(16_384))
        speaking = context.wrap_bio(incoming, outgoing, server_side=True)
        with pytest.raises(ssl.SSLWantReadError):
            speaking.do_handshake()
        for byte in outgoing.read():
            connection.send(bytes([byte]))
            if closing.wait(0.01):
                break
        return False

    with KeyServer(Behaviour(on_connect=trickle)) as running:
        started = time.monotonic()
        findings = probe(running.location, verify_certificate=True, policy=running.policy(total_timeout=0.5))
        assert time.monotonic() - started < 30
    assert findings.problem is Problem.TIMED_OUT
    assert findings.chain is None


def test_library_without_chains_only_omits_the_chain() -> None:
    assert presented_chain(object()) == ()  # type: ignore[arg-type]


def test_refused_address_offers_no_authority() -> None:
    with KeyServer(serves(GOOD_SET), presenting(server(root()), root())) as running:
        policy = running.policy(allowed_networks=())
        findings = probe(running.location, verify_certificate=True, ca_bundle=root().pem, policy=policy)
        assert running.connections == 0
    assert findings.problem is Problem.ADDRESS_REFUSED
    assert findings.chain is None
    assert findings.steps[1].step is Step.CONNECT


def test_findings_with_a_chain_can_be_stored() -> None:
    findings = look_at(presenting(server(root()), root()))
    assert pickle.loads(pickle.dumps(findings)) == findings  # noqa: S301
    assert findings.chain is not None
    assert findings.chain.certificates[0].expires_at is not None
    assert findings.chain.certificates[0].expires_at > NOW + timedelta(days=300)
