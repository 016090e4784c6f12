"""The organization that a token names is found exactly if it names one, and only its keys count."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kit import acme, forge
from watchword.core.bearer import text_of
from watchword.core.decision import Allow, Deny, Reason
from watchword.core.verify import decide, decide_by_token

CLOUD = "api.example"
IDS = ["acme", "globex", "in", "a" * 32, "a-1"]
KEYS = {organization: forge.ec_key(organization) for organization in IDS}
KNOWN = {name: acme.trust(key, organization=name) for name, key in KEYS.items()}

naming = st.builds(
    lambda organization, role: (f"{CLOUD}::{organization}::{role}", organization),
    st.sampled_from(IDS),
    st.text(st.sampled_from("aZ9"), min_size=1, max_size=16),
)
"""A word, and the organization that it names."""

near_misses = st.sampled_from(
    [f"{CLOUD}::acme", f"{CLOUD}::Acme::x", f"x{CLOUD}::acme::x", f"{CLOUD.upper()}::acme::x", f"{CLOUD}::acme::x::y"]
)
others = near_misses | st.text(st.characters(exclude_characters=" ", exclude_categories=["Cs"]), max_size=9)
words = naming | others.filter(lambda word: not word.startswith(f"{CLOUD}::globex::")).map(lambda word: (word, None))

odd = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
nested = st.lists(naming.map(lambda word: word[0]), max_size=2) | st.dictionaries(st.just("x"), st.just("y"))


@st.composite
def claims(draw: st.DrawFn) -> tuple[dict[str, Any], set[str]]:
    """Claims, and the organizations that they name."""
    made, named = dict[str, Any](), set[str]()
    for claim in ("scope", "scp", "roles"):
        match draw(st.sampled_from(["absent", "odd", "text", "list"])):
            case "odd":
                made[claim] = draw(odd | st.dictionaries(st.just(f"{CLOUD}::acme::x"), st.just(1)))
            case "text":
                written = draw(st.lists(words, max_size=5))
                made[claim] = " ".join(word for word, _ in written)
                named |= {organization for _, organization in written if organization is not None}
            case "list":
                written = draw(st.lists(words, max_size=5))
                made[claim] = [*(word for word, _ in written), *draw(st.lists(odd | nested, max_size=2))]
                named |= {organization for _, organization in written if organization is not None}
    return made, named


@settings(max_examples=300)
@given(claims(), st.sampled_from(IDS))
def test_only_the_single_named_organization_decides(drawn: tuple[dict[str, Any], set[str]], signer: str) -> None:
    made, named = drawn
    token = forge.token(KEYS[signer], "ES256", **{"scope": ..., **made})
    text = text_of([f"Bearer {token}"], 49_152)
    organization, decision = decide_by_token(text, KNOWN, CLOUD, now=forge.NOW, snapshot_good_until=forge.NOW + 1)
    if len(named) != 1:
        lacking = Reason.ORGANIZATION_AMBIGUOUS if named else Reason.ORGANIZATION_NOT_NAMED
        assert (organization, decision) == ("", Deny(lacking))
        return
    assert {organization} == named
    # As if the path had named it.
    assert decision == decide(text, KNOWN[organization], forge.NOW, forge.NOW + 1, cloud_name=CLOUD)
    if organization == signer:
        assert isinstance(decision, Allow)
        assert decision.organization == signer
    else:
        assert isinstance(decision, Deny)
        assert decision.reason.public is Reason.NO_MATCHING_KEY


@settings(max_examples=300)
@given(claims(), st.sampled_from(IDS), st.sampled_from(["a", "Z", "9", "aZ"]))
def test_role_is_found_exactly_if_it_is_named(
    drawn: tuple[dict[str, Any], set[str]], organization: str, role: str
) -> None:
    made, _ = drawn
    written = [made.get(claim) for claim in ("scope", "scp", "roles")]
    named = [word for value in written if isinstance(value, str) for word in value.split(" ")]
    named += [word for value in written if isinstance(value, list) for word in value if isinstance(word, str)]
    begins = f"{CLOUD}::{organization}::"
    text = text_of([f"Bearer {forge.token(KEYS[organization], 'ES256', **{'scope': ..., **made})}"], 49_152)
    server = acme.server(KEYS[organization], required_role=role)
    trust = acme.trust(organization=organization, server=server)
    required = decide(text, trust, forge.NOW, forge.NOW + 1, cloud_name=CLOUD)
    assert isinstance(required, Allow) == (begins + role in named)
    free = decide(text, KNOWN[organization], forge.NOW, forge.NOW + 1, cloud_name=CLOUD)
    assert isinstance(free, Allow)
    found = {word.removeprefix(begins) for word in named if word.startswith(begins)}
    roles = {one for one in found if one.isascii() and one.isalnum() and len(one) <= 16}
    assert free.role == (roles.pop() if len(roles) == 1 else None)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text(st.sampled_from("a: \u00e9"), max_size=9)
    | naming.map(lambda word: word[0]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=9,
)


@given(st.fixed_dictionaries({}, optional={"scope": json_values, "scp": json_values, "roles": json_values}))
def test_no_type_of_these_claims_is_undecidable(made: dict[str, Any]) -> None:
    text = text_of([f"Bearer {forge.token(KEYS['acme'], 'ES256', **{'scope': ..., **made})}"], 49_152)
    _, decision = decide_by_token(text, KNOWN, CLOUD, now=forge.NOW, snapshot_good_until=forge.NOW + 1)
    assert acme.reason(decision) is not Reason.UNDECIDABLE
