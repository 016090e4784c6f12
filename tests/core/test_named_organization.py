"""Which organization a token names. The name proves nothing: that organization's keys must verify the token."""

from __future__ import annotations

from typing import Any

import pytest

from kit import acme, forge
from watchword.core.bearer import text_of
from watchword.core.decision import Allow, Decision, Deny, Reason
from watchword.core.trust import Trust
from watchword.core.verify import decide_by_token

KEY = forge.ec_key("acme")
OTHER = forge.ec_key("globex")
NOW = forge.NOW
CLOUD = "api.example"
ACME, GLOBEX = f"{CLOUD}::acme::Orders", f"{CLOUD}::globex::Orders"
KNOWN = {"acme": acme.trust(KEY), "globex": acme.trust(OTHER, organization="globex")}

NONE, SEVERAL = Reason.ORGANIZATION_NOT_NAMED, Reason.ORGANIZATION_AMBIGUOUS


def decide(token: str, known: dict[str, Trust] | None = None, cloud: str = CLOUD) -> tuple[str, Decision]:
    text = text_of([f"Bearer {token}"], 16_384)
    return decide_by_token(text, known or KNOWN, cloud, now=NOW, snapshot_good_until=NOW + 1)


def named(cloud: str = CLOUD, **claims: Any) -> str | Reason:
    """The organization that a token of Acme's with these claims is allowed for, or why it is refused."""
    organization, decision = decide(forge.token(KEY, "ES256", **{"scope": ..., **claims}), cloud=cloud)
    if isinstance(decision, Deny):
        return decision.reason
    assert decision.organization == organization
    return organization


NAMING: list[dict[str, Any]] = [
    {"scope": ACME},
    {"scope": f"orders:read {ACME} orders:write"},
    {"scope": f" {ACME}  "},
    {"scope": [ACME]},
    {"scope": ["orders:read", ACME]},
    {"scp": ACME},
    {"scp": ["orders:read", ACME]},
    {"roles": ACME},
    {"roles": ["Reader", ACME]},
    # The same organization, for several roles or in several claims.
    {"scope": f"{ACME} {CLOUD}::acme::Billing {ACME}"},
    {"scope": ACME, "scp": [ACME], "roles": [f"{CLOUD}::acme::Billing"]},
    # Words for other clouds.
    {"scope": f"elsewhere::globex::Orders {ACME} API.example::globex::Orders x{GLOBEX}"},
    # Roles of every length and kind of character.
    {"scope": f"{CLOUD}::acme::0"},
    {"scope": f"{CLOUD}::acme::aZ9aZ9aZ9aZ9aZ90"},
    # What is no word is passed over.
    {"scope": ACME, "scp": 1, "roles": {"globex": GLOBEX}},
    {"scope": ACME, "scp": None, "roles": []},
    {"scope": [ACME, 1, None, True, [GLOBEX], {"x": GLOBEX}]},
    # Words of another form name no organization.
    {"scope": f"{ACME} {CLOUD}::globex {CLOUD}::Globex::Orders {CLOUD}::globex::"},
]


@pytest.mark.parametrize("claims", NAMING, ids=str)
def test_token_that_names_one_organization_is_decided_for_it(claims: dict[str, Any]) -> None:
    assert named(**claims) == "acme"


NAMING_NONE: list[dict[str, Any]] = [
    {},
    {"scope": ""},
    {"scope": "orders:read"},
    {"scope": "acme"},
    {"scope": f"{CLOUD}::acme"},
    {"scope": f"{CLOUD}::acme::"},
    {"scope": f"{CLOUD}::::Orders"},
    {"scope": f"{CLOUD}:: acme::Orders"},
    {"scope": f"{CLOUD}:acme:Orders"},
    {"scope": f"{ACME}::x"},
    {"scope": f"{ACME}\t"},
    {"scope": f"{ACME}\n"},
    {"scope": f"orders:read\t{ACME}"},
    {"scope": f"orders:read\u00a0{ACME}"},
    {"scope": f"orders:read,{ACME}"},
    {"scope": f"{CLOUD}::acme::{'x' * 17}"},
    {"scope": f"{CLOUD}::acme::Orders-1"},
    {"scope": f"{CLOUD}::acme::Bestellungen\u00e4"},
    {"scope": f"{CLOUD}::acme::\u0661"},
    {"scope": f"{CLOUD}::acme::*"},
    # Never normalised: neither the case nor what looks alike.
    {"scope": f"{CLOUD}::ACME::Orders"},
    {"scope": f"{CLOUD}::Acme::Orders"},
    {"scope": f"{CLOUD}::acme-::Orders"},
    {"scope": f"{CLOUD}::-acme::Orders"},
    {"scope": f"{CLOUD}::9acme::Orders"},
    {"scope": f"{CLOUD}::a::Orders"},
    {"scope": f"{CLOUD}::{'a' * 33}::Orders"},
    {"scope": f"{CLOUD}::\u0430cme::Orders"},
    {"scope": f"{CLOUD}::acme%20::Orders"},
    {"scope": f"{CLOUD}::acme.globex::Orders"},
    {"scope": f"{CLOUD}::acme/globex::Orders"},
    {"scope": f"{CLOUD}::acme\x00::Orders"},
    # The cloud's name, exactly.
    {"scope": f"API.EXAMPLE{ACME.removeprefix(CLOUD)}"},
    {"scope": f"{CLOUD}:: API.EXAMPLE{ACME.removeprefix(CLOUD)}"},
    {"scope": f"apiXexample{ACME.removeprefix(CLOUD)}"},
    {"scope": f"{CLOUD}acme::Orders"},
    {"scope": [f"API.EXAMPLE{ACME.removeprefix(CLOUD)}"]},
    {"scope": f"x.{ACME}"},
    {"scope": f"x{ACME}"},
    {"scope": f"{CLOUD}.{ACME.removeprefix(CLOUD)}"},
    {"scope": f"elsewhere::{CLOUD}::acme::Orders"},
    {"scope": "::acme::Orders"},
    # Odd types. An entry of a list is one word.
    {"scope": [f"orders:read {ACME}"]},
    {"scope": [[ACME]]},
    {"scope": {"x": ACME}},
    {"scope": {ACME: True}},
    {"scope": 1, "scp": None, "roles": True},
    {"scope": 1.5, "scp": False, "roles": [None, 1, {}]},
    # Only these three claims.
    {"scopes": ACME, "role": ACME, "groups": [ACME], "iss": ACME, "aud": ACME, "org": "acme", "Scope": ACME},
    # Bounded.
    {"scope": "x " * 5_000},
    {"scope": "x" * 10_000},
    {"roles": ["x"] * 2_000},
    {"scope": f"{CLOUD}::{'a' * 10_000}"},
    {"scope": f"{CLOUD}::" * 700},
]


@pytest.mark.parametrize("claims", NAMING_NONE, ids=lambda claims: str(claims)[:60])
def test_token_that_names_no_organization_is_refused(claims: dict[str, Any]) -> None:
    assert named(**claims) is NONE


@pytest.mark.parametrize(
    "claims",
    [
        {"scope": f"{ACME} {GLOBEX}"},
        {"scope": f"{GLOBEX} {ACME}"},
        {"scope": [ACME, GLOBEX]},
        {"scope": ACME, "scp": [GLOBEX]},
        {"scope": ACME, "roles": [GLOBEX]},
        {"scp": ACME, "roles": GLOBEX},
        {"scope": f"{ACME} {ACME} {CLOUD}::nobody::Orders"},
        {"scope": " ".join(f"{CLOUD}::a{number}::x" for number in range(500))},
    ],
    ids=lambda claims: str(claims)[:60],
)
def test_token_that_names_several_organizations_is_refused(claims: dict[str, Any]) -> None:
    assert named(**claims) is SEVERAL


def test_ten_thousand_words_are_all_read() -> None:
    words = " ".join(["x"] * 9_999)
    text = text_of([f"Bearer {forge.token(KEY, 'ES256', scope=f'{words} {ACME}')}"], 49_152)
    organization, decision = decide_by_token(text, KNOWN, CLOUD, now=NOW, snapshot_good_until=NOW + 1)
    assert (organization, type(decision)) == ("acme", Allow)


@pytest.mark.parametrize("member", ["scope", "scp", "roles"])
def test_repeated_claim_refuses_the_token(member: str) -> None:
    payload = f'{{"exp": {NOW + 9}, "{member}": "{ACME}", "{member}": "{GLOBEX}"}}'.encode()
    assert decide(forge.token(KEY, "ES256", payload=payload)) == ("", Deny(Reason.CLAIMS_MALFORMED))


def test_token_of_acme_naming_globex_fails_against_its_keys() -> None:
    for key, sign_as in ((KEY, "acme"), (KEY.named("globex"), "globex"), (KEY.named(None), None)):
        organization, decision = decide(forge.token(key, "ES256", scope=GLOBEX))
        assert organization == "globex", sign_as
        assert isinstance(decision, Deny)
        assert decision.reason.public is Reason.NO_MATCHING_KEY


def test_issuer_selects_no_organization() -> None:
    issuer = "https://login.acme.example/"
    organization, decision = decide(forge.token(OTHER, "ES256", scope=GLOBEX, iss=issuer))
    assert (organization, type(decision)) == ("globex", Allow)
    assert decide(forge.token(KEY, "ES256", scope="read", iss=issuer)) == ("", Deny(NONE))


def test_unknown_organization_is_refused_like_an_unknown_key() -> None:
    organization, decision = decide(forge.token(KEY, "ES256", scope=f"{CLOUD}::nobody::x"))
    assert organization == "nobody"
    assert isinstance(decision, Deny)
    assert (decision.reason, decision.kid) == (Reason.ORGANIZATION_UNKNOWN, "acme")
    assert decision.reason.public is Reason.NO_MATCHING_KEY


def test_faults_of_the_token_are_reported_first() -> None:
    token = forge.token(KEY, "ES256", header_changes={"alg": "none"}, sign_as="ES256")
    assert decide(token)[1] == Deny(Reason.ALGORITHM_NOT_ACCEPTED)
    assert decide(forge.token(KEY, "ES256", events={"x": {}}))[1] == Deny(Reason.TYPE_NOT_ACCEPTED)
    assert decide("x.y")[1] == Deny(Reason.TOKEN_MALFORMED)
    good = forge.token(KEY, "ES256", scope=ACME)
    assert decide_by_token(Reason.TOKEN_MISSING, KNOWN, CLOUD, now=NOW, snapshot_good_until=NOW + 1) == (
        "",
        Deny(Reason.TOKEN_MISSING),
    )
    assert decide_by_token(good, KNOWN, CLOUD, now=NOW, snapshot_good_until=NOW) == ("", Deny(Reason.TRUST_STALE))


def test_refusal_names_the_fault_and_has_a_profile() -> None:
    organization, decision = decide(forge.token(KEY, "ES256", scope="read"))
    assert organization == ""
    assert isinstance(decision, Deny)
    assert decision.profile is not None
    assert decision.profile.client_id == "acme-batch"
    assert (decision.kid, decision.unknown_kid) == (None, None)
    for reason in (NONE, SEVERAL):
        assert (reason.public, reason.status, reason.is_signed) == (reason, 401, False)


class Exploding(dict[str, Trust]):
    def get(self, *_: Any) -> Any:
        raise RuntimeError


def test_fault_of_our_own_is_a_deny() -> None:
    token = forge.token(KEY, "ES256", scope=ACME)
    assert decide(token, Exploding(KNOWN)) == ("", Deny(Reason.UNDECIDABLE))
