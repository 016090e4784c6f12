"""A real verifier that demands a secret and a client certificate: a client that shows neither learns nothing (G-13)."""

from __future__ import annotations

import http.client
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from kit import certificates, live
from kit.client import Answer, request
from kit.feed_server import feed_server
from kit.processes import LOOPBACK
from kit.raw_http import exchange
from kit.secret_file import secret_file
from kit.verifier_process import VerifierProcess, verifier_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.enable_socket

OLD, NEW = "old-" * 8, "new-" * 8
PATHS = (
    "/verify/plain/acme",
    "/verify/plain/nobody",
    "/verify/nginx/globex",
    "/.well-known/oauth-protected-resource/acme",
    "/nowhere",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demanding")


@pytest.fixture(scope="module")
def demanding(folder: Path) -> Iterator[VerifierProcess]:
    pair = certificates.pair(folder, "verifier")
    settings = {
        "gateway_secret_file": str(secret_file(folder / "secrets", f"{OLD}\n{NEW}\n")),
        "tls_certificate_file": str(pair.certificate),
        "tls_key_file": str(pair.key),
        "gateway_ca_file": str(pair.authority),
        "api_url": "https://api.example/{organization}",
    }
    with feed_server() as feed:
        feed.publish(live.trust(), live.trust(organization="globex", suspended=True))
        with verifier_process(folder, feed_port=feed.port, ready=True, **settings) as running:
            yield running


def context(folder: Path, authority: trustme.CA | None = None) -> ssl.SSLContext:
    """A gateway's: it knows the verifier's authority, and shows a certificate of the same one or of another."""
    pair = certificates.pair(folder, "gateway", authority=authority)
    made = ssl.create_default_context(cadata=certificates.authority_pem())
    made.load_cert_chain(pair.certificate, pair.key)
    return made


def ask(verifier: VerifierProcess, path: str, known_by: ssl.SSLContext, **headers: str) -> Answer:
    url = f"https://{LOOPBACK}:{verifier.port}{path}"
    return request(url, headers={name.replace("_", "-"): value for name, value in headers.items()}, context=known_by)


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_a_gateway_with_secret_and_certificate_is_answered(
    demanding: VerifierProcess, tmp_path: Path, secret: str
) -> None:
    gateway = context(tmp_path)
    bearer = f"Bearer {live.token()}"
    allowed = ask(demanding, PATHS[0], gateway, X_Watchword_Secret=secret, Authorization=bearer)
    assert allowed.status == 200
    assert allowed.header("X-Auth-Subject") == "alice"
    denied = ask(demanding, PATHS[0], gateway, X_Watchword_Secret=secret)
    assert denied.status == 401
    assert 'resource_metadata="https://api.example/' in str(denied.header("WWW-Authenticate"))
    assert ask(demanding, PATHS[3], gateway, X_Watchword_Secret=secret).json()["resource"] == "https://api.example/acme"


@pytest.mark.parametrize("secret", [None, "", OLD[:-1], OLD.upper(), f"{OLD},{OLD}"])
def test_without_the_secret_every_question_has_the_same_answer(
    demanding: VerifierProcess, tmp_path: Path, secret: str | None
) -> None:
    gateway = context(tmp_path)
    shown = {} if secret is None else {"X_Watchword_Secret": secret}
    answers = {
        (answer.status, answer.body, tuple(pair for pair in answer.headers if pair[0] not in {"date", "server"}))
        for path in PATHS
        for bearer in ({}, {"Authorization": f"Bearer {live.token()}"})
        for answer in (ask(demanding, path, gateway, **shown, **bearer),)
    }
    ((status, body, _),) = answers
    assert status == 403
    assert b'"reason": "gateway_unknown"' in body


HEAD = f"GET {PATHS[0]} HTTP/1.1\r\nHost: {LOOPBACK}\r\n"


@pytest.mark.parametrize("odd", ["\x80", "\xe9", "\xff", f"{OLD}\xff", f"\x80{NEW}"], ids=ascii)
def test_fj_02_secret_header_of_odd_octets_is_counted(demanding: VerifierProcess, tmp_path: Path, odd: str) -> None:
    gateway, bearer = context(tmp_path), f"Authorization: Bearer {live.token()}\r\n\r\n"
    good, bad = f"X-Watchword-Secret: {OLD}\r\n", f"x-watchword-secret: {odd}\r\n"
    assert exchange(demanding.port, HEAD + good + bearer, context=gateway).status == 200
    for shown in (bad, good + bad, bad + good, good + bad + bad):
        answer = exchange(demanding.port, HEAD + shown + bearer, context=gateway)
        assert (answer.status, answer.json()["reason"]) == (403, "gateway_unknown"), ascii(shown)


@pytest.mark.parametrize("odd", ["\x80", "\xe9", "\xff"], ids=ascii)
def test_fj_02_odd_second_authorization_header_is_counted_over_tls(
    demanding: VerifierProcess, tmp_path: Path, odd: str
) -> None:
    gateway = context(tmp_path)
    good, bad = f"Authorization: Bearer {live.token()}\r\n", f"Authorization: {odd}\r\n"
    for headers, reason in (
        (good + bad, "authorization_repeated"),
        (bad + good, "authorization_repeated"),
        (bad, "authorization_malformed"),
    ):
        request = f"{HEAD}X-Watchword-Secret: {NEW}\r\n{headers}\r\n"
        answer = exchange(demanding.port, request, context=gateway)
        assert (answer.status, answer.json()["reason"]) == (400, reason), ascii(headers)


def test_without_a_certificate_of_its_authority_nobody_is_answered(demanding: VerifierProcess, tmp_path: Path) -> None:
    without = ssl.create_default_context(cadata=certificates.authority_pem())
    for stranger in (without, context(tmp_path, trustme.CA())):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(demanding, PATHS[0], stranger, X_Watchword_Secret=OLD)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        request(f"http://{LOOPBACK}:{demanding.port}{PATHS[0]}", headers={"X-Watchword-Secret": OLD})


def test_older_tls_is_not_spoken(demanding: VerifierProcess, tmp_path: Path) -> None:
    old = context(tmp_path)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(demanding, PATHS[0], old, X_Watchword_Secret=OLD)


def test_the_secret_is_in_no_log(demanding: VerifierProcess) -> None:
    assert OLD not in demanding.log()
    assert NEW not in demanding.log()
