"""A real nginx with the shipped files, the real verifier, and an API that shows what reaches it: CASES G-01 to G-15."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from kit import acme, live
from kit.client import Answer, request
from kit.feed_server import FeedServer, feed_server
from kit.nginx import protecting
from kit.not_a_verifier import GARBAGE, answering
from kit.orders_api import OrdersApi, orders_api
from kit.processes import LOOPBACK, free_port
from kit.raw_http import exchange
from kit.verifier_process import VerifierProcess, verifier_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.enable_socket

IDENTITY = ("Organization", "Server", "Issuer", "Subject", "Client-Id", "Scope", "Expires")


class Site:
    """Everything between a client and the API."""

    def __init__(self, port: int, api: OrdersApi, feed: FeedServer, verifier: VerifierProcess) -> None:
        self.port = port
        self.api = api
        self.feed = feed
        self.verifier = verifier

    def get(self, token: str | None = None, path: str = "/orders", **headers: str) -> Answer:
        return request(f"http://{LOOPBACK}:{self.port}{path}", headers=headers, bearer=token)

    def send(self, *lines: str, path: str = "/orders") -> Answer:
        """One request with exactly these header lines."""
        return exchange(self.port, "\r\n".join((f"GET {path} HTTP/1.1", "Host: api.example", *lines, "", "")))


def identity_at_api(answer: Answer) -> dict[str, list[str]]:
    """The headers that the API would take for an identity, in any spelling that some server would fold into ours."""
    assert answer.status == 200, answer
    seen: dict[str, list[str]] = {}
    for name, value in answer.json()["headers"]:
        folded = name.lower().replace("_", "-").replace(".", "-")
        if folded.startswith("x-auth-"):
            seen.setdefault(folded, []).append(value)
    return seen


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    with ExitStack() as parts:
        feed = parts.enter_context(feed_server())
        feed.publish(live.trust(), live.trust(organization="globex", suspended=True))
        verifier = parts.enter_context(verifier_process(folder, feed_port=feed.port))
        api = parts.enter_context(orders_api())
        port = parts.enter_context(protecting(folder, api_port=api.port, verifier_port=verifier.port))
        yield Site(port, api, feed, verifier)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[Site]:
    """For tests that break something."""
    with running_site(tmp_path) as running:
        yield running


def test_a_good_token_is_let_through_with_its_identity(site: Site) -> None:
    answer = site.get(live.token())
    assert {name: values for name, values in identity_at_api(answer).items() if name != "x-auth-expires"} == {
        "x-auth-organization": ["acme"],
        "x-auth-server": ["ProdOkta"],
        "x-auth-issuer": ["https://login.acme.example/"],
        "x-auth-subject": ["alice"],
        "x-auth-client-id": ["acme-batch"],
        "x-auth-scope": ["orders:read orders:write"],
    }


def test_the_token_itself_does_not_reach_the_api(site: Site) -> None:
    answer = site.get(live.token())
    assert answer.status == 200
    assert "authorization" not in [name for name, _ in answer.json()["headers"]]


SPELLINGS = (
    ("as defined", "X-Auth-{0}"),
    ("lower case", "x-auth-{0}"),
    ("mixed case", "x-AUTH-{0}"),
    ("underscores", "X_Auth_{0}"),
    ("mixed separators", "X-Auth_{0}"),
    ("mixed separators the other way", "x_auth-{0}"),
    ("dots", "X.Auth.{0}"),
)


@pytest.mark.parametrize("name", IDENTITY)
@pytest.mark.parametrize(("why", "spelling"), SPELLINGS, ids=[why for why, _ in SPELLINGS])
def test_a_client_cannot_bring_an_identity(site: Site, why: str, spelling: str, name: str) -> None:
    forged = spelling.format(name)
    under_scored = spelling.format(name.replace("-", "_"))
    answer = site.send(
        f"Authorization: Bearer {live.token()}", f"{forged}: forged", f"{forged}: twice", f"{under_scored}: forged"
    )
    seen = identity_at_api(answer)
    assert not {"forged", "twice"} & {value for values in seen.values() for value in values}
    assert all(len(values) == 1 for values in seen.values())


@pytest.mark.parametrize("name", IDENTITY)
def test_a_client_cannot_bring_what_its_token_does_not_say(site: Site, name: str) -> None:
    bare = live.token(sub=..., scope=...)
    seen = identity_at_api(site.send(f"Authorization: Bearer {bare}", f"X-Auth-{name}: forged"))
    assert "forged" not in {value for values in seen.values() for value in values}
    assert "x-auth-subject" not in seen


@pytest.mark.parametrize("token", ["none", "altered"])
def test_a_forged_identity_without_a_good_token_goes_nowhere(site: Site, token: str) -> None:
    before = len(site.api.requests)
    authorization = [f"Authorization: Bearer {live.token(signature=b'0' * 256)}"] if token == "altered" else []
    answer = site.send(*authorization, *(f"X-Auth-{name}: forged" for name in IDENTITY))
    assert answer.status == 401
    assert len(site.api.requests) == before


@pytest.mark.parametrize("name", IDENTITY)
@pytest.mark.parametrize("connection", ["close, X-Auth-{0}", "x-auth-{1}", "X-AUTH-{0}, keep-alive"])
def test_connection_cannot_take_an_identity_header_off(site: Site, connection: str, name: str) -> None:
    listed = connection.format(name, name.lower())
    answer = site.send(f"Authorization: Bearer {live.token()}", f"Connection: {listed}")
    assert f"x-auth-{name.lower()}" in identity_at_api(answer)
    assert not [value for key, value in answer.json()["headers"] if key == "connection" and "auth" in value.lower()]


def test_no_token_is_challenged_without_an_error(site: Site) -> None:
    answer = site.get()
    assert answer.status == 401
    assert answer.header("WWW-Authenticate") == 'Bearer realm="watchword"'
    assert answer.header("Content-Type") == "application/problem+json"
    assert answer.header("Cache-Control") == "no-store"
    assert answer.json()["reason"] == "token_missing"


BAD_TOKENS: dict[str, dict[str, Any]] = {
    "signature_invalid": {"signature": b"0" * 256},
    "token_expired": {"exp": 1},
    "issuer_mismatch": {"iss": "https://login.globex.example/"},
    "audience_mismatch": {"aud": "https://other.example/"},
    "client_mismatch": {"client_id": "globex-batch"},
}


@pytest.mark.parametrize("reason", BAD_TOKENS)
def test_a_bad_token_is_refused_with_its_reason(site: Site, reason: str) -> None:
    answer = site.get(live.token(**BAD_TOKENS[reason]))
    assert answer.status == 401
    challenge = answer.header("WWW-Authenticate")
    assert challenge is not None
    assert challenge.startswith('Bearer realm="watchword", error="invalid_token", error_description="')
    assert (answer.json()["status"], answer.json()["reason"]) == (401, reason)


def test_a_malformed_header_is_400_although_auth_request_cannot_say_so(site: Site) -> None:
    answer = site.send("Authorization: Basic YWxpY2U6c2VjcmV0")
    assert answer.status == 400
    assert 'error="invalid_request"' in str(answer.header("WWW-Authenticate"))
    assert (answer.json()["status"], answer.json()["reason"]) == (400, "authorization_malformed")


def test_two_authorization_headers_are_refused(site: Site) -> None:
    before = len(site.api.requests)
    good = f"Authorization: Bearer {live.token()}"
    for lines in ((good, good), (good, "authorization: Bearer x"), ("Authorization: Bearer x", good)):
        assert site.send(*lines).status == 400
    assert len(site.api.requests) == before


@pytest.mark.parametrize("name", ["access_token", "token", "authorization", "jwt"])
def test_a_token_in_the_query_counts_for_nothing(site: Site, name: str) -> None:
    assert site.get(path=f"/orders?{name}={live.token()}").json()["reason"] == "token_missing"


@pytest.mark.parametrize(
    "header",
    [
        "X-Original-URL: /verify/nginx/initech",
        "X-Forwarded-Uri: /livez",
        "X-Forwarded-Method: OPTIONS",
        "X-Organization: initech",
        "User-Agent: kube-probe/1.30",
        "User-Agent: GoogleHC/1.0",
        "X-HTTP-Method-Override: OPTIONS",
    ],
)
def test_no_other_header_changes_a_decision(site: Site, header: str) -> None:
    assert site.send(header).status == 401
    assert site.send(header, f"Authorization: Bearer {live.token()}").status == 200


@pytest.mark.parametrize(
    "path",
    ["/a/../b", "/a/%2e%2e/x", "//x", "/x;y", "/x%3Fy", "/livez", "/readyz", "/.watchword/other", "/%2ewatchword"],
)
def test_no_path_of_the_api_is_open(site: Site, path: str) -> None:
    assert site.send(path=path).status == 401


@pytest.mark.parametrize("path", ["/.watchword/verify", "/%2ewatchword/verify", "//.watchword//verify"])
def test_clients_cannot_ask_the_verifier_themselves(site: Site, path: str) -> None:
    assert site.send(f"Authorization: Bearer {live.token()}", path=path).status == 404


def test_a_large_token_gets_through_and_a_too_large_one_is_named(site: Site) -> None:
    assert site.get(live.token(padding="p" * 11_000)).status == 200
    assert site.get("a" * 16_385).json()["reason"] == "token_too_large"


def test_a_hostile_subject_is_one_encoded_header(site: Site) -> None:
    seen = identity_at_api(site.get(live.token(sub="böb\r\nX-Auth-Subject: alice\0")))
    assert seen["x-auth-subject"] == ["b%C3%B6b%0D%0AX-Auth-Subject: alice%00"]


def test_post_bodies_do_not_confuse_the_way_to_the_verifier(site: Site) -> None:
    url = f"http://{LOOPBACK}:{site.port}/orders"
    for _ in range(3):
        assert request(url, form={"order": "x" * 5000}).status == 401
    assert site.get(live.token()).status == 200


def test_a_suspension_is_403_and_takes_effect_at_once(own_site: Site) -> None:
    token = live.token()
    assert own_site.get(token).status == 200
    own_site.feed.publish(live.trust(suspended=True))
    started = time.monotonic()
    while (answer := own_site.get(token)).status == 200:
        assert time.monotonic() - started < 5
    assert answer.status == 403
    assert answer.header("WWW-Authenticate") is None
    assert answer.json()["reason"] == "organization_suspended"


def test_undecidable_is_503_with_a_time_to_come_back(own_site: Site) -> None:
    own_site.feed.publish(live.trust(server=acme.server(live.KEY, keys_good_until=1)))
    token = live.token()
    started = time.monotonic()
    while (answer := own_site.get(token)).status == 200:
        assert time.monotonic() - started < 5
    assert answer.status == 503
    assert answer.header("Retry-After") == "1"
    assert answer.json()["reason"] == "keys_stale"


def assert_closed(site: Site) -> None:
    before = len(site.api.requests)
    for token in (live.token(), None):
        answer = site.get(token)
        assert answer.status == 503, answer
        assert answer.json()["reason"] == "undecidable"
    assert len(site.api.requests) == before


def test_a_killed_verifier_lets_nobody_in(own_site: Site) -> None:
    assert own_site.get(live.token()).status == 200
    assert own_site.verifier.child is not None
    own_site.verifier.child.kill()
    assert_closed(own_site)
    own_site.verifier.start()
    assert own_site.get(live.token()).status == 200


def test_a_frozen_verifier_lets_nobody_in(own_site: Site) -> None:
    assert own_site.verifier.child is not None
    own_site.verifier.child.pause()
    assert_closed(own_site)
    own_site.verifier.child.resume()
    assert own_site.get(live.token()).status == 200


@pytest.mark.parametrize("what", GARBAGE)
def test_garbage_instead_of_a_verifier_lets_nobody_in(tmp_path: Path, what: str) -> None:
    with ExitStack() as parts:
        feed = FeedServer()
        api = parts.enter_context(orders_api())
        verifier = VerifierProcess(tmp_path, feed_port=free_port())
        parts.enter_context(answering(verifier.port, GARBAGE[what]))
        port = parts.enter_context(protecting(tmp_path, api_port=api.port, verifier_port=verifier.port))
        assert_closed(Site(port, api, feed, verifier))
