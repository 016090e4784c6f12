"""Requests that do not carry exactly one bearer token (T-19, T-20)."""

from __future__ import annotations

import pytest

from kit import acme, forge
from watchword.core.decision import Deny, Reason
from watchword.core.verify import verify

KEY = forge.ec_key("ec-1", "P-256")
TRUST = acme.trust(KEY)
GOOD = forge.token(KEY, "ES256")

HEADERS: list[tuple[str, list[str], Reason | None]] = [
    ("T-19: the usual scheme", [f"Bearer {GOOD}"], None),
    ("T-19: in small letters", [f"bearer {GOOD}"], None),
    ("T-19: in capitals", [f"BEARER {GOOD}"], None),
    ("T-19: two spaces, which RFC 9110 section 11.4 allows", [f"Bearer  {GOOD}"], None),
    ("T-19: no header", [], Reason.TOKEN_MISSING),
    ("T-19: an empty header", [""], Reason.AUTHORIZATION_MALFORMED),
    ("T-19: no token", ["Bearer"], Reason.AUTHORIZATION_MALFORMED),
    ("T-19: a space instead of a token", ["Bearer "], Reason.AUTHORIZATION_MALFORMED),
    ("T-19: a tab between", [f"Bearer\t{GOOD}"], Reason.AUTHORIZATION_MALFORMED),
    ("T-19: a tab before the token", [f"Bearer \t{GOOD}"], Reason.AUTHORIZATION_MALFORMED),
    ("T-19: a space before the scheme", [f" Bearer {GOOD}"], Reason.AUTHORIZATION_MALFORMED),
    ("T-19: a space behind the token", [f"Bearer {GOOD} "], Reason.AUTHORIZATION_MALFORMED),
    ("T-19: a line feed behind the token", [f"Bearer {GOOD}\n"], Reason.AUTHORIZATION_MALFORMED),
    ("T-19: a folded line", [f"Bearer\r\n {GOOD}"], Reason.AUTHORIZATION_MALFORMED),
    ("T-19: two tokens", [f"Bearer {GOOD} {GOOD}"], Reason.AUTHORIZATION_MALFORMED),
    ("T-19: two headers merged into one", [f"Bearer {GOOD}, Bearer {GOOD}"], Reason.AUTHORIZATION_MALFORMED),
    ("T-19: two headers merged without a space", [f"Bearer {GOOD},{GOOD}"], Reason.AUTHORIZATION_MALFORMED),
    ("T-19: quoted", [f'Bearer "{GOOD}"'], Reason.AUTHORIZATION_MALFORMED),
    ("T-19: another scheme", [f"Token {GOOD}"], Reason.SCHEME_NOT_BEARER),
    ("T-19: Basic", ["Basic YWxpY2U6c2VjcmV0"], Reason.SCHEME_NOT_BEARER),
    ("T-19: Digest", ['Digest username="alice", realm="x"'], Reason.SCHEME_NOT_BEARER),
    ("T-19: a scheme that merely begins like it", [f"BearerX {GOOD}"], Reason.SCHEME_NOT_BEARER),
    ("T-19: the token alone", [GOOD], Reason.AUTHORIZATION_MALFORMED),
    ("T-19: no scheme", [f"(Bearer) {GOOD}"], Reason.AUTHORIZATION_MALFORMED),
    ("T-19: letters of other scripts", [f"\u0392earer {GOOD}"], Reason.AUTHORIZATION_MALFORMED),
    ("T-20: the good token twice", [f"Bearer {GOOD}"] * 2, Reason.AUTHORIZATION_REPEATED),
    ("T-20: a good token before another", [f"Bearer {GOOD}", "Bearer x"], Reason.AUTHORIZATION_REPEATED),
    ("T-20: a good token behind another", ["Basic x", f"Bearer {GOOD}"], Reason.AUTHORIZATION_REPEATED),
    ("T-20: an empty header before", ["", f"Bearer {GOOD}"], Reason.AUTHORIZATION_REPEATED),
]


def test_t20_two_tokens_are_refused_without_any_keys() -> None:
    """Where the keys are still being fetched, a lenient gateway let one of the two through unverified."""
    trust = acme.trust(server=acme.server(keys_good_until=forge.NOW))
    decision = verify([f"Bearer {GOOD}", "Bearer x"], trust, now=forge.NOW, snapshot_good_until=forge.NOW + 1)
    assert decision == Deny(Reason.AUTHORIZATION_REPEATED)


@pytest.mark.parametrize(("values", "expected"), [row[1:] for row in HEADERS], ids=[row[0] for row in HEADERS])
def test_exactly_one_bearer_token_is_accepted(values: list[str], expected: Reason | None) -> None:
    decision = verify(values, TRUST, now=forge.NOW, snapshot_good_until=forge.NOW + 1)
    assert acme.reason(decision) is expected
