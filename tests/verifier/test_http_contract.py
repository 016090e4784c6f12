from __future__ import annotations

import json
import re
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.core.decision import Allow, Reason, TokenProfile, VerifiedClaims
from watchword.verifier import http_contract as wire

PRINTABLE = re.compile(r"[ -~]*")
NO_PROFILE = TokenProfile(None, None, None, None, None, None, None)


def allow(**changes: object) -> Allow:
    claims: dict[str, object] = {
        "issuer": "https://login.acme.example/",
        "subject": "alice",
        "client_id": "acme-batch",
        "scope": "orders:read orders:write",
        "audience": ("https://api.example/",),
        "expires_at": 1_700_000_300,
        "issued_at": None,
    }
    return Allow("acme", "ProdOkta", VerifiedClaims(**{**claims, **changes}), 0, 1, NO_PROFILE)  # type: ignore[arg-type]


def header(answer: wire.Response, name: str) -> str | None:
    values = [value.decode("ascii") for key, value in answer.headers if key == name.encode("ascii")]
    assert len(values) <= 1
    return values[0] if values else None


@pytest.mark.parametrize("suffix", ["", "/", "/orders", "/a/b/../c", "//", "/;x"])
@pytest.mark.parametrize("gateway", ["plain", "nginx", "caddy", "traefik", "envoy", "haproxy"])
def test_a_request_goes_by_gateway_and_organization(gateway: str, suffix: str) -> None:
    assert wire.route(f"/verify/{gateway}/acme{suffix}") == (wire.PROFILES[gateway], "acme")


@pytest.mark.parametrize("suffix", ["", "/", "/acme", "/a/b/../c", "//", "/;x"])
@pytest.mark.parametrize("gateway", ["plain", "nginx", "caddy", "traefik", "envoy", "haproxy"])
def test_by_token_no_path_names_an_organization(gateway: str, suffix: str) -> None:
    assert wire.route(f"/verify-by-token/{gateway}{suffix}") == (wire.PROFILES[gateway], None)


@pytest.mark.parametrize(
    "label", ["-", "", "by-token", "verify-by-token", "..", "../verify-by-token", "%2e%2e", "..\\verify-by-token", "*"]
)
def test_no_label_or_segment_leads_to_the_token(label: str) -> None:
    """What a gateway takes out of host or path stands behind the gateway's name, whatever it is."""
    for gateway in wire.PROFILES:
        found = wire.route(f"/verify/{gateway}/{label}")
        assert found is not None
        assert found[1] == label.split("/", maxsplit=1)[0]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "*",
        "/verify-by-token",
        "/verify-by-token/",
        "/verify-by-token/apache",
        "/verify-by-token/PLAIN",
        "/Verify-By-Token/plain",
        "/verify-by-token//plain",
        "//verify-by-token/plain",
        "verify-by-token/plain",
        "/verify-by-host/traefik",
        "/verify-by-path/traefik",
        "/verify",
        "/verify/plain",
        "/verify/PLAIN/acme",
        "/verify/Caddy/acme",
        "/verify/apache/acme",
        "/verify//acme",
        "//verify/plain/acme",
        "/x/verify/plain/acme",
        "verify/plain/acme",
        "x/verify/plain/acme",
        "/Verify/plain/acme",
        "/livez",
        "/metrics",
    ],
)
def test_any_other_path_leads_nowhere(path: str) -> None:
    assert wire.route(path) is None


def test_an_allow_carries_the_whole_identity() -> None:
    answer = wire.allowed(allow())
    assert answer == wire.Response(
        200,
        [
            (b"x-auth-organization", b"acme"),
            (b"x-auth-server", b"ProdOkta"),
            (b"x-auth-issuer", b"https://login.acme.example/"),
            (b"x-auth-subject", b"alice"),
            (b"x-auth-client-id", b"acme-batch"),
            (b"x-auth-scope", b"orders:read orders:write"),
            (b"x-auth-expires", b"1700000300"),
            (b"x-auth-role", b""),
            (b"cache-control", b"no-store"),
        ],
        b"",
    )


def test_role_of_the_decision_is_passed_on() -> None:
    answer = wire.allowed(allow()._replace(role="Orders"))
    assert isinstance(answer, wire.Response)
    assert header(answer, "x-auth-role") == "Orders"


@pytest.mark.parametrize("gateway", wire.PROFILES)
def test_fl_05_refusal_names_the_missing_scope_in_challenge_and_problem(gateway: str) -> None:
    shared = wire.PROFILES[gateway].denials[Reason.INSUFFICIENT_SCOPE]
    before = wire.Response(shared.status, list(shared.headers), shared.body)
    answer = wire.lacking_scope(shared, "api.example::acme::Orders")
    assert shared == before
    assert answer.status == 403
    assert json.loads(answer.body) == {**json.loads(shared.body), "scope": "api.example::acme::Orders"}
    assert header(answer, "www-authenticate") == (
        'Bearer realm="watchword", error="insufficient_scope", '
        f'error_description="{Reason.INSUFFICIENT_SCOPE.sentence}", scope="api.example::acme::Orders"'
    )
    if gateway == "nginx":
        assert header(answer, "x-watchword-status") == "403"
        assert header(answer, "x-watchword-problem") == answer.body.decode()
    changed = {"www-authenticate", "x-watchword-problem"}
    kept = [pair for pair in answer.headers if pair[0].decode() not in changed]
    assert kept == [pair for pair in shared.headers if pair[0].decode() not in changed]


def test_what_the_token_does_not_say_is_an_empty_header() -> None:
    answer = wire.allowed(allow(issuer=None, subject=None, client_id=None, scope=""))
    assert isinstance(answer, wire.Response)
    assert [value for name, value in answer.headers[2:6]] == [b"", b"", b"", b""]


@pytest.mark.parametrize(
    ("member", "limit", "reason"),
    [
        ("issuer", 1024, Reason.CLAIM_TOO_LONG),
        ("subject", 1024, Reason.CLAIM_TOO_LONG),
        ("client_id", 1024, Reason.CLAIM_TOO_LONG),
        ("scope", 4096, Reason.SCOPE_TOO_LONG),
    ],
)
def test_a_value_that_does_not_fit_whole_is_not_passed_on_at_all(member: str, limit: int, reason: Reason) -> None:
    assert isinstance(wire.allowed(allow(**{member: "a" * limit})), wire.Response)
    assert wire.allowed(allow(**{member: "a" * (limit + 1)})) is reason
    assert wire.allowed(allow(**{member: "é" * (limit // 6 + 1)})) is reason, "the encoded length counts"
    assert isinstance(wire.allowed(allow(**{member: "é" * (limit // 6)})), wire.Response)


def test_scope_may_be_as_long_as_the_verifier_says() -> None:
    assert isinstance(wire.allowed(allow(scope="a" * 5_000), 5_000), wire.Response)
    assert wire.allowed(allow(scope="a" * 5_001), 5_000) is Reason.SCOPE_TOO_LONG


@pytest.mark.parametrize("member", ["issuer", "subject", "client_id", "scope"])
@pytest.mark.parametrize("value", ["a\nb", "a\n", "\n", "\nb\nc\nd", " a", "a ", "50%", "é", "\x7f", "\x00"], ids=repr)
def test_each_value_is_encoded_by_itself(member: str, value: str) -> None:
    """They are looked at together, in lines; none can pass as two."""
    answer = wire.allowed(allow(**{member: value}))
    assert isinstance(answer, wire.Response)
    assert header(answer, "x-auth-" + member.replace("_", "-")) == wire.encoded(value) != value
    unchanged = wire.allowed(allow())
    assert isinstance(unchanged, wire.Response)
    others = [pair for pair in answer.headers if pair[0] != b"x-auth-" + member.replace("_", "-").encode("ascii")]
    assert [pair for pair in unchanged.headers if pair in others] == others


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", ""),
        ("alice", "alice"),
        ("a b", "a b"),
        (" alice", "%20alice"),
        ("alice  ", "alice%20%20"),
        ("  ", "%20%20"),
        (" ", "%20"),
        ("é", "%C3%A9"),
        ("%C3%A9", "%25C3%25A9"),
        ("a\r\nX-Auth-Subject: bob", "a%0D%0AX-Auth-Subject: bob"),
        ("\0", "%00"),
        ("\x7f\x80", "%7F%C2%80"),
        ("\ud800", "%ED%A0%80"),
        (" é ", "%20%C3%A9%20"),
        ("~!#$&'()*+,/:;=?@[]\"\\<>^`{|}", "~!#$&'()*+,/:;=?@[]\"\\<>^`{|}"),
    ],
)
def test_values_are_encoded(value: str, expected: str) -> None:
    assert wire.encoded(value) == expected


any_text = st.text(st.characters(exclude_categories=()), max_size=40)


@given(any_text)
def test_every_value_becomes_printable_ascii_that_http_leaves_alone_and_comes_back(value: str) -> None:
    encoded = wire.encoded(value)
    assert PRINTABLE.fullmatch(encoded)
    assert encoded == encoded.strip()
    assert unquote_to_bytes(encoded).decode("utf-8", "surrogatepass") == value


@given(any_text, any_text)
def test_no_two_values_share_an_encoding(one: str, other: str) -> None:
    assert (one == other) == (wire.encoded(one) == wire.encoded(other))


def assert_readable_by_pages(answer: wire.Response) -> None:
    assert header(answer, "access-control-allow-origin") == "*"
    assert header(answer, "access-control-expose-headers") == "WWW-Authenticate, Retry-After"


def test_fd_01_pages_of_another_origin_can_read_every_refusal() -> None:
    for profile in wire.PROFILES.values():
        for answer in profile.denials.values():
            assert_readable_by_pages(answer)
    for answer in (wire.NOT_FOUND, wire.GATEWAY_UNKNOWN, wire.UNDECIDABLE, wire.NO_ORGANIZATION, wire.PATH_AMBIGUOUS):
        assert_readable_by_pages(answer)
    allowed = wire.allowed(allow())
    assert isinstance(allowed, wire.Response)
    # What an allowed request is answered is the API's to share.
    assert not [name for name, _ in allowed.headers if name.startswith(b"access-control")]


@pytest.mark.parametrize("reason", Reason)
def test_every_denial_says_the_same_in_status_challenge_and_body(reason: Reason) -> None:
    answer = wire.PROFILES["plain"].denials[reason]
    reason = reason.public
    assert answer.status == reason.status
    assert json.loads(answer.body) == {
        "type": "about:blank",
        "title": {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 503: "Service Unavailable"}[reason.status],
        "status": reason.status,
        "detail": reason.sentence,
        "reason": reason.code,
    }
    assert header(answer, "content-type") == "application/problem+json"
    assert header(answer, "cache-control") == "no-store"
    assert_readable_by_pages(answer)
    assert (header(answer, "retry-after") is not None) == (reason.status == 503)
    challenge = header(answer, "www-authenticate")
    assert (challenge is not None) == (reason.status in {400, 401} or reason is Reason.INSUFFICIENT_SCOPE)
    if reason.error is not None:
        assert challenge == f'Bearer realm="watchword", error="{reason.error}", error_description="{reason.sentence}"'


def test_without_a_token_the_challenge_is_bare() -> None:
    answer = wire.PROFILES["plain"].denials[Reason.TOKEN_MISSING]
    assert header(answer, "www-authenticate") == 'Bearer realm="watchword"'


@pytest.mark.parametrize("reason", Reason)
def test_every_sentence_may_stand_in_a_challenge(reason: Reason) -> None:
    # RFC 6750 section 3: the characters of error_description.
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+", reason.sentence)


@pytest.mark.parametrize("reason", Reason)
def test_nginx_gets_only_what_auth_request_can_pass_on_and_can_restore_the_rest(reason: Reason) -> None:
    plain = wire.PROFILES["plain"].denials[reason]
    answer = wire.PROFILES["nginx"].denials[reason]
    assert answer.status in ({503} if reason in {Reason.TRUST_STALE, Reason.UNDECIDABLE} else {401, 403})
    assert header(answer, "x-watchword-status") == str(plain.status)
    assert header(answer, "x-watchword-problem") == plain.body.decode()
    assert PRINTABLE.fullmatch(plain.body.decode())
    assert header(answer, "www-authenticate") == header(plain, "www-authenticate")
    # nginx copies the challenge of a 401 alone; the shipped files copy that of a 403.
    challenged = answer.status == 401 or reason is Reason.INSUFFICIENT_SCOPE
    assert challenged == (header(plain, "www-authenticate") is not None)


@pytest.mark.parametrize("gateway", ["caddy", "traefik", "envoy", "haproxy"])
def test_gateways_that_pass_a_denial_on_whole_get_the_plain_one(gateway: str) -> None:
    assert wire.PROFILES[gateway].denials == wire.PROFILES["plain"].denials


def test_the_gateways_are_a_closed_set() -> None:
    assert set(wire.PROFILES) == {"plain", "nginx", "caddy", "traefik", "envoy", "haproxy"}


def test_every_reason_is_answered_in_every_profile() -> None:
    for profile in wire.PROFILES.values():
        assert set(profile.denials) == set(Reason)
        assert all(not 200 <= answer.status < 400 for answer in profile.denials.values())
