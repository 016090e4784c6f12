"""Attacks on the choice of the key (A-14 to A-19, A-21, M-01, M-10). A row: a sentence, a token, the refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from kit import acme, forge
from watchword.core.decision import Allow, Deny, Reason

if TYPE_CHECKING:
    from collections.abc import Callable

RSA = forge.rsa_key("rsa-1")
OTHER_RSA = forge.rsa_key("rsa-2")
EC = forge.ec_key("ec-1", "P-256")
UNPUBLISHED = forge.rsa_key("unpublished")
"""The attacker's key, which is in no key set."""

EVERYTHING = acme.trust(RSA, EC, forge.ed25519_key("ed-1"))


@dataclass(frozen=True)
class Attack:
    case: str
    sentence: str
    token: Callable[[], str]
    refusal: Reason

    def __str__(self) -> str:
        return f"{self.case}: {self.sentence}"


CHOICE = [
    Attack(
        "A-14",
        "The attacker brings his own key in the header, under a published kid.",
        lambda: forge.token(UNPUBLISHED.named("rsa-1"), "RS256", header_changes={"jwk": UNPUBLISHED.jwk()}),
        Reason.SIGNATURE_INVALID,
    ),
    Attack(
        "A-14",
        "The attacker brings his own key in the header, and names it.",
        lambda: forge.token(UNPUBLISHED, "RS256", header_changes={"jwk": UNPUBLISHED.jwk()}),
        Reason.NO_MATCHING_KEY,
    ),
    *(
        Attack(
            "A-15",
            f"The header brings or names the attacker's key by {member}; nothing is fetched, as no test here may.",
            lambda member=member, value=value: forge.token(  # type: ignore[misc]
                UNPUBLISHED.named("rsa-1"), "RS256", header_changes={member: value}
            ),
            Reason.SIGNATURE_INVALID,
        )
        for member, value in {
            "jku": "https://evil.example/keys",
            "x5u": "https://evil.example/chain",
            "x5c": ["MIIB"],
            "x5t": "AAAA",
            "x5t#S256": "AAAA",
        }.items()
    ),
    Attack(
        "A-17",
        "The kid is not published, the signature is by a key that is.",
        lambda: forge.token(RSA.named("zz"), "RS256"),
        Reason.NO_MATCHING_KEY,
    ),
    Attack(
        "A-18",
        "The kid is of one published key, the signature by another.",
        lambda: forge.token(OTHER_RSA.named("rsa-1"), "RS256"),
        Reason.SIGNATURE_INVALID,
    ),
    Attack(
        "A-16",
        "A kid in another case is another kid.",
        lambda: forge.token(RSA.named("RSA-1"), "RS256"),
        Reason.NO_MATCHING_KEY,
    ),
    Attack(
        "A-19",
        "No kid, and two keys would fit.",
        lambda: forge.token(RSA.named(None), "RS256"),
        Reason.KEY_AMBIGUOUS,
    ),
    Attack(
        "A-19",
        "No kid, and no key fits the algorithm.",
        lambda: forge.token(forge.ec_key("p384", "P-384").named(None), "ES384"),
        Reason.NO_MATCHING_KEY,
    ),
]


@pytest.mark.parametrize("attack", CHOICE, ids=str)
def test_only_the_named_key_verifies(attack: Attack) -> None:
    assert acme.reason(acme.decide(attack.token(), acme.trust(RSA, OTHER_RSA, EC))) is attack.refusal


def test_a19_no_kid_with_exactly_one_fitting_key_is_accepted() -> None:
    assert isinstance(acme.decide(forge.token(EC.named(None), "ES256"), acme.trust(RSA, OTHER_RSA, EC)), Allow)


def test_a19_one_key_published_under_two_kids_is_still_one_key() -> None:
    trust = acme.trust(RSA, RSA.named("rsa-1-again"))
    assert isinstance(acme.decide(forge.token(RSA.named(None), "RS256"), trust), Allow)


@pytest.mark.parametrize(
    "kid",
    [
        "../../dev/null",
        "' OR 1=1--",
        "|id",
        "\r\nX: y",
        " ",
        "\x00",
        "🔑",
        "__proto__",
        "rsa-1 ",
        "rsa-1\x00",
        "k" * 8_000,
    ],
    ids=lambda kid: repr(kid[:20]),
)
def test_a16_strange_kids_are_unknown_keys(kid: str) -> None:
    decision = acme.decide(forge.token(RSA.named(kid), "RS256"), EVERYTHING)
    assert acme.reason(decision) is Reason.NO_MATCHING_KEY


def test_a16_kid_of_64_kib_is_refused_by_length() -> None:
    assert acme.decide(forge.token(RSA.named("k" * 65_536), "RS256"), EVERYTHING) == Deny(Reason.TOKEN_TOO_LARGE)


@pytest.mark.parametrize("kid", [0, 1.5, True, False, ["rsa-1"], {"rsa-1": 1}, {}], ids=repr)
def test_a16_kid_that_is_not_a_text_is_refused(kid: object) -> None:
    token = forge.token(RSA, "RS256", header_changes={"kid": kid})
    assert acme.decide(token, EVERYTHING) == Deny(Reason.HEADER_MALFORMED)


def test_m10_unknown_kid_is_reported() -> None:
    decision = acme.decide(forge.token(RSA.named("new"), "RS256"), EVERYTHING)
    assert decision == Deny(Reason.NO_MATCHING_KEY, unknown_kid="new")


@pytest.mark.parametrize("kid", ["k" * 513, "a\nb", "\x00"], ids=lambda kid: repr(kid[:10]))
def test_j16_kid_that_no_key_can_have_is_not_reported(kid: str) -> None:
    decision = acme.decide(forge.token(RSA.named(kid), "RS256"), EVERYTHING)
    assert decision == Deny(Reason.NO_MATCHING_KEY, unknown_kid=None)


# -------------------------------------------------------------------- A-21, M-01, M-05: another organization's key


@pytest.mark.parametrize("first", ["acme", "globex"])
def test_a21_m01_keys_of_another_organization_never_verify(first: str) -> None:
    """Acme and Globex use the same kid, issuer, audience and client; only the key differs. The whole 2 by 2 matrix."""
    signers = {"acme": forge.rsa_key("of-acme").named("key-1"), "globex": forge.rsa_key("of-globex").named("key-1")}
    trusts = {name: acme.trust(key, organization=name) for name, key in signers.items()}
    order = sorted(signers, key=lambda name: name != first)
    for signer in order:
        for organization in order:
            decision = acme.decide(forge.token(signers[signer], "RS256"), trusts[organization])
            if signer == organization:
                assert isinstance(decision, Allow)
                assert decision.organization == organization
            else:
                assert decision == Deny(Reason.SIGNATURE_INVALID)
