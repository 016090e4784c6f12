"""Which passwords can be chosen (ASVS 6.2.4, 6.2.11, 6.2.12)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.control.identity.password_rules import LENGTH_MAX, LENGTH_MIN, context_words, password_fault

CONTEXT = context_words(["alice.smith@acme-corp.example", "Alice Smith", "acme", "Acme Corporation"])


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "at least 12"),
        ("short", "at least 12"),
        ("x7#Kq9!mZp2", "at least 12"),
        ("aaaaaaaaaaaa", "Repeats"),
        ("abcabcabcabcabc", "Repeats"),
        ("1234567890123", "commonly used"),
        ("password1234", "do not count"),
        ("Watchword123", "do not count"),
        ("WATCHWORD-watchword", "do not count"),
        ("Administrator2026!", "do not count"),
        ("admin-portal-2026", "do not count"),
        ("Acme-2026-Acme", "do not count"),
        ("acme corporation corporation", "do not count"),
        ("alice.smith@acme-corp.example", "do not count"),
        ("AliceSmithAlice1", "do not count"),
        ("qwertyuiop12", "commonly used"),
        # Hard to guess only by what stands behind the scored prefix.
        ("a" * 72 + "x7#Kq9!mZp2", "Repeats"),
        ("y" * (LENGTH_MAX + 1), "at most 1024"),
    ],
)
def test_fm_02_guessable_password_is_refused_with_the_reason(password: str, why: str) -> None:
    fault = password_fault(password, CONTEXT)

    assert fault is not None
    assert why in fault


@pytest.mark.parametrize(
    "password",
    [
        "tangerine gravel orbit",
        "correct horse battery staple",
        "x7#Kq9!mZp2v",
        # A word of the account beside enough that is not.
        "alice tangerine gravel orbit",
        "Ümläüte dürfen auch hinein",
        "x7#Kq9!mZp2v" + "a" * (LENGTH_MAX - 12),
    ],
)
def test_password_that_is_hard_to_guess_is_accepted(password: str) -> None:
    assert password_fault(password, CONTEXT) is None


def test_password_is_scored_for_its_account() -> None:
    assert password_fault("globex trading rotterdam", CONTEXT) is None
    assert password_fault("globex trading rotterdam", context_words(["globex", "Globex Trading Rotterdam"])) is not None


@given(st.text(st.sampled_from("acmeACMEliceadmn-@. 19"), min_size=LENGTH_MIN, max_size=40))
def test_words_of_the_account_do_not_improve_the_score(password: str) -> None:
    """Nothing that is refused without a word of the account is accepted with it."""
    bare = password_fault(password, CONTEXT)
    if bare is not None and not bare.startswith("A password has"):
        assert password_fault("acme" + password, CONTEXT) is not None


@given(st.text(max_size=60))
def test_refusal_does_not_repeat_the_password(password: str) -> None:
    fault = password_fault(password, CONTEXT)
    assert fault is None or len(password) < LENGTH_MIN or password not in fault
