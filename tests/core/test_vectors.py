"""The examples of the RFCs themselves, kept as data files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kit import acme, forge
from watchword.core import base64url
from watchword.core.algorithms import ALGORITHMS
from watchword.core.claims import UnverifiedClaims
from watchword.core.compact import UnverifiedToken
from watchword.core.decision import Allow, Reason
from watchword.core.header import UnverifiedHeader, read_header
from watchword.core.jwk import SigningKey, admit_key
from watchword.core.signature import signed_claims
from watchword.core.trust import ANY, SubscriptionPeriod

VECTORS = Path(__file__).parent / "vectors"


def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text())
    return document


SIGNED = [
    pytest.param(vector, id=f"{name} {vector['name']}")
    for name in ("rfc7515", "rfc7520", "rfc8037")
    for vector in load(name)["signed"]
]


def token_and_key(vector: dict[str, Any]) -> tuple[UnverifiedToken, SigningKey]:
    """Split here: several examples sign a text instead of claims, which the parser rightly refuses."""
    signing_input, _, signature = vector["token"].rpartition(".")
    key = admit_key(vector["jwk"])
    header = read_header({"alg": vector["alg"]})
    assert isinstance(key, SigningKey)
    assert isinstance(header, UnverifiedHeader)
    token = UnverifiedToken(
        header=header,
        claims=UnverifiedClaims({}),
        signing_input=signing_input.encode(),
        signature=base64url.decode(signature),
    )
    return token, key


@pytest.mark.parametrize("vector", SIGNED)
def test_signature_of_the_example_is_accepted(vector: dict[str, Any]) -> None:
    token, key = token_and_key(vector)
    assert signed_claims(token, key, ALGORITHMS[vector["alg"]]) == {}


@pytest.mark.parametrize("vector", SIGNED)
def test_signature_of_the_example_fails_for_other_bytes(vector: dict[str, Any]) -> None:
    token, key = token_and_key(vector)
    altered = UnverifiedToken(token.header, token.claims, token.signing_input + b"A", token.signature)
    assert signed_claims(altered, key, ALGORITHMS[vector["alg"]]) is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize("vector", load("rfc7515")["signed"][:2], ids=lambda vector: vector["name"])
def test_example_with_claims_is_accepted_in_its_time(vector: dict[str, Any]) -> None:
    expires_at = 1_300_819_380
    server = acme.server(vector["jwk"], issuer="joe", audience=ANY, client_id=ANY)
    decision = acme.decide(
        vector["token"],
        acme.trust(server=server, subscription=SubscriptionPeriod(0, forge.NOW)),
        now=expires_at,
    )
    assert isinstance(decision, Allow)
    assert (decision.claims.issuer, decision.claims.expires_at) == ("joe", expires_at)


@pytest.mark.parametrize("vector", load("rfc7515")["refused"], ids=lambda vector: vector["name"])
def test_hmac_and_unsecured_examples_are_refused(vector: dict[str, Any]) -> None:
    key = load("rfc7515")["signed"][0]["jwk"]
    assert acme.reason(acme.decide(vector["token"], acme.trust(key))) is Reason.ALGORITHM_NOT_ACCEPTED


def test_thumbprints_match_the_rfcs() -> None:
    rsa = load("rfc7638")
    okp = load("rfc8037")
    for jwk, thumbprint in ((rsa["jwk"], rsa["thumbprint"]), (okp["signed"][0]["jwk"], okp["thumbprint"])):
        key = admit_key(jwk)
        assert isinstance(key, SigningKey)
        assert key.thumbprint == thumbprint
