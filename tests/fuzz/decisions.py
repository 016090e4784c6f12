"""The fuzz target: bytes become a trust, a token and a clock, and whatever the kernel decides must hold up.

Bytes are instructions and not the token itself: a fuzzer that does not know the private keys would never get past the
signature. Three kinds of token come out of them: any text, a good token with something put into its text, and one whose
header or claims were changed before they were signed.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from kit import acme, forge
from watchword.core.decision import Allow, Decision, Deny, Reason
from watchword.core.trust import ANY, SubscriptionPeriod, Trust
from watchword.core.verify import decide_by_token, verify

if TYPE_CHECKING:
    from collections.abc import Sequence

Option = TypeVar("Option")

NOW: Final = forge.NOW
CLOUD: Final = "c"
SCOPE: Final = f"orders:read {CLOUD}::acme::r"
"""Names Acme and an API role."""

LEEWAY: Final = 60
SIGNERS: Final = {
    "ES256": forge.ec_key("ec", "P-256"),
    "Ed25519": forge.ed25519_key("ed"),
    "EdDSA": forge.ed25519_key("ed"),
    "RS256": forge.rsa_key("rsa"),
    "ML-DSA-44": forge.ml_dsa_key("pq", "ML-DSA-44"),
}
PUBLISHED: Final = {key.kid: key for key in SIGNERS.values()}.values()
GOOD: Final = acme.trust(*PUBLISHED)
ANYTHING: Final = acme.server(*PUBLISHED, issuer=ANY, audience=ANY, client_id=ANY)
OPEN: Final = replace(GOOD, server=ANYTHING)
TRUSTS: Final[Sequence[Trust | None]] = (
    GOOD,
    OPEN,
    replace(GOOD, server=replace(ANYTHING, client_id="acme-batch")),
    replace(GOOD, server=replace(ANYTHING, required_role="r")),
    replace(GOOD, suspended=True),
    replace(GOOD, subscription=None),
    replace(GOOD, subscription=SubscriptionPeriod(NOW - 5, NOW + 5)),
    replace(GOOD, server=None),
    replace(GOOD, server=acme.server()),
    None,
)
CLOCKS: Final = (
    NOW,
    NOW + 0.5,
    NOW + 359.5,
    NOW + 360,
    NOW - 70,
    NOW - 71,
    0.0,
    -1.0,
    2.0**53,
    math.nan,
    math.inf,
    -math.inf,
)
PIECES: Final = (
    '"exp":', '"nbf":', '"iat":', '"aud":', '"iss":', '"client_id":', '"cid":', '"appid":', '"alg":', '"kid":',
    '"typ":',
    '"crit":', '"b64":', '"zip":', '"at_hash":', '"events":', '"none"', '"HS256"', '"at+jwt"', "null", "true", "1e400",
    "NaN", "-0", "9" * 70, "[", "]", "{", "}", ",", ":", '"', "\\u", "\\ud800", " ", "\n", "\u00a0", "[[[[[[[[",
    "]]]]]]]]", '"scope":', '"scp":', '"roles":', "c::acme::r", "c::globex::r", "::",
)  # fmt: skip


@dataclass
class Choices:
    """Reads choices off the front of the bytes; when they are used up, the first of everything."""

    octets: bytes

    def number(self) -> int:
        head, self.octets = self.octets[:1], self.octets[1:]
        return head[0] if head else 0

    def one_of(self, options: Sequence[Option]) -> Option:
        return options[self.number() % len(options)]

    def text(self) -> str:
        """A few of the pieces, or as much of the bytes as their own first one says."""
        length = self.number()
        if length % 2:
            return "".join(self.one_of(PIECES) for _ in range(length % 8))
        head, self.octets = self.octets[: length // 4], self.octets[length // 4 :]
        return head.decode("utf-8", "replace")

    def edited(self, text: str) -> str:
        """The text with something else in the place of a part of it."""
        start = self.number() * 256 + self.number()
        start %= len(text) + 1
        return text[:start] + self.text() + text[start + self.number() % 16 :]


def check(octets: bytes) -> None:
    """Decide about what the bytes say.

    Raises:
        AssertionError: the decision does not hold up.
    """
    choices = Choices(octets)
    trust, clock = choices.one_of(TRUSTS), choices.one_of(CLOCKS)
    alg = choices.one_of(tuple(SIGNERS))
    _KINDS[choices.number() % len(_KINDS)](choices, alg, trust, clock)


def _any_text(choices: Choices, _alg: str, trust: Trust | None, clock: float) -> None:
    authorization = [choices.text(), choices.octets.decode("utf-8", "replace")][: 1 + choices.number() % 2]
    decision = verify(authorization, trust, now=clock, snapshot_good_until=NOW + 1_000, cloud_name=CLOUD)
    assert isinstance(decision, Deny), decision
    assert decision.reason is not Reason.UNDECIDABLE


def _edited_text(choices: Choices, alg: str, trust: Trust | None, clock: float) -> None:
    good = forge.token(SIGNERS[alg], alg, scope=SCOPE)
    edited = choices.edited(good)
    decision = _decided(edited, trust, clock)
    if isinstance(decision, Allow):
        assert edited == good
        _holds_up(forge.claims(scope=SCOPE), trust, clock)


def _signed(choices: Choices, alg: str, trust: Trust | None, clock: float) -> None:
    header, claims = json.dumps(forge.header(SIGNERS[alg], alg)), json.dumps(forge.claims(scope=SCOPE))
    if choices.number() % 2:
        header = choices.edited(header)
    if choices.number() % 2:
        claims = choices.edited(claims)
    token = forge.token(SIGNERS[alg], alg, header_octets=_octets(header), payload=_octets(claims))
    if isinstance(_decided(token, trust, clock), Allow):
        assert json.loads(header)["alg"] == alg or {json.loads(header)["alg"], alg} == {"EdDSA", "Ed25519"}
        assert not {"crit", "b64"} & json.loads(header).keys()
        _holds_up(json.loads(claims), trust, clock)


_KINDS: Final = (_signed, _edited_text, _any_text)


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _decided(token: str, trust: Trust | None, clock: float) -> Decision:
    decision = verify([f"Bearer {token}"], trust, now=clock, snapshot_good_until=NOW + 1_000, cloud_name=CLOUD)
    assert isinstance(decision, Allow) or decision.reason is not Reason.UNDECIDABLE
    _agrees(token, decision, trust, clock)
    return decision


def _agrees(token: str, decision: Decision, trust: Trust | None, clock: float) -> None:
    """Hold what is decided by a path to what is decided where the token names the organization."""
    known = {} if trust is None else {"acme": trust}
    named, by_token = decide_by_token(token, known, CLOUD, now=clock, snapshot_good_until=NOW + 1_000)
    if named == "acme":
        assert by_token == decision
    elif named:
        assert isinstance(by_token, Deny)
        assert by_token.reason is Reason.ORGANIZATION_UNKNOWN
    else:
        assert isinstance(by_token, Deny)
        # No organization has a part in what is refused before one is named.
        assert by_token == decision or by_token.reason in (Reason.ORGANIZATION_NOT_NAMED, Reason.ORGANIZATION_AMBIGUOUS)


def _holds_up(claims: dict[str, Any], trust: Trust | None, clock: float) -> None:
    """Say what an allowed token must be, once more and in other words than the kernel."""
    assert trust is not None
    assert trust.server is not None
    assert trust.subscription is not None
    assert not trust.suspended
    assert trust.subscription.starts_at <= clock < trust.subscription.expires_at
    claims = {name: value for name, value in claims.items() if value not in (None, "", [])}
    assert all(type(claims[name]) in (int, float) for name in ("exp", "nbf", "iat") if name in claims)
    assert claims["exp"] + LEEWAY > clock
    assert max(claims.get("nbf", 1), claims.get("iat", 1)) - LEEWAY <= clock
    if trust.server.issuer is not ANY:
        assert claims["iss"] == trust.server.issuer
    if trust.server.audience is not ANY:
        assert trust.server.audience in (claims["aud"], *claims["aud"])
    if trust.server.client_id is not ANY:
        named = [claims[name] for name in ("client_id", "cid", "appid") if name in claims]
        assert named
        assert set(named) == {trust.server.client_id}
    if trust.server.required_role is not None:
        granted = [claims.get(name, []) for name in ("scope", "scp", "roles")]
        words = [word for value in granted for word in (value.split(" ") if isinstance(value, str) else value)]
        assert f"{CLOUD}::{trust.organization}::{trust.server.required_role}" in words
