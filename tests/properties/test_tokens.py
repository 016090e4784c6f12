"""Properties of decisions: a good token has exactly one spelling, and no neighbour of it is good."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit import acme, forge
from watchword.core.decision import Allow, Deny, Reason
from watchword.core.verify import verify

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
ONE_EACH = ("RS256", "PS256", "ES256", "ES512", "EdDSA")


@pytest.mark.parametrize("alg", ONE_EACH)
def test_every_replaced_inserted_or_removed_character_makes_a_bad_token(alg: str) -> None:
    """All places, one other character each, chosen so that low and high bits change; deterministic and complete."""
    key = forge.key_for(alg)
    trust = acme.trust(key)
    token = forge.token(key, alg)
    assert isinstance(acme.decide(token, trust), Allow)
    for place, character in enumerate(token):
        index = ALPHABET.find(character)
        others = {ALPHABET[index ^ 1], ALPHABET[index ^ 32], "."} - {character} if index >= 0 else {"A"}
        for neighbour in (
            *(token[:place] + other + token[place + 1 :] for other in others),
            token[:place] + token[place + 1 :],
            token[:place] + character + token[place:],
        ):
            if neighbour != token:
                assert isinstance(acme.decide(neighbour, trust), Deny), (place, neighbour)


@pytest.mark.parametrize("alg", ONE_EACH)
def test_last_character_of_each_part_has_no_stand_in(alg: str) -> None:
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
def test_random_damage_is_refused(data: st.DataObject) -> None:
    key = forge.ec_key()
    token = forge.token(key, "ES256", sub="bob")
    start = data.draw(st.integers(0, len(token) - 1))
    end = data.draw(st.integers(start, min(len(token), start + 8)))
    damaged = token[:start] + data.draw(st.text(max_size=8)) + token[end:]
    if damaged != token:
        assert isinstance(acme.decide(damaged, acme.trust(key)), Deny)


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
    """Whoever holds a published key may write what he likes; it is allowed or refused, and never a fault of ours."""
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
