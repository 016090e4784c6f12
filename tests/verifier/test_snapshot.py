from __future__ import annotations

from watchword.feed import EMPTY
from watchword.verifier.snapshot import CurrentSnapshot


def test_it_is_ready_while_it_knows_something_and_that_is_fresh() -> None:
    current = CurrentSnapshot(hard_limit=100)
    assert str(current.why_not_ready(0)).startswith("No snapshot yet")
    current.swap(EMPTY, heard_at=1000)
    assert current.why_not_ready(1099.9) is None
    assert current.why_not_ready(1100) == "The snapshot is 100 s old; the limit is 100 s."


def test_a_confirmation_makes_it_fresh_again_and_nothing_out_of_nothing() -> None:
    current = CurrentSnapshot(hard_limit=100)
    current.confirm(1000)
    assert current.view is None
    current.swap(EMPTY, heard_at=1000)
    current.confirm(1050)
    assert current.view is not None
    assert (current.view.heard_at, current.view.good_until) == (1050, 1150)
