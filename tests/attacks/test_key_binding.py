"""Keys that their publisher binds to an issuer verify no other issuer's tokens (FL-03, A-21)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import acme, forge
from watchword.core.decision import Allow, Deny, Reason
from watchword.core.jwk import IgnoredKey, SigningKey, admit, admit_key, admit_stored
from watchword.core.jwk_problems import KeyProblem
from watchword.core.trust import ANY, Trust

KEY = forge.rsa_key("k1")
OURS, OTHERS = "5f0d7c52-3a0e-4a52-9d3c-0d8f3d1f2b11", "9188040d-6c67-4c5b-b112-36a304b66dad"
V2 = "https://login.microsoftonline.com/{}/v2.0"
V1 = "https://sts.windows.net/{}/"
TEMPLATE = V2.format("{tenantid}")


def trust(*published: forge.Key | dict[str, Any], issuer: object = ANY) -> Trust:
    return acme.trust(server=acme.server(*published, issuer=issuer))


ROWS: dict[str, tuple[str, dict[str, Any], bool]] = {
    # For one directory.
    "its own directory": (V2.format(OURS), {"iss": V2.format(OURS), "tid": OURS}, True),
    "its own directory, no tid": (V2.format(OURS), {"iss": V2.format(OURS)}, True),
    "its own directory, version 1.0": (V2.format(OURS), {"iss": V1.format(OURS), "tid": OURS}, True),
    "another directory": (V2.format(OTHERS), {"iss": V2.format(OURS), "tid": OURS}, False),
    "another directory, version 1.0": (V2.format(OTHERS), {"iss": V1.format(OURS), "tid": OURS}, False),
    "another directory, whose id the token claims beside": (
        V2.format(OTHERS), {"iss": V2.format(OURS), "tid": OTHERS}, False,
    ),
    # For every directory.
    "any directory": (TEMPLATE, {"iss": V2.format(OURS), "tid": OURS}, True),
    "any directory, version 1.0": (TEMPLATE, {"iss": V1.format(OURS), "tid": OURS}, True),
    "any directory, by its domain": (TEMPLATE, {"iss": V2.format("acme.example"), "tid": "acme.example"}, True),
    "any directory, tid of another": (TEMPLATE, {"iss": V2.format(OURS), "tid": OTHERS}, False),
    "any directory, tid of another, version 1.0": (TEMPLATE, {"iss": V1.format(OURS), "tid": OTHERS}, False),
    "any directory, no tid": (TEMPLATE, {"iss": V2.format(OURS)}, False),
    "any directory, tid null": (TEMPLATE, {"iss": V2.format(OURS), "tid": None}, False),
    "any directory, tid a list": (TEMPLATE, {"iss": V2.format(OURS), "tid": [OURS]}, False),
    "any directory, tid empty": (TEMPLATE, {"iss": V2.format(""), "tid": ""}, False),
    "any directory, the template itself": (TEMPLATE, {"iss": TEMPLATE, "tid": "{tenantid}"}, False),
    "any directory, a tid that is a path": (TEMPLATE, {"iss": V2.format("a/b"), "tid": "a/b"}, False),
    "any directory, a tid with a line feed": (TEMPLATE, {"iss": V2.format("a\n"), "tid": "a\n"}, False),
    "any directory, another cloud": (
        TEMPLATE, {"iss": "https://login.microsoftonline.us/" + OURS + "/v2.0", "tid": OURS}, False,
    ),
    # Other clouds and their older issuers.
    "the United States government's, version 1.0": (
        "https://login.microsoftonline.us/{tenantid}/v2.0", {"iss": V1.format(OURS), "tid": OURS}, True,
    ),
    "China's, version 1.0": (
        "https://login.partner.microsoftonline.cn/{tenantid}/v2.0",
        {"iss": f"https://sts.chinacloudapi.cn/{OURS}/", "tid": OURS}, True,
    ),
    "China's, version 1.0 of the public cloud": (
        "https://login.partner.microsoftonline.cn/{tenantid}/v2.0", {"iss": V1.format(OURS), "tid": OURS}, False,
    ),
    "version 1.0 of a host that has none": (
        "https://login.acme.example/{tenantid}/v2.0", {"iss": V1.format(OURS), "tid": OURS}, False,
    ),
    "version 1.0 of what is no issuer of version 2.0": (
        f"https://login.microsoftonline.com/{OURS}/v1.0", {"iss": V1.format(OURS), "tid": OURS}, False,
    ),
    "version 1.0 of what ends elsewhere": (
        f"https://login.microsoftonline.com/{OURS}",
        {"iss": V1.format(OURS), "tid": OURS},
        False,
    ),
    "version 1.0 of a longer path": (
        f"https://login.microsoftonline.com/x/{OURS}/v2.0", {"iss": V1.format(f"x/{OURS}"), "tid": OURS}, False,
    ),
    # Any authorization server.
    "another server's own": ("https://as.example", {"iss": "https://as.example"}, True),
    "compared exactly: a slash": ("https://as.example", {"iss": "https://as.example/"}, False),
    "compared exactly: case": ("https://as.example", {"iss": "https://AS.example"}, False),
    "compared exactly: the beginning": ("https://as.example", {"iss": "https://as.example.evil"}, False),
    "a URN": ("urn:acme:as", {"iss": "urn:acme:as"}, True),
    "a URN, another": ("urn:acme:as", {"iss": "urn:globex:as"}, False),
    "no iss": ("https://as.example", {"iss": ...}, False),
    "iss null": ("https://as.example", {"iss": None}, False),
    "iss a list": ("https://as.example", {"iss": ["https://as.example"]}, False),
}  # fmt: skip


@pytest.mark.parametrize(("issuer", "claims", "good"), ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("named", [True, False], ids=["with kid", "without kid"])
def test_fl_03_issuer_of_the_token_must_match_the_binding(
    issuer: str, claims: dict[str, Any], *, good: bool, named: bool
) -> None:
    token = forge.token(KEY if named else KEY.named(None), "RS256", **claims)
    decision = acme.decide(token, trust(KEY.jwk(issuer=issuer)))
    if good:
        assert isinstance(decision, Allow)
    else:
        # The kid is known: there is nothing to fetch.
        assert decision == Deny(Reason.NO_MATCHING_KEY, unknown_kid=None)
    assert isinstance(acme.decide(token, trust(KEY)), Allow)


def test_fl_03_unknown_kid_is_still_reported() -> None:
    decision = acme.decide(forge.token(KEY.named("new"), "RS256"), trust(KEY.jwk(issuer="https://as.example")))
    assert decision == Deny(Reason.NO_MATCHING_KEY, unknown_kid="new")


def test_fl_03_binding_skips_no_other_check() -> None:
    bound = KEY.jwk(issuer=TEMPLATE)
    ours: dict[str, Any] = {"iss": V2.format(OURS), "tid": OURS}
    assert acme.reason(acme.decide(forge.token(KEY, "RS256", **ours), trust(bound, issuer=V2.format(OURS)))) is None
    other = acme.decide(forge.token(KEY, "RS256", **ours), trust(bound, issuer=V2.format(OTHERS)))
    assert other == Deny(Reason.ISSUER_MISMATCH)
    forged = forge.token(forge.rsa_key("stranger").named("k1"), "RS256", **ours)
    assert acme.decide(forged, trust(bound)) == Deny(Reason.SIGNATURE_INVALID)
    assert acme.decide(forge.token(KEY, "RS256", **ours), trust(KEY.jwk(issuer=TEMPLATE, alg="PS256"))) == Deny(
        Reason.KEY_ALGORITHM_MISMATCH
    )


def test_fl_03_binding_does_not_choose_between_two_keys() -> None:
    """A token without kid fits two keys, although one of them is for another issuer."""
    other = forge.rsa_key("other").jwk(issuer="https://other.example")
    token = forge.token(KEY.named(None), "RS256", iss="https://as.example")
    assert acme.decide(token, trust(KEY.jwk(issuer="https://as.example"), other)) == Deny(Reason.KEY_AMBIGUOUS)


@pytest.mark.parametrize("order", [1, -1])
def test_fl_03_key_published_for_two_issuers_verifies_both(order: int) -> None:
    issuers = ["https://a.example", "https://b.example"][::order]
    keys = trust(*(KEY.jwk(issuer=issuer) for issuer in issuers))
    for issuer, good in (("https://a.example", True), ("https://b.example", True), ("https://c.example", False)):
        assert (acme.reason(acme.decide(forge.token(KEY, "RS256", iss=issuer), keys)) is None) == good


# -------------------------------------------------------------------- admission


@pytest.mark.parametrize("issuer", [None, "", []], ids=repr)
def test_fl_03_empty_issuer_is_absent(issuer: object) -> None:
    assert admit_key(KEY.jwk(issuer=issuer)) == admit_key(KEY.jwk())


@pytest.mark.parametrize("issuer", ["y", "CN=Acme Issuing CA, O=Acme", "accounts.example"])
def test_fl_03_issuer_that_is_no_uri_is_ignored(issuer: str) -> None:
    """Products use this member for other values; RFC 7519 section 2 requires a URI if there is a colon."""
    assert admit_key(KEY.jwk(issuer=issuer)) == admit_key(KEY.jwk())


@pytest.mark.parametrize(
    "issuer",
    [1, True, {}, ["https://as.example"], "https://as.example/" + "a" * 494, "https://as.example/\n", "https:\ud800"],
    ids=lambda issuer: ascii(issuer)[:24],
)
def test_fl_03_key_with_an_invalid_issuer_is_ignored(issuer: object) -> None:
    assert admit_key(KEY.jwk(issuer=issuer)) == IgnoredKey("k1", "RSA", KeyProblem.ISSUER_MALFORMED)


@pytest.mark.parametrize("issuer", [TEMPLATE, V2.format(OTHERS), "https://as.example/" + "a" * 493])
def test_fl_03_binding_is_stored_with_the_key(issuer: str) -> None:
    (key,) = admit(forge.key_set(KEY.jwk(issuer=issuer))).keys
    assert key.issuer == issuer
    assert key.to_jwk() == KEY.jwk(issuer=issuer)
    assert admit_stored([key.to_jwk()]) == (key,)
    unbound = admit_key(KEY.jwk())
    assert isinstance(unbound, SigningKey)
    assert (key.thumbprint, key != unbound) == (unbound.thumbprint, True)


def test_fl_03_different_keys_under_one_kid_are_refused() -> None:
    keys = [forge.rsa_key(name).named("k1").jwk(issuer=f"https://{name}.example") for name in ("a", "b")]
    with pytest.raises(Exception, match="kid_reused"):
        admit(forge.key_set(*keys))


# -------------------------------------------------------------------- the property

ISSUERS = st.sampled_from(
    [TEMPLATE, V2.format(OURS), V2.format(OTHERS), V1.format(OURS), "https://as.example", "y", None]
)
CLAIMED = st.sampled_from(
    [V2.format(OURS), V2.format(OTHERS), V1.format(OURS), "https://as.example", TEMPLATE, None, 1]
)
TENANTS = st.sampled_from([OURS, OTHERS, "{tenantid}", "", None, 7]) | st.text(max_size=4)


@given(
    st.lists(
        st.tuples(st.sampled_from(["k1", "k2", None]), ISSUERS, st.sampled_from(["RS256", None])),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["k1", "k2", None]),
    CLAIMED,
    TENANTS,
)
def test_fl_03_bindings_never_accept_more_tokens(
    published: list[tuple[str | None, str | None, str | None]], kid: str | None, issuer: object, tenant: object
) -> None:
    by_name = {"k1": KEY, "k2": forge.rsa_key("k2"), None: KEY.named(None)}
    bound = [by_name[name].jwk(alg=alg or ..., issuer=binding) for name, binding, alg in published]
    free = [{name: value for name, value in jwk.items() if name != "issuer"} for jwk in bound]
    token = forge.token(by_name[kid], "RS256", iss=issuer, tid=tenant)
    if isinstance(acme.decide(token, trust(*bound)), Allow):
        assert isinstance(acme.decide(token, trust(*free)), Allow)
