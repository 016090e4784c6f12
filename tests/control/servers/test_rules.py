from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from watchword.control.servers import rules
from watchword.control.servers.rules import ServerFields, check_fields
from watchword.core.trust import ANY

LONGEST_NAME = "A" * 64


def faults(**changes: object) -> dict[str, str]:
    good: dict[str, object] = {
        "enabled": True,
        "name": "ProdOkta",
        "description": "",
        "jwks_location": "https://login.acme.example/keys",
        "verify_certificate": True,
        "audience": "https://api.example/",
        "issuer": "",
        "client_id": "",
    }
    return check_fields(ServerFields(**{**good, **changes}))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["A", "z9", "0", LONGEST_NAME])
def test_p05_a_name_of_ascii_letters_and_digits_is_fine(name: str) -> None:
    assert faults(name=name) == {}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("", "Enter a name"),
        ("Prod Okta", "spaces"),
        (" ProdOkta", "spaces"),
        ("ProdOkta\n", "line breaks"),
        ("Prod\u00a0Okta", "spaces"),
        ("Café", "letters A to Z"),
        ("Prod-Okta", "letters A to Z"),
        ("Prod_Okta", "letters A to Z"),
        # str.isalnum() says yes to each of these.
        ("Prod٣", "letters A to Z"),
        ("\uff30rod", "letters A to Z"),
        ("Prod²", "letters A to Z"),
        ("Prod\x00", "letters A to Z"),
        ("Prod\u200b", "letters A to Z"),
        ("A" * 65, "cannot exceed 64 characters; this one has 65"),
    ],
)
def test_p05_each_faulty_name_gets_its_own_sentence(name: str, part: str) -> None:
    assert part in faults(name=name)["name"]


def test_a_description_may_have_256_characters_and_line_breaks() -> None:
    assert faults(description="é" * 255 + "\n") == {}
    assert "cannot exceed 256 characters; this one has 257" in faults(description="x" * 257)["description"]


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\r", "\u202e", "\u200b", "\u2028", "\ud800", "\uffff"])
@pytest.mark.parametrize("field", ["description", "audience", "issuer", "client_id"])
def test_invisible_characters_are_refused(field: str, character: str) -> None:
    assert "invisible" in faults(**{field: f"a{character}b"})[field]


@pytest.mark.parametrize("field", ["audience", "issuer", "client_id"])
@pytest.mark.parametrize("typed", [" x", "x ", "\tx", "x\n", "\u00a0x", " "])
def test_nothing_is_trimmed_silently(field: str, typed: str) -> None:
    assert "begins or ends with a space" in faults(**{field: typed})[field]


@pytest.mark.parametrize("field", ["audience", "issuer", "client_id"])
def test_an_expected_value_may_have_2048_characters(field: str) -> None:
    assert faults(**{field: "x" * 2048}) == {}
    assert "cannot exceed 2048" in faults(**{field: "x" * 2049})[field]


def test_faults_are_found_together() -> None:
    assert set(faults(name="é", description="x" * 257, audience=" ")) == {"name", "description", "audience"}


def test_m06_accepting_every_token_needs_confirmation() -> None:
    assert "every token that this server signs" in faults(audience="")["accept_any"]
    assert faults(audience="", accept_any=True) == {}


@pytest.mark.parametrize("field", ["audience", "issuer", "client_id"])
def test_one_expected_value_is_enough(field: str) -> None:
    assert faults(**{"audience": "", field: "x"}) == {}


def test_blank_has_a_name() -> None:
    assert rules.expected(rules.stored("")) is ANY
    assert rules.expected(rules.stored("any")) == "any"
    assert rules.stored(" ") == " "


@pytest.mark.parametrize(
    ("kty", "alg", "bits", "label"),
    [
        ("RSA", "PS384", 2048, "PS384"),
        ("RSA", None, 2048, "RSA"),
        ("EC", None, 521, "ES512"),
        ("OKP", None, 256, "EdDSA"),
    ],
)
def test_the_key_summary_names_the_algorithm_or_the_kind(kty: str, alg: str | None, bits: int, label: str) -> None:
    assert rules.algorithm_label(kty=kty, alg=alg, bits=bits) == label


# ------------------------------------------------------------------------------------------------ the fetch, as told

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def ago(**distance: float) -> datetime:
    return NOON - timedelta(**distance)


@pytest.mark.parametrize(
    ("known", "state"),
    [
        ({}, "not_yet"),
        ({"fetched_at": ago(minutes=2), "attempted_at": ago(minutes=2)}, "fresh"),
        ({"fetched_at": ago(minutes=15), "attempted_at": ago(minutes=2)}, "overdue"),
        ({"fetched_at": ago(hours=2), "attempted_at": ago(minutes=2), "failing_since": ago(hours=1)}, "failing"),
        # "Refresh now": until a worker took it up, while the worker is at it, and afterwards.
        ({"fetched_at": ago(minutes=2), "requested_at": ago(seconds=1)}, "under_way"),
        ({"requested_at": ago(seconds=1)}, "under_way"),
        ({"requested_at": ago(seconds=3), "attempted_at": ago(seconds=2), "leased_until": NOON}, "not_yet"),
        (
            {"requested_at": ago(seconds=3), "attempted_at": ago(seconds=2), "leased_until": ago(seconds=-28)},
            "under_way",
        ),
        ({"fetched_at": ago(seconds=1), "attempted_at": ago(seconds=2), "requested_at": ago(seconds=3)}, "fresh"),
        # A fetch that was under way when the button was pressed answers it as well.
        ({"fetched_at": ago(seconds=1), "attempted_at": ago(seconds=4), "requested_at": ago(seconds=3)}, "fresh"),
        ({"attempted_at": ago(seconds=2), "requested_at": ago(seconds=3), "failing_since": ago(seconds=1)}, "failing"),
        # Nobody took it up for a minute.
        ({"fetched_at": ago(minutes=2), "requested_at": ago(seconds=60)}, "overdue"),
        # A lease without a request is the background refresh, which nobody waits for.
        ({"fetched_at": ago(minutes=5), "attempted_at": NOON, "leased_until": ago(seconds=-30)}, "fresh"),
        # A stamp in the future, left by a clock that was set back, keeps no page asking.
        ({"fetched_at": ago(minutes=2), "requested_at": ago(hours=-1)}, "overdue"),
    ],
)
def test_the_fetch_of_a_key_set_is_in_exactly_one_state(known: dict[str, datetime], state: str) -> None:
    moments: dict[str, datetime | None] = dict.fromkeys(
        ("fetched_at", "attempted_at", "requested_at", "leased_until", "failing_since")
    )
    assert rules.fetch_state(now=NOON, **{**moments, **known}).value == state
