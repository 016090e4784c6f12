"""A document that a verifier does not understand affects only its organization (FI-01)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from kit import acme, forge
from watchword.core.decision import Deny, Reason
from watchword.core.trust import NotUnderstood
from watchword.core.verify import verify_token
from watchword.feed import (
    EMPTY,
    NOT_UNDERSTOOD_NAMED,
    SCHEMA,
    Organizations,
    Page,
    decode_page,
    encode_not_understood,
    encode_page,
    encode_trust,
    fold,
    pack,
    read_packed,
    read_trust,
)
from watchword.feed.documents import SCHEMA_WITHOUT_ROLE

KEY = forge.rsa_key("rsa-1")
ACME = acme.trust(KEY)
GLOBEX = acme.trust(KEY, organization="globex", revision=2)
INITECH = acme.trust(KEY, organization="initech", revision=3, suspended=True)
PAGE = Page(epoch="e1", after=0, revision=3, complete=True, changes=(ACME, GLOBEX, INITECH))


def odd(**changes: object) -> Any:
    """Globex's document with these members; `...` removes one."""
    document = {**encode_trust(GLOBEX), **changes}
    return {name: value for name, value in document.items() if value is not ...}


def with_key(**changes: object) -> Any:
    document = odd()
    document["server"]["keys"] = [{**KEY.jwk(), **changes}]
    return document


ODD = {
    "a later schema": odd(schema=SCHEMA + 1, tenancy="shared"),
    "a schema of another form": odd(schema="one"),
    "no schema": odd(schema=...),
    "a schema before the first": odd(schema=0),
    "a member too many": odd(extra={"nested": [1, None]}),
    "a member too few": odd(suspended=...),
    "another form of a member": odd(suspended="no"),
    "a key type that this library lacks": with_key(kty="AKP", alg="ML-DSA-999", pub="AAAA"),
    "a kid that this interpreter does not admit": with_key(kid="k\u0000id"),
    "a lone surrogate": with_key(kid="\ud800"),
    "a number that is none": odd(subscription={"starts_at": float("nan"), "expires_at": 1}),
    "an organization that a later version names": odd(organization="Globex GmbH \u00e9"),
}


def page_with(document: object) -> Any:
    page: Any = encode_page(PAGE)
    page["changes"][1] = document
    return json.loads(json.dumps(page))


@pytest.mark.parametrize("document", ODD.values(), ids=ODD.keys())
def test_fi_01_unreadable_document_affects_only_its_organization(document: dict[str, Any]) -> None:
    organizations = fold(EMPTY, decode_page(page_with(document))).organizations
    assert isinstance(organizations, Organizations)
    assert (organizations["acme"], organizations["initech"]) == (ACME, INITECH)
    (globex,) = organizations.not_understood()
    assert (globex.organization, globex.revision) == (document["organization"], 2)
    for trust, allowed in ((organizations["acme"], True), (globex, False)):
        decision = verify_token(forge.token(KEY, "RS256"), trust, now=forge.NOW, snapshot_good_until=forge.NOW + 1)
        assert isinstance(decision, Deny) is not allowed
        assert allowed or decision == Deny(Reason.TRUST_NOT_UNDERSTOOD)


def test_fi_01_decoder_fault_affects_only_one_organization(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_arguments: object) -> object:
        raise OverflowError("a library's own")

    monkeypatch.setattr("watchword.feed.documents.admit_stored", failing)
    trust = read_trust(encode_trust(ACME))
    assert isinstance(trust, NotUnderstood)
    assert trust.problem == "OverflowError"


def test_fi_01_problem_names_the_place_not_the_value() -> None:
    trust = read_trust(with_key(kid="s3cret\u0000"))
    assert isinstance(trust, NotUnderstood)
    assert trust.problem == "keys"
    assert "s3cret" not in repr(trust)


def test_fi_01_older_trust_is_not_used() -> None:
    before = fold(EMPTY, PAGE)
    page = Page("e1", 3, 4, complete=True, changes=())
    after = fold(before, decode_page({**encode_page(page), "changes": [odd(schema=SCHEMA + 1, revision=4)]}))
    assert isinstance(after.organizations["globex"], NotUnderstood)
    assert after.organizations["globex"].suspended
    assert before.organizations["globex"] == GLOBEX


def test_fi_01_readable_document_restores_the_organization() -> None:
    snapshot = fold(EMPTY, decode_page(page_with(odd(extra=1))))
    understood = replace(GLOBEX, revision=4)
    healed = fold(snapshot, Page("e1", 3, 4, complete=True, changes=(understood,))).organizations
    assert isinstance(healed, Organizations)
    assert healed["globex"] == understood
    assert healed.not_understood() == []
    # A holder of the earlier snapshot sees what was true then.
    assert isinstance(snapshot.organizations["globex"], NotUnderstood)


@pytest.mark.parametrize("document", ODD.values(), ids=ODD.keys())
def test_fi_01_unreadable_document_is_stored_unchanged(document: dict[str, Any]) -> None:
    trust = read_trust(json.loads(json.dumps(document)))
    line = pack(trust).document
    assert len(line.splitlines()) == 1
    assert line.isascii()
    organization, revision, again = read_packed(line)
    assert (organization, revision, again.trust) == (document["organization"], 2, trust)
    assert json.dumps(encode_trust(trust), sort_keys=True) == json.dumps(document, sort_keys=True)


def test_fi_01_newer_version_reads_stored_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    document = encode_trust(GLOBEX)
    with monkeypatch.context() as older:
        older.setattr("watchword.feed.documents.SCHEMA", SCHEMA_WITHOUT_ROLE - 1)
        kept = pack(read_trust(document))
        assert isinstance(kept.trust, NotUnderstood)
    organization, revision, packed = read_packed(kept.document)
    assert (organization, revision, packed.unpack()) == ("globex", 2, GLOBEX)


def test_fi_01_older_version_reads_newer_files() -> None:
    line = pack(GLOBEX).document.replace(b'{"schema":%d' % SCHEMA_WITHOUT_ROLE, b'{"schema":%d' % (SCHEMA + 1))
    organization, revision, packed = read_packed(line)
    assert (organization, revision) == ("globex", 2)
    assert isinstance(packed.trust, NotUnderstood)


def test_fi_01_report_to_the_control_plane_is_bounded_and_fits_into_a_header() -> None:
    assert encode_not_understood([]) == "0"
    assert encode_not_understood(["acme", "globex"]) == "2 acme globex"
    # Names that only a later version writes are counted.
    assert encode_not_understood(["acme", "x\r\nAuthorization: y", "\ud800", "A"]) == "4 acme"
    many = [f"acme-{number}{'x' * 20}" for number in range(100_000)]
    assert encode_not_understood(many) == " ".join(["100000", *many[:NOT_UNDERSTOOD_NAMED]])
    assert len(encode_not_understood(many)) < 4096
