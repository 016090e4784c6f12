"""What the rotation watch says, by the clock alone: each warning appears, says what to do, and ends by itself."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from watchword.control.servers import rotation
from watchword.control.servers.rotation import Place, WithdrawnKey

if TYPE_CHECKING:
    from watchword.control.servers.rotation import RotationWarning

NOW = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)


def ago(**distance: float) -> datetime:
    return NOW - timedelta(**distance)


def ahead(**distance: float) -> datetime:
    return NOW + timedelta(**distance)


def warned(**facts: Any) -> tuple[RotationWarning, ...]:
    calm: dict[str, Any] = {
        "now": NOW,
        "host": "login.acme.example",
        "verify_certificate": True,
        "failing_since": None,
        "keys_good_until": ahead(hours=23),
        "certificate_expires_at": ahead(days=60),
        "replaced_at": None,
        "withdrawn": [],
    }
    return rotation.warnings(**{**calm, **facts})


def one(**facts: Any) -> RotationWarning:
    (warning,) = warned(**facts)
    return warning


def gone(kid: str | None = "old", *, withdrawn: datetime, asked: datetime | None) -> WithdrawnKey:
    return WithdrawnKey(kid=kid, withdrawn_at=withdrawn, asked_at=asked)


def test_a_calm_key_set_warns_of_nothing() -> None:
    assert warned(withdrawn=[gone(withdrawn=ago(days=1), asked=None)]) == ()
    assert warned(keys_good_until=None, certificate_expires_at=None) == ()


def test_fetches_failing_for_15_minutes_give_a_warning() -> None:
    assert warned(failing_since=ago(minutes=14, seconds=59)) == ()
    warning = one(failing_since=ago(minutes=15))
    assert (warning.place, warning.tone) == (Place.FETCH, "warn")
    assert warning.sentence.startswith("Key fetches have failed since 24 November 2026, 14:15 UTC.")
    assert "until 25 November 2026, 13:30 UTC" in warning.sentence
    assert "Refresh now" in warning.fix


@pytest.mark.parametrize("good_until", [None, NOW, ago(hours=1)])
def test_failure_without_valid_keys_says_that_tokens_are_refused(good_until: datetime | None) -> None:
    warning = one(failing_since=ago(hours=25), keys_good_until=good_until)
    assert warning.tone == "bad"
    assert "every access token is refused" in warning.sentence


def test_certificate_warning_begins_14_days_before_expiry() -> None:
    assert warned(certificate_expires_at=ahead(days=14, seconds=1)) == ()
    warning = one(certificate_expires_at=ahead(days=14))
    assert (warning.place, warning.tone, warning.short) == (Place.LOCATION, "warn", "Certificate expires soon")
    assert "The TLS certificate of login.acme.example expires on 8 December 2026, 14:30 UTC. From then on no keys" in (
        warning.sentence
    )
    assert "Renew" in warning.fix


def test_expired_certificate_has_its_own_warning() -> None:
    warning = one(certificate_expires_at=NOW)
    assert (warning.tone, warning.short) == ("bad", "Certificate expired")
    assert "Since then no keys can be fetched" in warning.sentence


def test_a_certificate_that_is_not_validated_may_expire() -> None:
    assert warned(certificate_expires_at=ago(days=1), verify_certificate=False) == ()


def test_abrupt_rotation_is_shown_for_a_week() -> None:
    warning = one(replaced_at=ago(hours=3))
    assert (warning.place, warning.short) == (Place.KEYS, "All keys replaced at once")
    assert "at once on 24 November 2026, 11:30 UTC. Not one of those before was kept" in warning.sentence
    assert "at least 15 minutes before it signs with it" in warning.fix
    assert warned(replaced_at=ago(days=7)) != ()
    assert warned(replaced_at=ago(days=7, seconds=1)) == ()


def test_named_withdrawn_key_is_shown_for_an_hour() -> None:
    warning = one(withdrawn=[gone(withdrawn=ago(hours=3), asked=ago(minutes=2))])
    assert (warning.place, warning.short) == (Place.KEYS, "Tokens use a withdrawn key")
    assert "Tokens naming a withdrawn key still arrive, the last on 24 November 2026, 14:28 UTC: " in warning.sentence
    assert "“old”, withdrawn on 24 November 2026, 11:30 UTC." in warning.sentence
    # Nobody has verified it, and the wording says so.
    assert "Nothing about these tokens is verified" in warning.sentence
    assert warned(withdrawn=[gone(withdrawn=ago(hours=3), asked=ago(hours=1))]) != ()
    assert warned(withdrawn=[gone(withdrawn=ago(hours=3), asked=ago(hours=1, seconds=1))]) == ()


def test_a_key_that_was_withdrawn_long_ago_is_not_watched_any_more() -> None:
    assert warned(withdrawn=[gone(withdrawn=ago(days=7), asked=ago(minutes=2))]) != ()
    assert warned(withdrawn=[gone(withdrawn=ago(days=7, seconds=1), asked=ago(minutes=2))]) == ()


def test_of_many_keys_that_tokens_name_the_last_named_are_listed() -> None:
    keys = [gone(f"k{number}", withdrawn=ago(hours=3), asked=ago(minutes=10 - number)) for number in range(5)]
    sentence = one(withdrawn=keys).sentence
    assert re.search(r"the last on .* 14:24 UTC: “k4”, withdrawn .*; “k3”, withdrawn .*; “k2”", sentence)
    assert "; and 2 more. They are refused." in sentence


def test_several_warnings_stand_together_the_most_urgent_first() -> None:
    found = warned(
        failing_since=ago(minutes=20),
        certificate_expires_at=ahead(days=3),
        replaced_at=ago(hours=3),
        withdrawn=[gone(withdrawn=ago(hours=3), asked=ago(minutes=2))],
    )
    assert [warning.place for warning in found] == [Place.FETCH, Place.LOCATION, Place.KEYS, Place.KEYS]


@pytest.mark.parametrize(
    ("asked", "may"),
    [
        (None, True),
        (ago(seconds=59), False),
        (NOW, False),
        (ago(seconds=60), True),
        # The clock was set back since.
        (ahead(seconds=1), True),
    ],
)
def test_a_key_is_noted_at_most_once_a_minute(asked: datetime | None, may: bool) -> None:  # noqa: FBT001
    assert rotation.may_note(asked, NOW) is may
