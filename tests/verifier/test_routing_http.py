"""The paths by which a verifier finds an organization, over real HTTP: octet by octet, as gateways and browsers ask."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from kit import acme, forge
from kit.processes import LOOPBACK, free_port
from kit.raw_http import exchange
from watchword.feed import Snapshot
from watchword.verifier.app import Verifier
from watchword.verifier.listeners.gateway_port import HttpListener
from watchword.verifier.listeners.http import listen
from watchword.verifier.protected_resource import ProtectedResource
from watchword.verifier.snapshot import CurrentSnapshot
from watchword.verifier.traefik_routing import TraefikRouting
from watchword.verifier.unknown_keys import UnknownKeys
from watchword.verifier.usage.counting import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.client import Answer

# What a file starts for all its tests must not lose its sockets between them.
pytestmark = pytest.mark.enable_socket

CLOUD = "example-cloud"
# Without names: a token that names its key waits for a rotation when it is refused.
KEYS = {name: forge.ec_key(name).named(None) for name in ("acme", "globex")}
TRAEFIK = {"host": TraefikRouting("host", "api.example"), "path": TraefikRouting("path", None), "": None}


@contextmanager
def listening(traefik: TraefikRouting | None, api_url: str, cloud_name: str = CLOUD) -> Iterator[int]:
    """A verifier's listener for gateways in this process; yields its port."""
    current = CurrentSnapshot(hard_limit=3600)
    known = {name: acme.trust(key, organization=name) for name, key in KEYS.items()}
    current.swap(Snapshot("first", 1, MappingProxyType(known)), heard_at=forge.NOW)
    verifier = Verifier(
        current=current, usage=Usage(), unknown_keys=UnknownKeys(), cloud_name=cloud_name, clock=lambda: forge.NOW
    )
    answer = ProtectedResource(url=api_url, name=None, current=current).wrap(verifier.respond)
    with HttpListener(LOOPBACK, free_port()) as http:
        http.start = partial(listen, answer, traefik=traefik)
        http.open()
        try:
            yield http._address[1]
        finally:
            http.close()
            http.drain()


@pytest.fixture(scope="module")
def by_host() -> Iterator[int]:
    with listening(TRAEFIK["host"], "https://{organization}.api.example") as port:
        yield port


@pytest.fixture(scope="module")
def by_path() -> Iterator[int]:
    with listening(TRAEFIK["path"], "https://api.example/o/{organization}") as port:
        yield port


@pytest.fixture(scope="module")
def by_token() -> Iterator[int]:
    with listening(None, "https://api.example") as port:
        yield port


def token(organization: str = "acme", **changes: Any) -> str:
    return forge.token(KEYS[organization], "ES256", **{"scope": f"{CLOUD}::{organization}::Orders", **changes})


def ask(port: int, target: str, *lines: str, signed_by: str | None = "acme", method: str = "GET") -> Answer:
    bearer = () if signed_by is None else (f"Authorization: Bearer {token(signed_by)}",)
    head = "\r\n".join((f"{method} {target} HTTP/1.1", "Host: verifier", "Connection: close", *bearer, *lines))
    return exchange(port, f"{head}\r\n\r\n", timeout=30)


def organization(answer: Answer) -> str | None:
    assert (answer.status == 200) == (answer.header("x-auth-organization") is not None)
    return answer.header("x-auth-organization")


BY_HOST, BY_PATH, BY_TOKEN = "/verify-by-host/traefik", "/verify-by-path/traefik", "/verify-by-token/plain"


def test_token_decides_and_nothing_else_that_a_client_sends(by_token: int) -> None:
    lines = (
        "X-Forwarded-Host: globex.api.example",
        "X-Forwarded-Uri: /o/globex/",
        "X-Auth-Organization: globex",
        "X-Original-URL: /verify/plain/globex",
    )
    for target in (
        BY_TOKEN,
        f"{BY_TOKEN}?organization=globex",
        f"{BY_TOKEN}/globex",
        f"{BY_TOKEN}/verify/plain/globex",
    ):
        for method in ("GET", "POST", "OPTIONS", "PROPFIND"):
            assert organization(ask(by_token, target, *lines, method=method)) == "acme"
        assert organization(ask(by_token, target, *lines, signed_by="globex")) == "globex"


def test_two_tokens_are_refused_whichever_organization_each_names(by_token: int) -> None:
    for first, second in (("acme", "globex"), ("globex", "acme"), ("acme", "acme")):
        answer = ask(by_token, BY_TOKEN, f"Authorization: Bearer {token(second)}", signed_by=first)
        assert answer.status == 400


@pytest.mark.parametrize("target", [BY_HOST, BY_PATH, f"{BY_HOST}/", "/verify-by-host/plain", "/verify-by-host"])
def test_without_the_setting_no_path_reads_forwarded_headers(by_token: int, target: str) -> None:
    answer = ask(by_token, target, "X-Forwarded-Host: acme.api.example", "X-Forwarded-Uri: /o/acme/")
    assert (answer.status, answer.json()["reason"]) == (404, "no_such_path")


def test_each_setting_allows_its_own_path_alone(by_host: int, by_path: int) -> None:
    lines = ("X-Forwarded-Host: acme.api.example", "X-Forwarded-Uri: /o/globex/x")
    assert organization(ask(by_host, BY_HOST, *lines)) == "acme"
    assert organization(ask(by_path, BY_PATH, *lines, signed_by="globex")) == "globex"
    assert ask(by_host, BY_PATH, *lines).status == 404
    assert ask(by_path, BY_HOST, *lines).status == 404
    for port, target in ((by_host, BY_HOST), (by_path, BY_PATH)):
        for other in (f"{target}/", f"{target}/acme", target.replace("traefik", "plain"), target.upper()):
            assert ask(port, other, *lines).status == 404


def test_no_other_path_reads_the_headers(by_host: int) -> None:
    for target in ("/verify/traefik/acme", "/verify/plain/acme", BY_TOKEN):
        assert organization(ask(by_host, target, "X-Forwarded-Host: globex.api.example")) == "acme"


def test_another_organizations_token_is_refused_whatever_the_header_says(by_host: int, by_path: int) -> None:
    assert ask(by_host, BY_HOST, "X-Forwarded-Host: globex.api.example").json()["reason"] == "no_matching_key"
    assert ask(by_path, BY_PATH, "X-Forwarded-Uri: /o/globex/x").json()["reason"] == "no_matching_key"


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([], 400),
        (["X-Forwarded-Host: acme.api.example"] * 2, 400),
        (["X-Forwarded-Host: acme.api.example", "x-forwarded-host: globex.api.example"], 400),
        # Counted before anything drops a value that is not ASCII.
        (["X-Forwarded-Host: acme.api.example", "X-Forwarded-Host: \xe9"], 400),
        (["X-Forwarded-Host: acme.api.ex\xe4mple"], 404),
        (["X-Forwarded-Host:"], 404),
        (["X-Forwarded-Host: acme.api.example, globex.api.example"], 404),
        (["X-Forwarded-Host: acme.api.example."], 404),
        (["X-Forwarded-Host: -.api.example"], 404),
        (["X-Forwarded-Host: %61cme.api.example"], 404),
        (["X_Forwarded_Host: acme.api.example"], 400),
        (["X-Original-Host: acme.api.example", "Forwarded: host=acme.api.example"], 400),
    ],
    ids=str,
)
def test_traefik_must_send_one_host_that_names_an_organization(by_host: int, lines: list[str], status: int) -> None:
    answer = ask(by_host, BY_HOST, *lines)
    assert answer.status == status
    assert answer.header("access-control-allow-origin") == "*"
    assert answer.header("x-auth-organization") is None


@pytest.mark.parametrize(
    ("uri", "status"),
    [
        ("/o/acme/../globex/x", 400),
        ("/o/acme/%2e%2e/globex/x", 400),
        ("/o/acme/..%2fglobex", 400),
        ("/o/acme/..;/globex", 400),
        ("/o/acme/..\\globex", 400),
        ("/o/acme/%252e%252e/globex", 400),
        ("/o/acme%2fx", 404),
        ("http://api.example/o/acme/x", 404),
        ("//o/acme", 404),
        ("/x", 404),
        ("/o/acme/x?..", 200),
    ],
)
def test_traefik_must_send_one_path_that_names_an_organization(by_path: int, uri: str, status: int) -> None:
    assert ask(by_path, BY_PATH, f"X-Forwarded-Uri: {uri}").status == status


def test_challenges_name_the_document_of_the_organization_in_the_header(by_host: int, by_path: int) -> None:
    well_known = "/.well-known/oauth-protected-resource"
    for port, target, line, pointer in (
        (by_host, BY_HOST, "X-Forwarded-Host: acme.api.example", f"https://acme.api.example{well_known}"),
        (by_path, BY_PATH, "X-Forwarded-Uri: /o/acme/x", f"https://api.example{well_known}/o/acme"),
    ):
        answer = ask(port, target, line, signed_by=None)
        assert answer.status == 401
        assert f'resource_metadata="{pointer}"' in str(answer.header("www-authenticate"))


def test_traefik_gets_the_document_by_host(by_host: int) -> None:
    well_known = "/.well-known/oauth-protected-resource"
    for lines, status in (
        (("X-Forwarded-Host: acme.api.example",), 200),
        (("X-Forwarded-Host: api.example",), 404),
        ((), 400),
    ):
        answer = ask(by_host, well_known, *lines, signed_by=None)
        assert answer.status == status
        if status == 200:
            assert answer.json()["resource"] == "https://acme.api.example"
    assert ask(by_host, f"{well_known}/globex", signed_by=None).json()["resource"] == "https://globex.api.example"


def test_challenge_names_one_document_where_the_token_names_the_organization(by_token: int) -> None:
    answer = ask(by_token, BY_TOKEN, signed_by=None)
    pointer = "https://api.example/.well-known/oauth-protected-resource"
    assert f'resource_metadata="{pointer}"' in str(answer.header("www-authenticate"))
    document = ask(by_token, pointer.removeprefix("https://api.example"), signed_by=None)
    assert (document.status, document.json()["resource"]) == (200, "https://api.example")


def test_fd_01_refusal_can_be_read_by_a_page_of_another_origin(by_token: int) -> None:
    for answer in (ask(by_token, BY_TOKEN, signed_by=None), ask(by_token, "/nowhere")):
        assert answer.header("access-control-allow-origin") == "*"
        assert answer.header("access-control-expose-headers") == "WWW-Authenticate, Retry-After"
        assert answer.header("access-control-allow-credentials") is None


@pytest.mark.parametrize("method", ["OPTIONS", "GET"])
@pytest.mark.parametrize("header", ["mcp-protocol-version", "authorization", "x-anything"])
def test_fd_02_document_answers_preflights_for_any_header(by_path: int, method: str, header: str) -> None:
    answer = ask(
        by_path,
        "/.well-known/oauth-protected-resource/acme",
        "Origin: https://client.example",
        "Access-Control-Request-Method: GET",
        f"Access-Control-Request-Headers: {header}",
        signed_by=None,
        method=method,
    )
    assert answer.status == 200
    assert answer.header("access-control-allow-origin") == "*"
    assert answer.header("access-control-allow-methods") == "GET"
    assert answer.header("access-control-allow-headers") == "*, Authorization"
