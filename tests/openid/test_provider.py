"""Discovery of an identity provider: what its metadata must say, and the sentence if it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit.key_server import answers, redirects
from kit.sign_in_server import KEY, ODD_VALUES, SignInServer
from watchword.jwks.problem import Problem
from watchword.openid.discovery_sentences import described
from watchword.openid.provider import NotFound, Provider, TokenAuthentication, discover, fetch_keys
from watchword.outbound.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.enable_socket

DOCUMENT = "/.well-known/openid-configuration"


@pytest.fixture
def server() -> Iterator[SignInServer]:
    with SignInServer() as running:
        yield running


def found(server: SignInServer, issuer: str | None = None, **changes: object) -> Provider:
    provider = discover(server.issuer if issuer is None else issuer, server.policy(**changes))
    assert isinstance(provider, Provider), provider
    return provider


def sentence(server: SignInServer, issuer: str | None = None, **changes: object) -> str:
    provider = discover(server.issuer if issuer is None else issuer, server.policy(**changes))
    assert isinstance(provider, NotFound), provider
    return provider.sentence


def test_provider_is_found_by_its_issuer(server: SignInServer) -> None:
    server.metadata = {"end_session_endpoint": f"{server.issuer}/logout?a=b"}
    assert found(server) == server.provider(end_session_endpoint=f"{server.issuer}/logout?a=b")
    assert server.paths() == [DOCUMENT]


def test_path_of_the_issuer_comes_first(server: SignInServer) -> None:
    issuer = f"{server.issuer}/realms/acme/"
    server.metadata = {"issuer": issuer}
    assert found(server, issuer) == server.provider(issuer=issuer)
    assert server.paths() == [f"/realms/acme{DOCUMENT}"]


@pytest.mark.parametrize(
    ("issuer", "told"),
    [
        ("", "Enter the issuer"),
        ("http://login.acme.example", "does not begin with https://"),
        ("https://login.acme.example?tenant=acme", "has a query"),
        ("https://login.acme.example#a", "has a fragment"),
        ("https://login.microsoftonline.com/{tenantid}/v2.0", "placeholder"),
        (" https://login.acme.example", "a blank"),
        ("https://login.acme.example/.well-known/openid-configuration", "This is the address of metadata"),
    ],
)
def test_invalid_issuers_are_not_fetched(server: SignInServer, issuer: str, told: str) -> None:
    assert told in sentence(server, issuer)
    assert server.connections == 0


@pytest.mark.parametrize("named", ["https://login.globex.example", "{}/", "{}/acme"])
def test_o10_document_of_another_issuer_is_refused(server: SignInServer, named: str) -> None:
    server.metadata = {"issuer": named.format(server.issuer)}
    assert "names another issuer" in sentence(server)


@pytest.mark.parametrize(
    ("issuer", "told"),
    [(..., "is missing"), (1, "is not a text"), ("http://127.0.0.1", "https://"), ("https://a.example?b", "a query")],
)
def test_document_must_name_an_issuer(server: SignInServer, issuer: object, told: str) -> None:
    server.metadata = {"issuer": issuer}
    assert sentence(server).startswith("The issuer in the metadata ")
    assert told in sentence(server)


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"issuer":"a","issuer":"b"}', b'{"a":NaN}', b'"a"'])
def test_document_is_strict_json(server: SignInServer, body: bytes) -> None:
    server.instead = {DOCUMENT: answers(200, body)}
    assert "not with metadata in JSON" in sentence(server)


def test_sign_in_page_is_no_document(server: SignInServer) -> None:
    server.instead = {DOCUMENT: answers(200, b"{}", {"Content-Type": "text/html"})}
    assert "not with metadata in JSON" in sentence(server)


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint"])
@pytest.mark.parametrize(
    ("url", "told"),
    [
        (1, "is not a text"),
        ("http://127.0.0.1/a", "does not begin with https://"),
        ("javascript:alert(1)", "does not begin with https://"),
        ("https://127.0.0.1/a#b", "has a fragment"),
        ("https://127.0.0.1/a\r\nX: y", "a line break"),
        ("https://alice@127.0.0.1/", "is not a URL that this service fetches"),
        (f"https://127.0.0.1/{'a' * 2048}", "longer"),
    ],
)
def test_endpoints_are_https_urls(server: SignInServer, name: str, url: object, told: str) -> None:
    server.metadata = {name: url}
    assert sentence(server).startswith(f"The {name} in the metadata ")
    assert told in sentence(server)


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_endpoints_are_required(server: SignInServer, name: str) -> None:
    server.metadata = {name: ...}
    assert sentence(server) == f"The {name} in the metadata is missing."


@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri"])
@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://169.254.169.254/latest", "has an address that is not allowed"),
        ("https://[::ffff:10.0.0.1]/", "has an address that is not allowed"),
        ("https://vault.internal/", "could not be looked up|does not exist"),
        ("https://127.0.0.1:22/", "port in the .* is not allowed"),
    ],
)
def test_o11_endpoints_that_this_service_calls_pass_the_address_rules(
    server: SignInServer, name: str, url: str, told: str
) -> None:
    server.metadata = {name: url}
    ports = frozenset({server.port, 443})
    with pytest.raises(AssertionError, match=f"{name} in the metadata") as shown:
        found(server, allowed_ports=ports, resolver=_knows_no_name)
    assert shown.match(told)


def test_o11_endpoint_whose_name_resolves_inward_is_refused(server: SignInServer) -> None:
    server.metadata = {"token_endpoint": f"https://tokens.acme.example:{server.port}/"}
    told = sentence(server, resolver=lambda _host, _port: ["8.8.8.8", "10.0.0.1"])
    assert "token_endpoint in the metadata has an address that is not allowed" in told


def _knows_no_name(_host: str, _port: int) -> list[str]:
    return []


@pytest.mark.parametrize(
    "query",
    ["client_id=globex", "response_type=token", "a=b&state=", "redirect_uri=https://globex.example", "%73tate=a"],
)
def test_endpoint_must_not_bring_parameters_of_the_request(server: SignInServer, query: str) -> None:
    server.metadata = {"authorization_endpoint": f"{server.issuer}/authorize?{query}"}
    assert "already has a parameter" in sentence(server)


@pytest.mark.parametrize(
    ("name", "offered", "others"),
    [
        ("response_types_supported", ["code", "id_token"], ["id_token"]),
        ("response_modes_supported", ["query"], ["form_post"]),
        ("grant_types_supported", ["authorization_code"], ["implicit"]),
        ("code_challenge_methods_supported", ["plain", "S256"], ["plain"]),
        ("id_token_signing_alg_values_supported", ["HS256", "RS256"], ["none", "HS256"]),
    ],
)
def test_what_the_flow_needs_must_be_offered_if_a_list_is_given(
    server: SignInServer, name: str, offered: list[str], others: list[str]
) -> None:
    for good in (offered, ..., None, []):
        server.metadata = {name: good}
        assert found(server) == server.provider()
    for bad in (others, offered[0], [1], {offered[0]: True}):
        server.metadata = {name: bad}
        assert sentence(server).startswith(f"The {name} in the metadata do not contain ")


@pytest.mark.parametrize(
    ("methods", "authentication"),
    [
        (..., TokenAuthentication.BASIC),
        (["client_secret_post", "client_secret_basic"], TokenAuthentication.BASIC),
        (["private_key_jwt", "client_secret_post"], TokenAuthentication.POST),
    ],
)
def test_client_authenticates_as_the_provider_offers(
    server: SignInServer, methods: object, authentication: TokenAuthentication
) -> None:
    server.metadata = {"token_endpoint_auth_methods_supported": methods}
    assert found(server).authentication is authentication
    server.metadata = {"token_endpoint_auth_methods_supported": ["private_key_jwt", "none"]}
    assert "neither client_secret_basic nor client_secret_post" in sentence(server)


@pytest.mark.parametrize(("said", "sends"), [(True, True), (False, False), ("true", False), (1, False), (..., False)])
def test_issuer_in_responses_is_announced_by_true(server: SignInServer, said: object, sends: bool) -> None:  # noqa: FBT001
    server.metadata = {"authorization_response_iss_parameter_supported": said}
    assert found(server).sends_issuer is sends


def test_o10_redirect_of_the_document_is_not_followed(server: SignInServer) -> None:
    server.instead = {DOCUMENT: redirects(f"{server.issuer}/elsewhere")}
    assert "redirects are not followed" in sentence(server)
    assert server.paths() == [DOCUMENT]


def test_everything_shares_the_time_of_one_exchange(server: SignInServer) -> None:
    def resolver(_host: str, _port: int) -> list[str]:
        raise AssertionError("There was no time left for a lookup.")

    server.metadata = {"token_endpoint": f"https://tokens.acme.example:{server.port}/"}
    assert "time allowed" in sentence(server, total_timeout=0.0, resolver=resolver)


@pytest.mark.parametrize("failure", Failure)
def test_sentences_are_about_an_identity_provider(failure: Failure) -> None:
    told = described(failure, "issuer")
    assert "{" not in told
    # Those about the text of a location have another sentence before any exchange.
    if failure.value not in {
        "location_missing", "location_malformed", "blank_in_location", "location_too_long", "scheme_not_https",
        "credentials_in_location", "fragment_in_location", "host_malformed", "port_malformed",
    }:  # fmt: skip
        assert "JWKS" not in told
        assert "key set" not in told


def test_keys_are_fetched_by_the_rules_for_key_sets(server: SignInServer) -> None:
    keys = fetch_keys(server.provider(), server.policy())
    assert isinstance(keys, tuple)
    assert [key.kid for key in keys] == [KEY.kid]
    assert fetch_keys(server.provider(jwks_location="https://10.0.0.1/"), server.policy(allowed_ports={443})) is (
        Problem.ADDRESS_REFUSED
    )
    server.instead = {"/jwks": answers(200, b'{"keys":[]}')}
    assert fetch_keys(server.provider(), server.policy()) is Problem.EMPTY_KEY_SET


def test_keys_are_fetched_over_a_validated_connection(server: SignInServer) -> None:
    untrusted = server.policy(extra_authorities=None)
    assert fetch_keys(server.provider(), untrusted) is Problem.CERTIFICATE_UNKNOWN_AUTHORITY
    assert server.requests == []


@pytest.mark.parametrize(
    "name",
    [
        "issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint",
        "response_types_supported", "token_endpoint_auth_methods_supported", "id_token_signing_alg_values_supported",
        "authorization_response_iss_parameter_supported",
    ],
)  # fmt: skip
def test_no_member_of_a_document_is_a_fault_here(server: SignInServer, name: str) -> None:
    for value in ODD_VALUES:
        server.metadata = {name: value}
        assert isinstance(discover(server.issuer, server.policy(resolver=_knows_no_name)), Provider | NotFound), value
