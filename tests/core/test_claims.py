from __future__ import annotations

import math
from typing import Any

import pytest

from watchword.core.claims import SignedClaims, check_times
from watchword.core.decision import Reason


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": 1_000}, Reason.TOKEN_EXPIRED),
        ({"exp": 1_000, "nbf": 1, "iat": 1}, Reason.TOKEN_EXPIRED),
    ],
)
def test_no_token_is_valid_without_a_clock(claims: dict[str, Any], reason: Reason) -> None:
    """The step before refuses such a clock too; neither relies on the other."""
    assert check_times(SignedClaims(claims), math.nan, 60) is reason
