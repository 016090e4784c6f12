"""Tokens bound to a key or certificate, sent as plain bearer tokens (FL-04). All are correctly signed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from kit import acme, forge
from watchword.core.decision import Allow, Deny, Reason
from watchword.feed import EMPTY, Page, decode_page, decode_trust, encode_page, encode_trust, fold, read_trust

if TYPE_CHECKING:
    from watchword.core.trust import Trust

KEY = forge.ec_key("ec-1", "P-256")
REFUSING = acme.trust(KEY)
ACCEPTING = acme.trust(server=acme.server(KEY, accepts_bound_tokens=True))
THUMBPRINT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"

BOUND: dict[str, object] = {
    "DPoP, RFC 9449": {"jkt": THUMBPRINT},
    "mutual TLS, RFC 8705": {"x5t#S256": THUMBPRINT},
    "RFC 7800: a public key": {"jwk": forge.ec_key("client").jwk()},
    "RFC 7800: an encrypted key": {"jwe": "eyJhbGciOiJSU0EtT0FFUCJ9.e30"},
    "RFC 7800: the name of a key": {"kid": "client"},
    "RFC 7800: the address of a key": {"jku": "https://client.example/keys", "kid": "client"},
    "two at once": {"jkt": THUMBPRINT, "x5t#S256": THUMBPRINT},
    "a method that no RFC defines": {"osc": {"id": "1"}},
    "a thumbprint that is null": {"jkt": None},
    "an object without a member": {},
    "a text": THUMBPRINT,
    "a blank": " ",
    "a list": [{"jkt": THUMBPRINT}],
    "a list of nothing": [None],
    "true": True,
    "false": False,
    "zero": 0,
}


def token(**claims: object) -> str:
    return forge.token(KEY, "ES256", payload=forge.claims(**claims))


@pytest.mark.parametrize("cnf", BOUND.values(), ids=BOUND.keys())
def test_fl_04_bound_token_is_refused_as_a_bearer_token(cnf: object) -> None:
    assert acme.decide(token(cnf=cnf), REFUSING) == Deny(Reason.TOKEN_BOUND)


@pytest.mark.parametrize("cnf", BOUND.values(), ids=BOUND.keys())
def test_fl_04_bound_token_is_accepted_if_the_registration_allows_it(cnf: object) -> None:
    assert isinstance(acme.decide(token(cnf=cnf), ACCEPTING), Allow)


@pytest.mark.parametrize("trust", [REFUSING, ACCEPTING], ids=["refusing", "accepting"])
@pytest.mark.parametrize("cnf", [..., None, "", []], ids=repr)
def test_fl_04_fc_02_absent_cnf_binds_nothing(cnf: object, trust: Trust) -> None:
    assert isinstance(acme.decide(token(cnf=cnf), trust), Allow)


def test_fl_04_only_the_claim_cnf_binds() -> None:
    cnf = {"jkt": THUMBPRINT}
    assert isinstance(acme.decide(token(CNF=cnf, cnf_={}, act={"sub": "bob", "cnf": cnf}), REFUSING), Allow)
    in_the_header = forge.token(KEY, "ES256", header_changes={"cnf": cnf})
    assert isinstance(acme.decide(in_the_header, REFUSING), Allow)


def test_fl_04_escaped_claim_name_binds_too() -> None:
    escaped = json.dumps(forge.claims(cnf={"jkt": THUMBPRINT})).replace('"cnf"', r'"\u0063n\u0066"')
    bound = forge.token(KEY, "ES256", payload=escaped.encode())
    assert acme.decide(bound, REFUSING) == Deny(Reason.TOKEN_BOUND)


def test_fl_04_accepting_bound_tokens_skips_no_other_check() -> None:
    other = forge.ec_key("ec-2", "P-256").named("ec-1")
    cnf = {"jkt": THUMBPRINT}
    assert acme.decide(forge.token(other, "ES256", cnf=cnf), ACCEPTING) == Deny(Reason.SIGNATURE_INVALID)
    assert acme.decide(token(cnf=cnf, exp=1), ACCEPTING) == Deny(Reason.TOKEN_EXPIRED)
    assert acme.decide(token(cnf=cnf, client_id="x"), ACCEPTING) == Deny(Reason.CLIENT_MISMATCH)


def test_fl_04_upgraded_verifier_reads_old_and_new_control_planes() -> None:
    document: Any = encode_trust(ACCEPTING)
    del document["server"]["accepts_bound_tokens"]
    older = Page("e1", 0, 1, complete=True, changes=(decode_trust({**document, "schema": 1}),))
    snapshot = fold(EMPTY, decode_page(encode_page(older)))
    bound = token(cnf={"jkt": THUMBPRINT})
    assert isinstance(acme.decide(bound, snapshot.organizations["acme"]), Allow)
    refusing = acme.trust(KEY, revision=2)
    snapshot = fold(snapshot, decode_page(encode_page(Page("e1", 1, 2, complete=True, changes=(refusing,)))))
    assert acme.decide(bound, snapshot.organizations["acme"]) == Deny(Reason.TOKEN_BOUND)


@pytest.mark.parametrize("trust", [REFUSING, ACCEPTING], ids=["refusing", "accepting"])
def test_fl_04_older_verifier_refuses_bound_tokens(monkeypatch: pytest.MonkeyPatch, trust: Trust) -> None:
    document = encode_trust(trust)
    monkeypatch.setattr("watchword.feed.documents.SCHEMA", 1)
    assert acme.decide(token(), read_trust(document)) == Deny(Reason.TRUST_NOT_UNDERSTOOD)


def test_fl_04_only_signed_tokens_get_the_reason_token_bound() -> None:
    other = forge.ec_key("ec-2", "P-256").named("ec-1")
    assert acme.decide(forge.token(other, "ES256", cnf={}), REFUSING) == Deny(Reason.SIGNATURE_INVALID)
