"""Certificates of key servers, and what one registration trusts: J-24."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from kit import authorities, certificates, forge
from kit.key_server import Behaviour, KeyServer, serves
from watchword.jwks.probe import Findings, Problem, probe

if TYPE_CHECKING:
    import ssl

    from kit.certificates import ServerCertificate
    from kit.key_server import Conversation

pytestmark = [pytest.mark.enable_socket, pytest.mark.usefixtures("few_authorities")]

GOOD_SET = forge.key_set(forge.ec_key("alice"))


def look_at(server: KeyServer, *, verify_certificate: bool = True, **changes: object) -> Findings:
    return probe(server.location, verify_certificate=verify_certificate, policy=server.policy(**changes))


@pytest.mark.parametrize(
    ("certificate", "problem"),
    [
        (certificates.FROM_UNKNOWN_AUTHORITY, Problem.CERTIFICATE_UNKNOWN_AUTHORITY),
        (certificates.SELF_SIGNED, Problem.CERTIFICATE_SELF_SIGNED),
        (certificates.EXPIRED, Problem.CERTIFICATE_EXPIRED),
        (certificates.NOT_YET_VALID, Problem.CERTIFICATE_NOT_YET_VALID),
        (certificates.FOR_ANOTHER_HOST, Problem.CERTIFICATE_WRONG_HOST),
    ],
)
def test_bad_certificate_has_its_own_problem_and_gets_no_request(
    certificate: ServerCertificate, problem: Problem
) -> None:
    with KeyServer(serves(GOOD_SET), certificate) as server:
        assert look_at(server).problem is problem
        assert server.requests == []
        assert look_at(server, verify_certificate=False).succeeded


def test_certificate_must_name_the_host_not_the_address() -> None:
    with KeyServer(serves(GOOD_SET), certificates.issued("127.0.0.1")) as server:
        policy = server.policy(resolver=lambda _host, _port: ["127.0.0.1"])
        findings = probe(server.location_at("keys.acme.example"), verify_certificate=True, policy=policy)
    assert findings.problem is Problem.CERTIFICATE_WRONG_HOST


def test_test_authority_is_not_trusted_by_default() -> None:
    with KeyServer(serves(GOOD_SET)) as server:
        assert look_at(server, extra_authorities=None).problem is Problem.CERTIFICATE_UNKNOWN_AUTHORITY


def test_j24_alternating_settings_never_mix_in_a_thousand_fetches() -> None:
    """Every fetch has its own connection, and no session ticket shortens another handshake."""
    with KeyServer(serves(GOOD_SET), certificates.FROM_UNKNOWN_AUTHORITY) as server:
        policy = server.policy(total_timeout=60, connect_timeout=30)
        for number in range(1_000):
            findings = probe(server.location, verify_certificate=number % 2 == 0, policy=policy)
            assert findings.problem is (None if number % 2 else Problem.CERTIFICATE_UNKNOWN_AUTHORITY)
        assert server.connections == 1_000
        assert len(server.requests) == 500
        assert not any(request.connection.session_reused for request in server.requests)


def test_j24_trust_of_one_registration_never_applies_to_another() -> None:
    """Acme attached the server's authority or switched validation off; Globex did neither, at the same host."""
    root = authorities.issue("Initech Root")
    with KeyServer(serves(GOOD_SET), authorities.presenting(authorities.server(root), root)) as server:
        policy = server.policy()
        acme: tuple[dict[str, Any], ...] = (
            {"verify_certificate": True, "ca_bundle": root.pem},
            {"verify_certificate": False, "ca_bundle": root.pem},
            {"verify_certificate": False, "ca_bundle": None},
        )
        globex: tuple[dict[str, Any], ...] = (
            {"verify_certificate": True, "ca_bundle": None},
            {"verify_certificate": True, "ca_bundle": authorities.issue("Globex Root").pem},
        )
        for _ in range(5):
            for good, bad in itertools.product(acme, globex):
                assert probe(server.location, **good, policy=policy).succeeded
                assert probe(server.location, **bad, policy=policy).problem in {
                    Problem.CERTIFICATE_UNKNOWN_AUTHORITY, Problem.CERTIFICATE_OTHER_AUTHORITY,
                }  # fmt: skip
        assert server.connections == 2 * len(server.requests) == 60


def test_j24_concurrent_fetches_keep_their_own_trust() -> None:
    root = authorities.issue("Initech Root")
    with (
        KeyServer(serves(GOOD_SET), authorities.presenting(authorities.server(root), root)) as server,
        ThreadPoolExecutor(2) as pool,
    ):
        policy = server.policy(total_timeout=60, connect_timeout=30)

        def fetch_as(authority: str | None) -> Findings:
            return probe(server.location, verify_certificate=True, ca_bundle=authority, policy=policy)

        for found, authority in zip(pool.map(fetch_as, [root.pem, None] * 10), [root.pem, None] * 10, strict=True):
            assert found.problem is (None if authority else Problem.CERTIFICATE_UNKNOWN_AUTHORITY)


def test_only_http_1_1_is_offered() -> None:
    def load_into(context: ssl.SSLContext) -> None:
        certificates.GOOD.load_into(context)
        context.set_alpn_protocols(["h2", "http/1.1"])

    with KeyServer(serves(GOOD_SET), certificates.ServerCertificate(load_into)) as server:
        agreed: list[str | None] = []

        def on_request(conversation: Conversation) -> None:
            agreed.append(conversation.connection.selected_alpn_protocol())
            conversation.answer(200, GOOD_SET)

        server.behaviour = Behaviour(on_request)
        assert look_at(server).succeeded
    assert agreed == ["http/1.1"]
