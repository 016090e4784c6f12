"""Properties of decisions: a good token has exactly one spelling, and any change is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit import acme, forge
from watchword.core.decision import Allow, Deny, Reason
from watchword.core.verify import verify

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
ONE_EACH = ("RS256", "PS256", "ES256", "ES512", "EdDSA", "ML-DSA-44")

ANYWHERE = {Reason.TOKEN_MALFORMED, Reason.SIGNATURE_INVALID}
EXPECTED = (
    # In the header: it must still be JSON and name a published key.
    ANYWHERE
    | {Reason.HEADER_MALFORMED, Reason.ALGORITHM_NOT_ACCEPTED, Reason.HEADER_NOT_ACCEPTED, Reason.TYPE_NOT_ACCEPTED}
    | {Reason.NO_MATCHING_KEY, Reason.KEY_ALGORITHM_MISMATCH},
    # In the claims: before the signature, only claims that mark another kind of token have an effect.
    ANYWHERE | {Reason.CLAIMS_MALFORMED, Reason.TYPE_NOT_ACCEPTED},
    # In the signature.
    ANYWHERE,
)
"""For which reasons a good token may be refused after one of its parts was changed."""


def part_of(token: str, place: int) -> int:
    return min(token.count(".", 0, place), 2)


@pytest.mark.parametrize("alg", ONE_EACH)
def test_t11_any_changed_character_is_refused(alg: str) -> None:
    """One other character in every place, chosen so that low and high bits change. The signature of ML-DSA is long: of
    its places only some are tried."""
    key = forge.key_for(alg)
    trust = acme.trust(key)
    token = forge.token(key, alg)
    assert isinstance(acme.decide(token, trust), Allow)
    for place in sorted({*range(min(len(token), 900)), *range(900, len(token), 17), len(token) - 1}):
        character = token[place]
        index = ALPHABET.find(character)
        others = {ALPHABET[index ^ 1], ALPHABET[index ^ 32], "."} - {character} if index >= 0 else {"A"}
        for neighbour in (
            *(token[:place] + other + token[place + 1 :] for other in others),
            token[:place] + token[place + 1 :],
            token[:place] + character + token[place:],
        ):
            if neighbour != token:
                reason = acme.reason(acme.decide(neighbour, trust))
                expected = EXPECTED[part_of(token, place)] | ({Reason.HEADER_MALFORMED} if character == "." else set())
                assert reason in expected, (place, neighbour, reason)


@pytest.mark.parametrize("alg", ONE_EACH)
def test_t11_last_character_of_each_part_is_unique(alg: str) -> None:
    key = forge.key_for(alg)
    trust = acme.trust(key)
    token = forge.token(key, alg)
    ends = [index - 1 for index, character in enumerate(token + ".") if character == "."]
    for end in ends:
        accepted = [
            other for other in ALPHABET if isinstance(acme.decide(token[:end] + other + token[end + 1 :], trust), Allow)
        ]
        assert accepted == [token[end]]


@given(st.data())
def test_damaged_part_is_refused_for_its_own_reason(data: st.DataObject) -> None:
    key = forge.ec_key()
    token = forge.token(key, "ES256", sub="bob")
    start = data.draw(st.integers(0, len(token) - 1))
    end = data.draw(st.integers(start, min(len(token), start + 8)))
    damaged = token[:start] + data.draw(st.text(max_size=8)) + token[end:]
    reason = acme.reason(acme.decide(damaged, acme.trust(key)))
    if damaged == token:
        assert reason is None
    elif "." in token[start:end] or not damaged.isascii() or any(character in ' \t\r\n,"' for character in damaged):
        assert reason in {*EXPECTED[0], *EXPECTED[1], Reason.AUTHORIZATION_MALFORMED}
    else:
        assert reason in EXPECTED[part_of(token, start)] | {Reason.AUTHORIZATION_MALFORMED}


HEADER_MEMBERS = st.dictionaries(
    st.sampled_from(["alg", "kid", "typ", "crit", "b64", "zip", "x5c", "cty", "x"]),
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["ES256", "ec", "JWT", "none"]),
)


@given(HEADER_MEMBERS)
def test_unsigned_header_is_refused(changes: dict[str, object]) -> None:
    """Another header before the claims and the signature of a good token."""
    key = forge.ec_key()
    good = forge.token(key, "ES256")
    other = forge.token(key, "ES256", header_changes=changes).partition(".")[0]
    spliced = f"{other}.{good.partition('.')[2]}"
    reason = acme.reason(acme.decide(spliced, acme.trust(key)))
    assert reason is None if spliced == good else reason in EXPECTED[0]


CLAIM_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
CLAIMS = st.dictionaries(
    st.sampled_from(["iss", "sub", "aud", "exp", "nbf", "iat", "client_id", "cid", "appid", "scope", "scp"]),
    CLAIM_VALUES,
)


@given(CLAIMS)
@settings(max_examples=200)
def test_no_signed_claims_are_undecidable(claims: dict[str, object]) -> None:
    """Any claims signed by a published key are allowed or refused, never a fault of ours."""
    key = forge.ed25519_key()
    for payload in (claims, {**claims, "exp": forge.NOW}, forge.claims(**claims)):
        try:
            token = forge.token(key, "EdDSA", payload=payload)
        except UnicodeEncodeError:
            continue
        assert acme.reason(acme.decide(token, acme.trust(key))) is not Reason.UNDECIDABLE


@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "zip", "jwk", "x5c", "cty"]), CLAIM_VALUES))
def test_no_header_is_undecidable(changes: dict[str, object]) -> None:
    key = forge.ed25519_key()
    token = forge.token(key, "EdDSA", header_changes=changes)
    assert acme.reason(acme.decide(token, acme.trust(key))) is not Reason.UNDECIDABLE


@given(st.lists(st.text(max_size=60), max_size=3), st.floats(), st.floats())
def test_nothing_that_a_client_sends_is_undecidable_or_allowed(
    values: list[str], now: float, good_until: float
) -> None:
    decision = verify(values, acme.trust(forge.ed25519_key()), now=now, snapshot_good_until=good_until)
    assert isinstance(decision, Deny)
    assert decision.reason is not Reason.UNDECIDABLE


KNOWN_MEMBERS = {"alg", "kid", "typ", "crit", "b64"}
KNOWN_CLAIMS = {
    "iss", "sub", "aud", "exp", "nbf", "iat", "client_id", "cid", "appid", "scope", "scp", "events",
    "at_hash", "c_hash", "s_hash",
}  # fmt: skip
IN_THE_FIELD = ["zip", "cty", "jku", "jwk", "x5t", "tokenName", "token_use", "nonce", "azp", "auth_time", "realm"]
UNKNOWN = st.sampled_from(IN_THE_FIELD) | st.text(max_size=8)


@given(
    st.dictionaries(UNKNOWN.filter(lambda name: name not in KNOWN_MEMBERS), CLAIM_VALUES, max_size=4),
    st.dictionaries(UNKNOWN.filter(lambda name: name not in KNOWN_CLAIMS), CLAIM_VALUES, max_size=4),
    st.sampled_from([{}, {"exp": 1}, {"aud": "x"}, {"client_id": ...}, {"events": {"x": {}}}]),
)
def test_fa_01_unknown_header_members_and_claims_never_change_a_decision(
    members: dict[str, object], claims: dict[str, object], changes: dict[str, object]
) -> None:
    key = forge.ed25519_key()
    trust = acme.trust(key)
    plain = forge.token(key, "EdDSA", payload=forge.claims(**changes))
    more = forge.token(key, "EdDSA", header_changes=members, payload=forge.claims(**{**changes, **claims}))
    assert acme.decide(more, trust) == acme.decide(plain, trust)


@given(
    st.dictionaries(st.sampled_from(["kid", "typ"]), st.sampled_from([None, "", []])),
    st.dictionaries(
        st.sampled_from(sorted(KNOWN_CLAIMS - {"sub", "iss", "aud", "client_id", "scope", "exp", "iat"})),
        st.sampled_from([None, "", []]),
    ),
)
def test_fc_02_empty_header_members_and_claims_are_absent(
    members: dict[str, object], claims: dict[str, object]
) -> None:
    key = forge.ed25519_key()
    trust = acme.trust(key)
    plain = forge.token(key, "EdDSA", header_changes=dict.fromkeys(members, ...))
    more = forge.token(key, "EdDSA", header_changes=members, payload=forge.claims(**claims))
    assert acme.decide(more, trust) == acme.decide(plain, trust)
