"""Authorization requests, and which responses to them count."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest

from watchword.openid.authorization import AuthorizationRequest, authorization_url, check_response, new_request
from watchword.openid.problems import IdTokenProblem, ResponseProblem, TokenProblem
from watchword.openid.provider import Provider, TokenAuthentication

ISSUER = "https://login.acme.example"
REDIRECT_URI = "https://portal.example/sign-in/single-sign-on/callback"


def provider(*, sends_issuer: bool = True, endpoint: str = f"{ISSUER}/authorize", issuer: str = ISSUER) -> Provider:
    return Provider(
        issuer=issuer,
        authorization_endpoint=endpoint,
        token_endpoint=f"{ISSUER}/token",
        jwks_location=f"{ISSUER}/jwks",
        end_session_endpoint=None,
        authentication=TokenAuthentication.BASIC,
        sends_issuer=sends_issuer,
    )


REQUEST = AuthorizationRequest(
    issuer=ISSUER,
    client_id="portal",
    redirect_uri=REDIRECT_URI,
    state="alice-state",
    nonce="alice-nonce",
    verifier="alice-verifier",
)
GOOD = {"code": ["alice-code"], "state": [REQUEST.state], "iss": [ISSUER]}


def checked(changes: dict[str, list[str]] | None = None, *, sends_issuer: bool = True) -> str | ResponseProblem:
    parameters = {name: values for name, values in {**GOOD, **(changes or {})}.items() if values != ["..."]}
    return check_response(parameters, REQUEST, provider(sends_issuer=sends_issuer))


def test_each_request_has_its_own_random_values() -> None:
    asked: list[int] = []

    def counted(length: int) -> bytes:
        asked.append(length)
        return bytes([len(asked)]) * length

    made = new_request(provider(), client_id="portal", redirect_uri=REDIRECT_URI, random=counted)
    assert asked == [32, 32, 32]
    assert len({made.state, made.nonce, made.verifier}) == 3
    assert all(len(value) == 43 for value in (made.state, made.nonce, made.verifier))
    first, second = (new_request(provider(), client_id="portal", redirect_uri=REDIRECT_URI) for _ in range(2))
    assert first.state != second.state
    for secret in (made.state, made.nonce, made.verifier):
        assert secret not in repr(made)


def test_url_has_every_parameter_once() -> None:
    url = authorization_url(REQUEST, provider())
    digest = hashlib.sha256(REQUEST.verifier.encode()).digest()
    assert url.startswith(f"{ISSUER}/authorize?")
    assert parse_qs(urlsplit(url).query, strict_parsing=True) == {
        "response_type": ["code"],
        "client_id": ["portal"],
        "redirect_uri": [REDIRECT_URI],
        "scope": ["openid email profile"],
        "state": [REQUEST.state],
        "nonce": [REQUEST.nonce],
        "code_challenge": [base64.urlsafe_b64encode(digest).rstrip(b"=").decode()],
        "code_challenge_method": ["S256"],
    }
    assert REQUEST.verifier not in url


def test_url_can_ask_for_a_person_and_for_a_new_sign_in() -> None:
    url = authorization_url(
        REQUEST, provider(), login_hint="alice+portal@acme.example&prompt=none", prompt="login", max_age=0
    )
    found = parse_qs(urlsplit(url).query, strict_parsing=True)
    assert found["login_hint"] == ["alice+portal@acme.example&prompt=none"]
    assert (found["prompt"], found["max_age"]) == (["login"], ["0"])


def test_endpoint_keeps_its_own_query() -> None:
    url = authorization_url(REQUEST, provider(endpoint=f"{ISSUER}/authorize?policy=b2c_1_sign_in"))
    found = parse_qs(urlsplit(url).query, strict_parsing=True)
    assert (found["policy"], found["client_id"]) == (["b2c_1_sign_in"], ["portal"])


def test_good_response_has_a_code() -> None:
    assert checked() == "alice-code"
    assert checked({"session_state": ["x"], "scope": ["openid"]}) == "alice-code"
    assert checked({"iss": ["..."]}, sends_issuer=False) == "alice-code"


@pytest.mark.parametrize("name", ["code", "state", "iss", "error", "session_state"])
def test_o02_repeated_parameter_is_refused(name: str) -> None:
    value = GOOD.get(name, ["x"])[0]
    assert checked({name: [value, value]}) is ResponseProblem.PARAMETER_REPEATED
    assert checked({name: []}) is ResponseProblem.PARAMETER_REPEATED


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ("...", ResponseProblem.STATE_MISSING),
        ("", ResponseProblem.STATE_MISSING),
        ("bob-state", ResponseProblem.STATE_MISMATCH),
        (f"{REQUEST.state} ", ResponseProblem.STATE_MISMATCH),
        (REQUEST.state[:-1], ResponseProblem.STATE_MISMATCH),
        (REQUEST.nonce, ResponseProblem.STATE_MISMATCH),
        ("ü\ud800", ResponseProblem.STATE_MISMATCH),
    ],
)
def test_o02_state_is_of_this_browsers_request(state: str, problem: ResponseProblem) -> None:
    assert checked({"state": [state]}) is problem
    # Also for an error: a stranger must not end Alice's sign-in.
    assert checked({"state": [state], "error": ["access_denied"], "code": ["..."]}) is problem


def test_o09_response_of_another_provider_is_refused() -> None:
    for issuer in ("https://login.globex.example", f"{ISSUER}/", "", ISSUER.upper()):
        for sends_issuer in (True, False):
            assert checked({"iss": [issuer]}, sends_issuer=sends_issuer) is ResponseProblem.ISSUER_MISMATCH
    assert checked({"iss": ["..."]}) is ResponseProblem.ISSUER_MISSING


def test_o09_request_to_another_provider_is_not_answered_by_this_one() -> None:
    globex = provider(issuer="https://login.globex.example", sends_issuer=False)
    parameters = {"code": ["alice-code"], "state": [REQUEST.state]}
    assert check_response(parameters, REQUEST, globex) is ResponseProblem.ISSUER_MISMATCH


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        ("access_denied", ResponseProblem.ACCESS_DENIED),
        ("login_required", ResponseProblem.SIGN_IN_NEEDED),
        ("interaction_required", ResponseProblem.SIGN_IN_NEEDED),
        ("server_error", ResponseProblem.UNAVAILABLE),
        ("temporarily_unavailable", ResponseProblem.UNAVAILABLE),
        ("unauthorized_client", ResponseProblem.REQUEST_REFUSED),
        ("<script>", ResponseProblem.REQUEST_REFUSED),
        ("", ResponseProblem.REQUEST_REFUSED),
    ],
)
def test_error_has_a_problem_without_the_providers_text(error: str, problem: ResponseProblem) -> None:
    answer = {"error": [error], "error_description": ["Call +1 555 0100"], "code": ["..."]}
    assert checked(answer) is problem
    assert "555" not in problem.sentence
    # A code beside an error is not used.
    assert checked({"error": [error]}) is problem


@pytest.mark.parametrize("code", ["...", "", "a" * 4097])
def test_response_without_a_usable_code_is_refused(code: str) -> None:
    assert checked({"code": [code]}) is ResponseProblem.CODE_MISSING
    assert checked({"code": ["a" * 4096]}) == "a" * 4096


@pytest.mark.parametrize("name", ["issuer", "client_id", "redirect_uri", "state", "nonce", "verifier"])
def test_request_with_a_lost_part_is_an_error(name: str) -> None:
    parts = dict.fromkeys(("issuer", "client_id", "redirect_uri", "state", "nonce", "verifier"), "a")
    with pytest.raises(ValueError, match="Every part"):
        AuthorizationRequest(**{**parts, name: ""})


def test_problems_have_their_own_codes() -> None:
    problems = [*ResponseProblem, *TokenProblem, *IdTokenProblem]
    assert len({each.code for each in problems}) == len(problems)
    assert all(each.sentence.endswith(".") for each in problems)
