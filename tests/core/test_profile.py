from __future__ import annotations

from typing import Any

import pytest

from kit import acme, forge
from watchword.core.decision import Allow, Deny, Reason, TokenProfile
from watchword.core.profile import MAX_AUDIENCES, MAX_VALUE
from watchword.core.trust import ANY

KEY = forge.ec_key("k1")
OPEN = acme.trust(server=acme.server(KEY, issuer=ANY, audience=ANY, client_id=ANY))


def said(**changes: Any) -> TokenProfile:
    decision = acme.decide(forge.token(KEY, "ES256", **changes), OPEN)
    assert isinstance(decision, Allow)
    return decision.profile


def test_profile_has_issuer_and_client_but_no_subject() -> None:
    profile = said(client_id=..., cid="acme-web", sub="alice")

    assert profile == TokenProfile(
        issuer="https://login.acme.example/",
        audience="https://api.example/",
        client_claim="cid",
        client_id="acme-web",
        kid="k1",
        alg="ES256",
        typ=None,
    )
    assert "alice" not in profile


def test_absent_claims_are_none() -> None:
    profile = said(iss=..., aud=..., client_id=...)

    assert (profile.issuer, profile.audience, profile.client_claim, profile.client_id) == (None, None, None, None)


def test_several_audiences_are_joined_and_bounded() -> None:
    assert said(aud=["a", 1, "b"]).audience == "a, b"
    assert said(aud=["x"] * 100).audience == ", ".join(["x"] * MAX_AUDIENCES)


@pytest.mark.parametrize("value", [1, True, {"x": 1}], ids=repr)
def test_claims_that_are_no_text_are_omitted(value: object) -> None:
    profile = said(iss=value, aud=value, client_id=value)

    assert (profile.issuer, profile.audience, profile.client_claim, profile.client_id) == (
        None,
        None,
        "client_id",
        None,
    )


@pytest.mark.parametrize("value", [None, "", []], ids=repr)
def test_fc_02_empty_claims_are_absent_from_the_profile(value: object) -> None:
    profile = said(iss=value, aud=value, client_id=value)

    assert (profile.issuer, profile.audience, profile.client_claim, profile.client_id) == (None, None, None, None)
    assert said(client_id=value, appid="b").client_claim == "appid"


def test_long_values_are_cut() -> None:
    assert said(iss="i" * MAX_VALUE).issuer == "i" * MAX_VALUE
    assert said(iss="i" * (MAX_VALUE + 1)).issuer == "i" * (MAX_VALUE - 1) + "…"


def test_profile_of_a_refused_token_has_what_was_read() -> None:
    expired = acme.decide(forge.token(KEY, "ES256", exp=1), OPEN)
    unknown = acme.decide(forge.token(KEY.named("k2"), "ES256"), OPEN)
    garbage = acme.decide("garbage", OPEN)
    locked = acme.decide(forge.token(KEY, "ES256"), acme.trust(KEY, suspended=True))
    strange = acme.decide(forge.token(KEY, "ES256"), None)

    assert isinstance(expired, Deny)
    assert expired.profile == said()
    assert isinstance(unknown, Deny)
    assert (unknown.reason, unknown.unknown_kid) == (Reason.NO_MATCHING_KEY, "k2")
    assert unknown.profile == said()._replace(kid="k2")
    assert isinstance(garbage, Deny)
    assert garbage.profile is None
    assert isinstance(locked, Deny)
    assert locked.profile == said()
    assert isinstance(strange, Deny)
    assert strange.profile == said()


def test_profile_of_a_refused_token_does_not_affect_the_decision() -> None:
    assert acme.decide(forge.token(KEY, "ES256", exp=1), OPEN) == Deny(Reason.TOKEN_EXPIRED)


def test_denials_differ_only_by_reason_and_unknown_kid() -> None:
    expired = acme.decide(forge.token(KEY, "ES256", exp=1), OPEN)
    plain, other = Deny(Reason.TOKEN_EXPIRED), Deny(Reason.TOKEN_EXPIRED, "k2")

    assert expired == plain
    assert (expired != plain) is False
    assert hash(expired) == hash(plain)
    assert plain != other
    assert plain != Deny(Reason.KEYS_STALE)
    assert plain != tuple(plain)
