"""Properties of the feed: documents survive encoding, and a snapshot depends on the changes, not on the paging."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kit import acme, forge
from watchword.core.trust import ANY, ServerTrust, SubscriptionPeriod, Trust
from watchword.feed import (
    EMPTY,
    FeedRefused,
    Page,
    decode_page,
    decode_trust,
    encode_page,
    encode_trust,
    fold,
    pack,
    read_packed,
)

TIMES = st.integers(0, 2**53 - 1)
ORGANIZATIONS = st.sampled_from(["acme", "globex", "initech", "a1", "a-very-long-but-still-good-name0"])
EXPECTED = st.just(ANY) | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
KEYS = acme.keys(forge.rsa_key(), forge.ec_key(), forge.ed25519_key(), forge.ec_key("named", "P-384").named(None))


@st.composite
def servers(draw: st.DrawFn) -> ServerTrust:
    return ServerTrust(
        id=draw(st.uuids().map(str)),
        name=draw(st.from_regex(r"[A-Za-z0-9]{1,64}", fullmatch=True)),
        issuer=draw(EXPECTED),
        audience=draw(EXPECTED),
        client_id=draw(EXPECTED),
        accepts_bound_tokens=draw(st.booleans()),
        required_role=draw(st.none() | st.from_regex(r"[0-9A-Za-z]{1,16}", fullmatch=True)),
        keys=tuple(draw(st.lists(st.sampled_from(KEYS), unique=True))),
        keys_good_until=draw(TIMES),
    )


@st.composite
def trusts(draw: st.DrawFn) -> Trust:
    return Trust(
        organization=draw(ORGANIZATIONS),
        revision=draw(st.integers(1, 2**53 - 1)),
        suspended=draw(st.booleans()),
        subscription=draw(st.none() | st.builds(SubscriptionPeriod, TIMES, TIMES)),
        server=draw(st.none() | servers()),
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(trusts())
def test_trust_survives_encoding(trust: Trust) -> None:
    assert decode_trust(json.loads(json.dumps(encode_trust(trust)))) == trust
    assert pack(trust).unpack() == trust
    assert read_packed(pack(trust).document)[:2] == (trust.organization, trust.revision)
    assert b"\n" not in pack(trust).document


@given(trusts(), st.data())
def test_trust_with_one_value_replaced_is_another_valid_one_or_refused(trust: Trust, data: st.DataObject) -> None:
    document: Any = encode_trust(trust)
    name = data.draw(st.sampled_from(sorted(document)))
    document[name] = data.draw(JSON)
    try:
        decoded = decode_trust(document)
    except FeedRefused:
        return
    assert encode_trust(decoded) == document


@given(JSON)
def test_other_documents_are_refused(document: object) -> None:
    for decode in (decode_trust, decode_page):
        try:
            decode(document)
        except FeedRefused:
            continue
        raise AssertionError


@st.composite
def histories(draw: st.DrawFn) -> list[Trust]:
    """Changes in the order of their revisions, which have gaps."""
    steps = draw(st.lists(st.tuples(ORGANIZATIONS, st.booleans(), st.integers(1, 3)), max_size=20))
    changes, revision = [], 0
    for organization, suspended, step in steps:
        revision += step
        changes.append(Trust(organization, revision, suspended, None, None))
    return changes


def page_after(history: list[Trust], after: int, upto: int, size: int) -> Page:
    """The response of a control plane that knows the history up to a revision: the newest of each, oldest first."""
    newest = {trust.organization: trust for trust in history if trust.revision <= upto}
    changed = sorted((trust for trust in newest.values() if trust.revision > after), key=lambda trust: trust.revision)
    part = tuple(changed[:size])
    return Page("e1", after, part[-1].revision if part else after, complete=len(part) == len(changed), changes=part)


@given(histories(), st.data())
def test_snapshot_holds_the_newest_trust_for_any_paging(history: list[Trust], data: st.DataObject) -> None:
    """Requests and changes interleave: each page shows more of the history than the one before."""
    snapshot, known = EMPTY, 0
    head = history[-1].revision if history else 0
    while True:
        known = data.draw(st.integers(known, head))
        page = page_after(history, snapshot.revision, known, data.draw(st.integers(1, 5)))
        snapshot = fold(snapshot, decode_page(encode_page(page)))
        if page.complete and known == head:
            break
        known = min(head, known + 1)
    assert dict(snapshot.organizations) == {trust.organization: trust for trust in history}
    assert snapshot.revision == head


@given(histories(), st.data())
def test_snapshot_refuses_pages_out_of_order(history: list[Trust], data: st.DataObject) -> None:
    """Lost, repeated and reordered pages are refused; no accepted page makes an organization older."""
    head = history[-1].revision if history else 0
    snapshot = EMPTY
    for _ in range(6):
        page = page_after(history, data.draw(st.integers(0, head)), data.draw(st.integers(0, head)), 3)
        try:
            following = fold(snapshot, page)
        except FeedRefused:
            continue
        for organization, trust in snapshot.organizations.items():
            assert following.organizations[organization].revision >= trust.revision
        snapshot = following
