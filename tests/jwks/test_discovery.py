"""Find an issuer's metadata on a real TLS server, and every way in which that fails."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any

import pytest

from kit import certificates
from kit.key_server import (
    Behaviour,
    Canary,
    Conversation,
    KeyServer,
    answers,
    redirects,
    resets,
    serves,
    speaks_plainly,
    stalls,
    trickles,
)
from watchword.jwks.discovery import NotDiscovered, discover
from watchword.jwks.discovery_problems import described
from watchword.jwks.metadata import Metadata
from watchword.jwks.problem import Problem
from watchword.outbound.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.enable_socket

OIDC = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"


def at_paths(places: dict[str, Behaviour], otherwise: Behaviour | None = None) -> Behaviour:
    """A server with something at each of these paths."""
    nothing = otherwise or answers(404)

    def on_request(conversation: Conversation) -> None:
        path = conversation.request.split(b" ")[1].decode()
        places.get(path, nothing).on_request(conversation)

    return Behaviour(on_request)


def metadata(server: KeyServer, path: str = "", **changes: Any) -> dict[str, Any]:
    origin = server.location_at("127.0.0.1", "")
    return {"issuer": f"{origin}{path}", "jwks_uri": f"{origin}{path}/keys", **changes}


def issuer_of(server: KeyServer, path: str = "") -> str:
    return server.location_at("127.0.0.1", path)


def ask(server: KeyServer, issuer: str, **policy: Any) -> Metadata | NotDiscovered:
    return discover(issuer, verify_certificate=True, policy=server.policy(**policy))


def asked(server: KeyServer) -> list[str]:
    return [conversation.request.split(b" ")[1].decode() for conversation in server.requests]


def sentence(found: Metadata | NotDiscovered) -> str:
    assert isinstance(found, NotDiscovered)
    return found.sentence


@pytest.mark.parametrize("path", ["", "/", "/realms/prod", "/realms/prod/"])
def test_usual_location_is_tried_first(path: str) -> None:
    with KeyServer(answers(404)) as server:
        place = path.removesuffix("/") + OIDC
        server.behaviour = at_paths({place: serves(metadata(server, path))})
        found = ask(server, issuer_of(server, path))
        assert found == Metadata(issuer=issuer_of(server, path), jwks_location=f"{issuer_of(server, path)}/keys")
        assert asked(server) == [place]


ELSEWHERE: dict[str, Behaviour] = {
    "404": answers(404),
    "410": answers(410),
    "400": answers(400),
    "401": answers(401),
    "403": answers(403),
    "500": answers(500),
    "204": answers(204),
    "a redirect": redirects("https://login.acme.example/"),
    "a page": serves(b"<!doctype html>", content_type="text/html"),
    "another document": serves({"hello": "world"}),
    "no JSON": serves(b"hello"),
}


@pytest.mark.parametrize("first", ELSEWHERE.values(), ids=ELSEWHERE)
def test_second_location_is_tried_after_any_failure(first: Behaviour) -> None:
    with KeyServer(first) as server:
        second = f"{OAUTH}/oauth2"
        server.behaviour = at_paths({second: serves(metadata(server, "/oauth2"))}, first)
        assert isinstance(ask(server, issuer_of(server, "/oauth2")), Metadata)
        assert asked(server) == [f"/oauth2{OIDC}", second]


TYPED = {
    "": "Enter the Issuer URI first",
    "http://login.acme.example/": "The Issuer URI does not begin with https://.",
    "login.acme.example": "The Issuer URI does not begin with https://.",
    "javascript:alert(1)": "The Issuer URI does not begin with https://.",
    "https://login.acme.example/?p=1": "has a query",
    "https://login.acme.example/#x": "has a fragment",
    " https://login.acme.example/": "contains a blank",
    "https://login.acme.example/ ": "contains a blank",
    "https://login.acme.example/\x00": "invisible character",
    "https://{domain}/": "placeholder",
    "https://": "not a URL",
    "https://login.acme.example/.well-known/openid-configuration": "Enter it as JWKS location",
    "https://login.acme.example/.well-known/oauth-authorization-server/a": "Enter it as JWKS location",
    "https://me@login.acme.example/": "not a URL",
    "https://login.acme.example/" + "x" * 3000: "longer than 2,048",
}


@pytest.mark.parametrize(("typed", "words"), TYPED.items(), ids=lambda each: repr(each)[:30])
def test_invalid_issuer_causes_no_connection(typed: str, words: str) -> None:
    with KeyServer(answers(200)) as server:
        assert words in sentence(ask(server, typed))
        assert server.connections == 0


HOSTILE_OR_BROKEN: list[tuple[Behaviour, str]] = [
    (answers(401), "sign-in for the metadata"),
    (answers(429), "too many requests"),
    (answers(503), "reports a fault"),
    (redirects("https://127.0.0.1/"), "redirects are not followed"),
    (serves(b"<html>", content_type="text/html"), "not with metadata in JSON"),
    (serves(b'{"issuer":"https://a.example","jwks_uri":"https://a.example/k"}', content_type="text/html"), "not with"),
    (serves(b"[]"), "not with metadata in JSON"),
    (serves(b""), "not with metadata in JSON"),
    (serves(b"{}", headers={"Content-Encoding": "gzip"}), "Serve the metadata without compression"),
    (serves(b'{"a":"' + b"x" * 300_000 + b'"}'), "larger than allowed"),
    (resets(), "No connection"),
    (speaks_plainly(b"SSH-2.0-x\r\n"), "does not speak TLS"),
]


@pytest.mark.usefixtures("loopback_is_public")
@pytest.mark.parametrize(("behaviour", "words"), HOSTILE_OR_BROKEN, ids=[words for _, words in HOSTILE_OR_BROKEN])
def test_each_failure_message_is_about_the_issuer(behaviour: Behaviour, words: str) -> None:
    with KeyServer(behaviour) as server:
        assert words in sentence(ask(server, issuer_of(server)))


@pytest.mark.usefixtures("loopback_is_public")
def test_both_locations_are_named_if_both_are_missing() -> None:
    with KeyServer(answers(404)) as server:
        found = sentence(ask(server, issuer_of(server, "/a")))
        assert OIDC in found
        assert OAUTH in found
        assert asked(server) == [f"/a{OIDC}", f"{OAUTH}/a"]


@pytest.mark.usefixtures("loopback_is_public")
@pytest.mark.parametrize("places", [(403, 404), (404, 403)])
def test_other_failures_are_reported_before_a_404(places: tuple[int, int]) -> None:
    with KeyServer(answers(404)) as server:
        server.behaviour = at_paths({OIDC: answers(places[0]), OAUTH: answers(places[1])})
        assert "403" in sentence(ask(server, issuer_of(server)))


def test_internal_host_does_not_reveal_a_404() -> None:
    with KeyServer(answers(404)) as server:
        assert "HTTP status 4xx" in sentence(ask(server, issuer_of(server)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"jwks_uri": None}, "The jwks_uri in the metadata is missing."),
        ({"jwks_uri": "http://a.example/k"}, "The jwks_uri in the metadata does not begin with https://."),
        ({"jwks_uri": ["https://a.example/k"]}, "The jwks_uri in the metadata is not a text."),
        ({"jwks_uri": "https://a.example/" + "x" * 5000}, "The jwks_uri in the metadata is longer than"),
        ({"jwks_uri": "https://a.example/\u202e"}, "The jwks_uri in the metadata contains a blank"),
        ({"issuer": None}, "The issuer in the metadata is missing."),
    ],
)
def test_metadata_that_cannot_be_used_fills_in_nothing(changes: dict[str, Any], words: str) -> None:
    with KeyServer(answers(404)) as server:
        server.behaviour = serves(metadata(server, **changes))
        assert sentence(ask(server, issuer_of(server))).startswith(words)


@pytest.mark.parametrize("ending", ["/", "/x", "/%2F"])
def test_different_issuer_is_shown_and_fills_in_nothing(ending: str) -> None:
    with KeyServer(answers(404)) as server:
        named = issuer_of(server) + ending
        server.behaviour = serves(metadata(server, issuer=named))
        found = sentence(ask(server, issuer_of(server)))
        assert f"“{named}” and not “{issuer_of(server)}”. " in found
        # The result is final: another location cannot improve it.
        assert asked(server) == [OIDC]


def test_only_listed_ports_and_networks_are_connected_to() -> None:
    with Canary() as canary, KeyServer(answers(404)) as server:
        issuer = f"https://127.0.0.1:{canary.port}"
        assert "port" in sentence(ask(server, issuer))
        refused = sentence(ask(server, issuer, allowed_ports=frozenset({canary.port}), allowed_networks=()))
        assert "does not connect to this host" in refused
        assert canary.count() == 0


def test_refused_address_is_not_tried_again() -> None:
    with KeyServer(resets()) as server:
        assert "No connection" in sentence(ask(server, issuer_of(server), connect_timeout=0.3))
        assert server.connections == 1


def test_the_certificate_is_validated_unless_the_registration_says_otherwise() -> None:
    with KeyServer(answers(404), certificates.FROM_UNKNOWN_AUTHORITY) as server:
        server.behaviour = serves(metadata(server))
        assert "unrecognized Certificate Authority (CA)" in sentence(ask(server, issuer_of(server)))
        assert server.requests == []
        assert isinstance(discover(issuer_of(server), verify_certificate=False, policy=server.policy()), Metadata)


def test_attached_authority_is_trusted() -> None:
    with KeyServer(answers(404)) as server:
        server.behaviour = serves(metadata(server))
        policy = server.policy(extra_authorities=None)
        own = certificates.authority_pem()
        assert isinstance(discover(issuer_of(server), verify_certificate=True, policy=policy), NotDiscovered)
        found = discover(issuer_of(server), verify_certificate=True, ca_bundle=own, policy=policy)
        assert isinstance(found, Metadata)


@pytest.mark.parametrize("behaviour", [stalls, lambda: trickles(b"HTTP/1.1 200 OK\r\n\r\n{")])
def test_slow_server_fails_at_the_deadline(behaviour: Callable[[], Behaviour]) -> None:
    with KeyServer(behaviour()) as server:
        assert "time allowed" in sentence(ask(server, issuer_of(server), total_timeout=0.5))
        assert server.connections == 1


def test_both_locations_share_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    class OutAfterTheFirstPlace(Deadline):
        def remaining(self) -> float:
            left = super().remaining()
            self._ends_at = 0
            return left

    monkeypatch.setattr("watchword.jwks.discovery.Deadline", OutAfterTheFirstPlace)
    with KeyServer(answers(404)) as server:
        assert "time allowed" in sentence(ask(server, issuer_of(server), total_timeout=30.0))
        assert asked(server) == [OIDC]


def test_document_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with KeyServer(answers(404)) as server:
        server.behaviour = serves(json.dumps(metadata(server, issuer="https://secret-name.example")).encode())
        assert "secret-name" in sentence(ask(server, issuer_of(server)))
    assert "secret-name" not in caplog.text


@pytest.mark.parametrize("problem", [each for each in Problem if each.code not in {
    # These are about the text of a JWKS location or about a key set; there is neither here.
    "location_missing", "location_malformed", "blank_in_location", "location_too_long", "scheme_not_https",
    "credentials_in_location", "fragment_in_location", "host_malformed", "port_malformed", "html_page", "xml_document",
    "declared_as_html", "empty_answer", "json_ambiguous", "metadata", "single_key", "not_a_key_set", "empty_key_set",
    "too_many_keys", "private_key_material", "kid_reused", "no_usable_key",
}])  # fmt: skip
def test_failures_do_not_mention_key_sets(problem: Problem) -> None:
    told = described([problem])
    # The location is mentioned where the remedy is to type it.
    told = told.replace("JWKS Server Certificate Validation", "").replace("enter the JWKS location yourself", "")
    assert not re.search("key set|jwks", told, re.IGNORECASE)
