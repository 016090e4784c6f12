"""What one fetch sends, and how it reads a friendly server's responses."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from kit import forge
from kit.key_server import KeyServer, answers, sends, serves
from watchword.jwks.fetch import FetchedDocument, FetchPolicy, fetch
from watchword.jwks.findings import Journal, ProbeFailed
from watchword.jwks.problem import Problem
from watchword.outbound.exchange import USER_AGENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kit.key_server import Behaviour

pytestmark = pytest.mark.enable_socket

DOCUMENT = forge.key_set(forge.ec_key("alice"))


def fetched(server: KeyServer, etag: str | None = None, location: str | None = None) -> FetchedDocument:
    return fetch(
        location or server.location, verify_certificate=True, policy=server.policy(), etag=etag, journal=Journal()
    )


def answer_to(behaviour: Behaviour, etag: str | None = None) -> FetchedDocument:
    with KeyServer(behaviour) as server:
        return fetched(server, etag)


def with_headers(headers: Mapping[str, str]) -> FetchedDocument:
    return answer_to(serves(DOCUMENT, headers=headers))


def test_request_has_only_the_expected_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    """J-06: no cookie, credential, proxy or referrer from the environment."""
    for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    with KeyServer(serves(DOCUMENT)) as server:
        fetched(server, location=server.location_at("127.0.0.1", "/keys?tenant=acme&x=%20"))
        assert server.requests[0].request.decode().split("\r\n") == [
            "GET /keys?tenant=acme&x=%20 HTTP/1.1",
            f"Host: 127.0.0.1:{server.port}",
            f"User-Agent: {USER_AGENT}",
            "Accept: application/jwk-set+json, application/json",
            "Accept-Encoding: identity",
            "Connection: close",
            "",
            "",
        ]
    assert USER_AGENT.startswith("Watchword/")


def test_host_name_is_sent_and_checked() -> None:
    with KeyServer(serves(DOCUMENT)) as server:
        policy = server.policy(resolver=lambda _host, _port: ["127.0.0.1"])
        location = server.location_at("keys.acme.example")
        fetch(location, verify_certificate=True, policy=policy, etag=None, journal=Journal())

        assert server.requests[0].header("Host") == f"keys.acme.example:{server.port}"


def test_ipv6_address_is_fetched_from() -> None:
    with KeyServer(serves(DOCUMENT), host="::1") as server:
        assert fetched(server).untrusted_document == DOCUMENT
        assert server.requests[0].header("Host") == f"[::1]:{server.port}"


def test_chunked_response_is_read() -> None:
    chunks = b"".join(b"%x;ext=1\r\n%s\r\n" % (1, DOCUMENT[index : index + 1]) for index in range(len(DOCUMENT)))
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    assert answer_to(sends(head + chunks + b"0\r\n\r\n")).untrusted_document == DOCUMENT


def test_response_may_end_with_a_clean_tls_shutdown() -> None:
    def on_request(conversation: object) -> None:
        conversation.send(b"HTTP/1.1 200 OK\r\n\r\n" + DOCUMENT)  # type: ignore[attr-defined]
        conversation.connection.unwrap()  # type: ignore[attr-defined]

    assert answer_to(serves(DOCUMENT).__class__(on_request)).untrusted_document == DOCUMENT


def test_body_of_the_limit_is_accepted() -> None:
    body = b"x" * 262_144

    assert answer_to(serves(body)).untrusted_document == body


def test_body_above_the_setting_is_refused() -> None:
    with KeyServer(serves(b"x" * 1001)) as server:
        policy = server.policy(max_bytes=1000)
        with pytest.raises(ProbeFailed) as failed:
            fetch(server.location, verify_certificate=True, policy=policy, etag=None, journal=Journal())
    assert failed.value.problem is Problem.TOO_LARGE


def test_repr_does_not_show_the_document() -> None:
    assert "keys" not in repr(answer_to(serves(DOCUMENT)))


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ('"v1"', '"v1"'),
        ('W/"v1"', 'W/"v1"'),
        ('""', '""'),
        ('"' + "a" * 510 + '"', '"' + "a" * 510 + '"'),
        # J-23: not kept, so never sent.
        ('"' + "a" * 511 + '"', None),
        ("v1", None),
        ('"a b"', None),
        ('"ü"', None),
        ('"a"b"', None),
        ("", None),
    ],
)
def test_valid_etag_is_kept(sent: str, kept: str | None) -> None:
    assert with_headers({"ETag": sent}).etag == kept


@pytest.mark.parametrize("stored", ['"' + "a" * 600 + '"', 'x"\r\nHost: globex.example', "ü", ""])
def test_invalid_etag_is_not_sent(stored: str) -> None:
    with KeyServer(serves(DOCUMENT)) as server:
        assert fetched(server, stored).untrusted_document == DOCUMENT
        assert server.requests[0].header("If-None-Match") is None


def test_not_modified_keeps_the_etag_of_the_response() -> None:
    answer = answer_to(serves(DOCUMENT, etag='"v1"'), etag='"v1"')

    assert answer.untrusted_document is None
    assert answer.etag == '"v1"'


def test_not_modified_without_etag_keeps_the_sent_one() -> None:
    assert answer_to(answers(304), etag='"v1"').etag == '"v1"'
    assert answer_to(answers(304, headers={"ETag": '"v2"'}), etag='"v1"').etag == '"v2"'
    assert answer_to(serves(DOCUMENT), etag='"v1"').etag is None


def test_not_modified_without_a_sent_etag_is_a_failure() -> None:
    with pytest.raises(ProbeFailed) as failed:
        answer_to(answers(304))
    assert failed.value.problem is Problem.NOT_MODIFIED_UNASKED


@pytest.mark.parametrize(
    ("cache_control", "max_age"),
    [
        ("max-age=300", 300),
        ("public, Max-Age = 300 , must-revalidate", 300),
        ('max-age="300"', 300),
        ("max-age=300, max-age=5", 300),
        ("max-age=0", 0),
        ("max-age=31536000", 31_536_000),
        ("max-age=" + "9" * 5000, 9_999_999_999),
        ("max-age=-1", None),
        ("max-age=1.5", None),
        ("max-age=٣", None),
        ("max-age=", None),
        ("s-maxage=300", None),
        ("x-max-age=300", None),
        ("no-store", None),
        ("", None),
    ],
)
def test_max_age_is_read_leniently(cache_control: str, max_age: int | None) -> None:
    assert with_headers({"Cache-Control": cache_control.encode().decode("latin-1")}).max_age == max_age


def test_operators_authorities_must_parse() -> None:
    with pytest.raises(ValueError, match="PEM"):
        FetchPolicy(extra_authorities="not a certificate")


def test_default_limits_are_as_documented() -> None:
    policy = FetchPolicy()

    assert policy.allowed_networks == policy.refused_networks == ()
    assert policy.allowed_ports == {443}
    assert (policy.connect_timeout, policy.total_timeout, policy.max_bytes) == (2.0, 5.0, 262_144)


def test_operators_refused_networks_are_refused() -> None:
    with KeyServer(serves(DOCUMENT)) as server:
        policy = server.policy(refused_networks=(ip_network("127.0.0.0/31"),))
        with pytest.raises(ProbeFailed) as failed:
            fetch(server.location, verify_certificate=True, policy=policy, etag=None, journal=Journal())
    assert failed.value.problem is Problem.ADDRESS_REFUSED
    assert server.connections == 0
