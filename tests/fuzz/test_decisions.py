"""The fuzz target under hypothesis: `make fuzz` looks longer and knows which lines it reached; this always runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz import decisions
from kit import acme, forge
from watchword.core.decision import Allow, Deny, Reason

if TYPE_CHECKING:
    from watchword.core.decision import Decision


@given(st.binary(max_size=200))
@settings(max_examples=500)
def test_every_decision_holds_up(octets: bytes) -> None:
    decisions.check(octets)


@pytest.mark.parametrize("kind", range(3))
@pytest.mark.parametrize("clock", range(len(decisions.CLOCKS)))
@pytest.mark.parametrize("trust", range(len(decisions.TRUSTS)))
def test_decisions_hold_up_for_every_trust_and_clock(trust: int, clock: int, kind: int) -> None:
    decisions.check(bytes([trust, clock, 0, kind]))


class Lenient:
    """A kernel that was broken in one way."""

    def __init__(self, decision: Decision) -> None:
        self.decision = decision

    def __call__(self, *_: object, **__: object) -> Decision:
        return self.decision


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"\x00\x00\x00\x02", id="any text is allowed"),
        pytest.param(b"\x00\x00\x00\x01\x00\x00\x04a", id="an edited token is allowed"),
        pytest.param(b"\x03\x00\x00\x00", id="a suspended organization is allowed"),
        pytest.param(b"\x00\x03\x00\x00", id="an expired token is allowed"),
        pytest.param(b"\x00\x09\x00\x00", id="a broken clock is allowed"),
    ],
)
def test_target_finds_a_kernel_that_allows_everything(octets: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    allow = acme.decide(forge.token(decisions.SIGNERS["ES256"], "ES256"), decisions.GOOD)
    assert isinstance(allow, Allow)
    decisions.check(octets)
    monkeypatch.setattr(decisions, "verify", Lenient(allow))
    with pytest.raises(AssertionError):
        decisions.check(octets)


@pytest.mark.parametrize("kind", range(3))
def test_target_finds_a_kernel_that_cannot_decide(kind: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "verify", Lenient(Deny(Reason.UNDECIDABLE)))
    with pytest.raises(AssertionError):
        decisions.check(bytes([0, 0, 0, kind]))
