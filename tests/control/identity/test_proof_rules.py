"""Which changes need proof, and what counts as recent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from watchword.control.audit.actions import ACTIONS
from watchword.control.identity.factor_rules import PROOF_FOR_A_DIALOG, PROOF_LIFETIME
from watchword.control.identity.proof_rules import CLOCK_DIFFERENCE, NEEDS_NONE, NEEDS_PROOF, is_recent, needs_proof

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
STEP = timedelta(microseconds=1)


def test_every_action_is_in_one_of_the_tables() -> None:
    assert set(ACTIONS) - NEEDS_PROOF - NEEDS_NONE == set(), "add it to identity/proof_rules.py"
    assert set() == NEEDS_PROOF & NEEDS_NONE


def test_action_in_no_table_needs_proof() -> None:
    assert needs_proof("made_up")
    assert all(map(needs_proof, NEEDS_PROOF))
    assert not any(map(needs_proof, NEEDS_NONE))


@pytest.mark.parametrize(
    ("age", "recent"),
    [
        (timedelta(0), True),
        (PROOF_LIFETIME - STEP, True),
        (PROOF_LIFETIME, False),
        (timedelta(days=1), False),
        # Another portal's clock is a little ahead.
        (-CLOCK_DIFFERENCE, True),
        # The clock was set back.
        (-CLOCK_DIFFERENCE - STEP, False),
    ],
)
def test_p_32_recent_proof(age: timedelta, *, recent: bool) -> None:
    assert is_recent(NOW - age, NOW, PROOF_LIFETIME) is recent


def test_session_without_proof() -> None:
    assert not is_recent(None, NOW, PROOF_LIFETIME)


def test_dialog_leaves_five_minutes() -> None:
    assert timedelta(minutes=5) <= PROOF_LIFETIME - PROOF_FOR_A_DIALOG
