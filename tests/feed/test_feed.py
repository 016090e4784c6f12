"""The contract between the planes: documents survive encoding, others are refused, and pages follow each other."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kit import acme, forge
from watchword.core.trust import ANY, NotUnderstood
from watchword.feed import (
    EMPTY,
    PAGE_SCHEMA,
    SCHEMA,
    FeedRefused,
    Organizations,
    Packed,
    Page,
    SchemaUnknown,
    Snapshot,
    decode_page,
    decode_trust,
    encode_page,
    encode_trust,
    fold,
    pack,
    read_packed,
    snapshot,
)
from watchword.feed.documents import OLDEST_SCHEMA, SCHEMA_WITHOUT_ROLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword.core.trust import Trust

KEY = forge.rsa_key("rsa-1")
ACME = acme.trust(KEY)
GLOBEX = acme.trust(KEY, organization="globex", revision=2, suspended=True)
INITECH = acme.trust(organization="initech", revision=3, subscription=None, server=None)
PAGE = Page(epoch="e1", after=0, revision=3, complete=True, changes=(ACME, GLOBEX, INITECH))


def through_json(document: object) -> Any:
    return json.loads(json.dumps(document))


# -------------------------------------------------------------------- trust

TRUSTS = [
    ACME,
    GLOBEX,
    INITECH,
    acme.trust(server=acme.server(issuer=ANY, audience=ANY, client_id=ANY)),
    acme.trust(server=acme.server(issuer="any", audience="any", client_id="any")),
    acme.trust(server=acme.server(KEY, forge.ec_key(), forge.ed25519_key().named(None))),
    acme.trust(server=acme.server(accepts_bound_tokens=True)),
    acme.trust(server=acme.server(required_role="Orders")),
]


@pytest.mark.parametrize(
    "trust", TRUSTS, ids=["acme", "suspended", "bare", "anything goes", "the word any", "keys", "bound", "role"]
)
def test_trust_survives_encoding(trust: Trust) -> None:
    assert decode_trust(through_json(encode_trust(trust))) == trust


def test_trust_document_is_as_agreed() -> None:
    assert encode_trust(acme.trust(server=acme.server(KEY, client_id=ANY))) == {
        "schema": 2,
        "organization": "acme",
        "revision": 1,
        "suspended": False,
        "subscription": {"starts_at": forge.NOW - acme.DAY, "expires_at": forge.NOW + acme.DAY},
        "server": {
            "id": "5f0d7c52-3a0e-4a52-9d3c-0d8f3d1f2b11",
            "name": "ProdOkta",
            "issuer": {"equals": "https://login.acme.example/"},
            "audience": {"equals": "https://api.example/"},
            "client_id": "any",
            "accepts_bound_tokens": False,
            "keys": [KEY.jwk()],
            "keys_good_until": forge.NOW + acme.DAY,
        },
    }


def rows(path: str, values: list[object]) -> list[tuple[str, object]]:
    return [(path, value) for value in values]


def at(path: str, value: object) -> Callable[[Any], None]:
    """A change of one place of a document; `...` removes the member."""

    def change(document: Any) -> None:
        *parents, last = path.split(".")
        for name in parents:
            document = document[int(name)] if isinstance(document, list) else document[name]
        if value is ...:
            del document[last]
        else:
            document[last] = value

    return change


WRONG_IN_TRUST: list[tuple[str, object]] = [
    *rows("schema", [0, 1, 3, 4, "2", 1.0, True, None, ...]),
    *rows("organization", ["", "a", "Acme", "acme-", "-acme", "1acme", "acme\n", "a" * 33, "ac me", 1, None, ...]),
    *rows("revision", [0, -1, 1.5, "1", True, 2**53, None, ...]),
    *rows("suspended", [0, 1, "false", None, ...]),
    *rows("subscription", [{}, [], "active", 0, False, ...]),
    *rows("subscription.starts_at", [-1, "0", 1.5, True, None, 2**53, ...]),
    *rows("subscription.expires_at", [-1, "0", 1.5, True, None, 2**53, ...]),
    *rows("server", [{}, [], "any", 0, False, ...]),
    *rows("server.id", ["", 1, None, ...]),
    *rows("server.name", ["", "Prod Okta", "Prod-Okta", "é", "a" * 65, "a\n", 1, None, ...]),
    *rows("server.issuer", ["", "x", None, "ANY", {}, {"equals": ""}, {"equals": None}, {"any": "x"}, ...]),
    *rows("server.audience", ["", "x", None, ["any"], {"equals": ""}, {"equals": ["x"]}, ...]),
    *rows("server.client_id", ["", "x", None, 1, {"equals": ""}, {"equals": True}, ...]),
    *rows("server.accepts_bound_tokens", [0, 1, "false", None, ...]),
    ("server.issuer", {"equals": "x", "or": "y"}),
    *rows("server.keys", [{}, "", None, [None], [{}], [KEY.private_jwk()], [KEY.jwk(), KEY.jwk()], ...]),
    *rows("server.keys_good_until", [-1, "0", 1.5, True, None, 2**53, ...]),
    *((path, 1) for path in ("extra", "subscription.extra", "server.extra")),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value"), WRONG_IN_TRUST, ids=lambda value: repr(value)[:14])
def test_trust_with_anything_wrong_is_refused(path: str, value: object) -> None:
    document = encode_trust(ACME)
    at(path, value)(document)
    with pytest.raises(FeedRefused):
        decode_trust(document)


@pytest.mark.parametrize("document", [None, [], "trust", 1, True], ids=repr)
def test_document_that_is_no_object_is_refused(document: object) -> None:
    for decode in (decode_trust, decode_page):
        with pytest.raises(FeedRefused):
            decode(document)


def test_refusal_names_the_place_not_the_value() -> None:
    document = encode_trust(ACME)
    at("server.name", "s3cret name")(document)
    with pytest.raises(FeedRefused, match="name") as refused:
        decode_trust(document)
    assert "s3cret" not in str(refused.value)


def test_fl_04_document_of_schema_1_accepts_bound_tokens() -> None:
    # Schema 1 had no such setting; an upgrade must not lock an organization's clients out.
    older = encode_trust(ACME)
    at("schema", 1)(older)
    at("server.accepts_bound_tokens", ...)(older)
    assert decode_trust(older) == acme.trust(server=acme.server(KEY, accepts_bound_tokens=True))
    assert decode_trust({**older, "server": None}) == acme.trust(server=None)


def test_fl_05_only_trust_that_requires_a_role_is_of_schema_3() -> None:
    document: Any = encode_trust(acme.trust(server=acme.server(KEY, required_role="Orders")))
    assert document["schema"] == SCHEMA == 3
    assert document["server"]["required_role"] == "Orders"
    for trust in TRUSTS[:-1]:
        older: Any = encode_trust(trust)
        assert older["schema"] == 2
        assert "required_role" not in (older["server"] or {})
    assert decode_trust({**document, "server": None}) == acme.trust(server=None)


@pytest.mark.parametrize(
    "role",
    ["", "a" * 17, "Orders-1", "Order 1", "Ord\u00e9", "Orders\n", "*", 1, True, None, ["Orders"], ...],
    ids=repr,
)
def test_fl_05_trust_without_a_readable_role_is_refused(role: object) -> None:
    document = encode_trust(acme.trust(server=acme.server(KEY, required_role="Orders")))
    at("server.required_role", role)(document)
    with pytest.raises(FeedRefused, match=r"required_role|server"):
        decode_trust(document)


def test_fl_05_role_in_a_document_of_an_older_schema_is_refused() -> None:
    document = encode_trust(acme.trust(server=acme.server(KEY, required_role="Orders")))
    for schema in (1, 2):
        at("schema", schema)(document)
        with pytest.raises(FeedRefused, match="server"):
            decode_trust(document)


@pytest.mark.parametrize("schema", [OLDEST_SCHEMA - 1, SCHEMA + 1])
def test_another_schema_has_its_own_error(schema: int) -> None:
    with pytest.raises(SchemaUnknown):
        decode_trust({"schema": schema})


@pytest.mark.parametrize("schema", [PAGE_SCHEMA - 1, PAGE_SCHEMA + 1])
def test_another_page_schema_has_its_own_error(schema: int) -> None:
    with pytest.raises(SchemaUnknown):
        decode_page({"schema": schema})


def test_page_may_have_further_members() -> None:
    # A later control plane may add members. Those of trust are never ignored: they decide about tokens.
    assert decode_page({**encode_page(PAGE), "sent_at": forge.NOW}) == PAGE


# -------------------------------------------------------------------- pages

PAGES = [
    PAGE,
    Page("e1", 0, 0, complete=True, changes=()),
    Page("e1", 7, 7, complete=True, changes=()),
    Page("e1", 1, 2, complete=False, changes=(GLOBEX,)),
    Page("e1", 1, 9, complete=True, changes=(GLOBEX,)),
]


@pytest.mark.parametrize("page", PAGES)
def test_page_survives_encoding(page: Page) -> None:
    assert decode_page(through_json(encode_page(page))) == page


WRONG_IN_PAGE: list[tuple[str, object]] = [
    *rows("schema", [PAGE_SCHEMA + 1, "1", None, ...]),
    *rows("epoch", ["", 1, None, ...]),
    *rows("after", [-1, "0", None, True, 1, 3, ...]),
    *rows("revision", [-1, 0, 2, "3", None, 2**53, ...]),
    *rows("complete", [0, 1, "true", None, ...]),
    *rows("changes", [{}, None, [None], [1], ...]),
    ("changes.0.revision", 2),
    ("changes.1.revision", 3),
    ("changes.2.revision", 1),
    ("changes.2.revision", 4),
    ("changes.2.organization", "acme"),
    *rows("changes.1.organization", ["", "a" * 257, None, 1, ...]),
    *rows("changes.1.revision", [0, "2", 2**53, None, ...]),
]


@pytest.mark.parametrize(("path", "value"), WRONG_IN_PAGE, ids=lambda value: repr(value)[:24])
def test_page_with_anything_wrong_is_refused(path: str, value: object) -> None:
    document = through_json(encode_page(PAGE))
    at(path, value)(document)
    with pytest.raises(FeedRefused):
        decode_page(document)


def test_page_that_promises_more_must_advance() -> None:
    with pytest.raises(FeedRefused):
        decode_page(encode_page(Page("e1", 7, 7, complete=False, changes=())))


# -------------------------------------------------------------------- fold


def test_first_page_fills_the_empty_snapshot() -> None:
    snapshot = fold(EMPTY, PAGE)
    assert (snapshot.epoch, snapshot.revision) == ("e1", 3)
    assert dict(snapshot.organizations) == {"acme": ACME, "globex": GLOBEX, "initech": INITECH}


def test_next_page_replaces_what_changed_and_keeps_the_rest() -> None:
    before = fold(EMPTY, PAGE)
    suspended = replace(ACME, revision=4, suspended=True)
    after = fold(before, Page("e1", 3, 4, complete=True, changes=(suspended,)))
    assert after.organizations["acme"] == suspended
    assert after.organizations["globex"] == GLOBEX
    assert before.organizations["acme"] == ACME


def test_empty_page_only_advances() -> None:
    snapshot = fold(fold(EMPTY, PAGE), Page("e1", 3, 3, complete=True, changes=()))
    assert snapshot == fold(EMPTY, PAGE)


def test_another_epoch_starts_over_and_keeps_nothing() -> None:
    snapshot = fold(fold(EMPTY, PAGE), Page("e2", 0, 2, complete=True, changes=(GLOBEX,)))
    assert snapshot == Snapshot("e2", 2, {"globex": GLOBEX})


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(Page("e1", 4, 5, complete=True, changes=()), id="a gap"),
        pytest.param(Page("e1", 2, 3, complete=True, changes=(INITECH,)), id="an older page"),
        pytest.param(PAGE, id="the same epoch from its beginning, as from a replica that lags behind"),
        pytest.param(Page("e2", 3, 4, complete=True, changes=()), id="another epoch in its middle"),
    ],
)
def test_page_that_does_not_follow_is_refused(page: Page) -> None:
    with pytest.raises(FeedRefused):
        fold(fold(EMPTY, PAGE), page)


def test_snapshot_cannot_be_changed() -> None:
    organizations: Any = fold(EMPTY, PAGE).organizations
    with pytest.raises(TypeError):
        organizations["acme"] = GLOBEX


# -------------------------------------------------------------------- packed, until the first request


def test_packed_trust_survives_unpacking() -> None:
    for trust in TRUSTS:
        packed = pack(trust)
        assert packed.trust is None
        assert read_packed(packed.document)[:2] == (trust.organization, trust.revision)
        assert packed.unpack() == trust
        assert packed.unpack() is packed.unpack()


def test_last_change_of_an_organization_counts() -> None:
    packed = [("acme", pack(replace(ACME, revision=revision))) for revision in (1, 2, 3)]
    assert Organizations().changed(packed)["acme"].revision == 3


def test_common_key_members_are_shared_in_memory() -> None:
    names = []
    for organization in ("acme", "globex"):
        server = pack(acme.trust(KEY, organization=organization)).unpack().server
        assert server is not None
        names.append((server.name, server.keys[0].kty, server.keys[0].material.values[1]))
    assert all(one is other for one, other in zip(*names, strict=True))


def test_packed_trust_is_one_line() -> None:
    packed = pack(acme.trust(server=acme.server(issuer="a\nb\x85c\u2028d", client_id="é")))
    assert len(packed.document.splitlines()) == 1
    assert packed.document.isascii()
    assert packed.unpack().server == acme.server(issuer="a\nb\x85c\u2028d", client_id="é")


def test_trust_is_unpacked_once() -> None:
    before = fold(EMPTY, PAGE)
    acme_before = before.organizations["acme"]
    after = fold(before, Page("e1", 3, 4, complete=True, changes=(replace(GLOBEX, revision=4, suspended=False),)))
    assert after.organizations.get("acme") is acme_before
    assert after.organizations["globex"] is not before.organizations["globex"]
    # Also when the older snapshot is used first.
    assert before.organizations["initech"] is after.organizations["initech"]


def test_concurrent_first_requests_get_one_object(monkeypatch: pytest.MonkeyPatch) -> None:
    organizations = fold(EMPTY, PAGE).organizations
    together = threading.Barrier(4)

    def slowly(document: object) -> Trust:
        # Long enough for the other threads to have found it packed.
        time.sleep(0.1)
        return decode_trust(document)

    def ask(_number: int) -> Any:
        together.wait()
        return organizations.get("acme")

    monkeypatch.setattr(snapshot, "read_trust", slowly)
    with ThreadPoolExecutor(max_workers=4) as threads:
        assert len({id(trust) for trust in threads.map(ask, range(4))}) == 1


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{}",
        b'{"not_understood":{}}',
        b'{"not_understood":',
        pack(ACME).document.replace(b'"schema":%d' % SCHEMA_WITHOUT_ROLE, b'"schema":"1"'),
        pack(ACME).document.replace(b"acme", b"Acme", 1),
        pack(ACME).document.replace(b'"revision":1', b'"revision":0'),
        b" " + pack(ACME).document,
    ],
)
def test_invalid_packed_trust_is_refused(document: bytes) -> None:
    with pytest.raises(FeedRefused):
        read_packed(document)


def test_packed_trust_no_longer_admitted_is_not_understood() -> None:
    document = pack(ACME).document
    for damaged in (
        document.replace(KEY.jwk()["n"].encode(), b"AQAB"),
        document.replace(b'"name":"ProdOkta"', b'"name":1'),
        document.replace(b'"kty":"RSA"', b'"kty":["RSA"]'),
    ):
        assert damaged != document
        organizations = Organizations().changed([("acme", Packed(damaged))])
        assert "acme" in organizations
        assert organizations.not_understood() == []
        trust = organizations.get("acme")
        assert isinstance(trust, NotUnderstood)
        assert organizations.not_understood() == [trust]
        assert organizations["acme"] is trust


def test_snapshot_behaves_like_a_mapping() -> None:
    organizations = fold(EMPTY, PAGE).organizations
    assert isinstance(organizations, Organizations)
    assert sorted(organizations) == ["acme", "globex", "initech"]
    assert len(organizations) == 3
    assert ("acme" in organizations, "nobody" in organizations) == (True, False)
    assert organizations.get("nobody") is None
    assert organizations.get("nobody", ACME) is ACME
    for ask in (organizations.__getitem__, organizations.document):
        with pytest.raises(KeyError):
            ask("nobody")
    assert organizations.document("acme") == pack(ACME).document
    assert sorted(organizations.documents()) == sorted(pack(trust).document for trust in PAGE.changes)
    assert Organizations.of(organizations) is organizations
    assert Organizations.of({"acme": ACME}) == {"acme": ACME}
    assert len(EMPTY.organizations) == 0
