from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from watchword.control.identity.factors.totp import PERIOD, code_at, matching_step, new_secret, setup_uri, step_at

NOW = datetime(2026, 11, 29, 12, 0, 7, tzinfo=UTC)
RFC_6238 = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("seconds", "eight_digits"),
    [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ],
)
def test_vectors_of_rfc_6238(seconds: int, eight_digits: str) -> None:
    """Appendix B has eight digits; six are its last six."""
    step = step_at(datetime.fromtimestamp(seconds, UTC))

    assert code_at(RFC_6238, step) == eight_digits[-6:]


def test_vectors_of_rfc_4226() -> None:
    codes = "755224 287082 359152 969429 338314 254676 287922 162583 399871 520489"

    assert [code_at(RFC_6238, counter) for counter in range(10)] == codes.split()


def test_codes_of_one_step_before_and_after_are_accepted() -> None:
    step = step_at(NOW)

    accepted = [away for away in range(-3, 4) if matching_step(RFC_6238, code_at(RFC_6238, step + away), NOW)]

    assert accepted == [-1, 0, 1]
    assert matching_step(RFC_6238, code_at(RFC_6238, step + 1), NOW) == step + 1


def test_step_changes_every_thirty_seconds() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)

    assert step_at(begin + timedelta(seconds=PERIOD - 1)) == step_at(begin)
    assert step_at(begin + timedelta(seconds=PERIOD)) == step_at(begin) + 1


@pytest.mark.parametrize(
    ("typed", "accepted"),
    [
        ("{0}", True),
        ("  {0}\n", True),
        ("{1} {2}", True),
        ("{1}-{2}", False),
        ("0{0}", False),
        ("{1}", False),
        ("", False),
        ("{0}" + " " * 20, False),
        ("{0}" * 4, False),
        ("\N{FULLWIDTH DIGIT ONE}" * 6, False),
        ("\N{ARABIC-INDIC DIGIT ONE}" * 6, False),
        ("\0" * 6, False),
        ("\ud800" * 6, False),
    ],
)
def test_what_people_type(typed: str, accepted: bool) -> None:  # noqa: FBT001
    code = code_at(RFC_6238, step_at(NOW))

    assert (matching_step(RFC_6238, typed.format(code, code[:3], code[3:]), NOW) is not None) is accepted


def test_code_of_the_first_step_ever() -> None:
    assert matching_step(RFC_6238, "755224", datetime.fromtimestamp(0, UTC)) == 0


def test_a_secret_has_160_bits_and_is_random() -> None:
    first, second = new_secret(), new_secret()

    assert len(base64.b32decode(first)) == 20
    assert first != second


def test_setup_uri_escapes_what_it_contains() -> None:
    uri = setup_uri("ABC", issuer="Globex: portal.example", account="al+ice@acme.example")

    assert uri == (
        "otpauth://totp/Globex%3A%20portal.example:al%2Bice@acme.example"
        "?secret=ABC&issuer=Globex%3A%20portal.example&algorithm=SHA1&digits=6&period=30"
    )
