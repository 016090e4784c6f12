from __future__ import annotations

from watchword.core.trust import NotUnderstood
from watchword.feed import EMPTY, Page, fold
from watchword.verifier.snapshot import CurrentSnapshot


def test_it_is_ready_while_it_knows_something_and_that_is_fresh() -> None:
    current = CurrentSnapshot(hard_limit=100)
    assert str(current.why_not_ready(0)).startswith("No snapshot yet")
    current.swap(EMPTY, heard_at=1000)
    assert current.why_not_ready(1099.9) is None
    assert current.why_not_ready(1100) == "The snapshot is 100 s old; the limit is 100 s."


def test_beyond_the_soft_limit_it_warns_and_goes_on() -> None:
    current = CurrentSnapshot(hard_limit=100, soft_limit=30)
    assert not current.is_stale(10**9)
    assert current.warning(10**9) is None, "there is no snapshot to warn about"
    current.swap(EMPTY, heard_at=1000)
    assert (current.is_stale(1029.9), current.warning(1029.9)) == (False, None)
    assert current.is_stale(1030)
    assert current.warning(1030) == "The snapshot is 30 s old; the limit is 100 s."
    assert current.why_not_ready(1030) is None


def test_without_a_soft_limit_the_hard_one_is_it() -> None:
    current = CurrentSnapshot(hard_limit=100)
    current.swap(EMPTY, heard_at=1000)
    assert (current.is_stale(1099), current.is_stale(1100)) == (False, True)


def test_a_schema_that_is_not_understood_is_told_of_at_once() -> None:
    current = CurrentSnapshot(hard_limit=100, soft_limit=30)
    current.schema_unknown = True
    assert "another schema than 1" in str(current.why_not_ready(0))
    assert current.warning(0) is None
    current.swap(EMPTY, heard_at=1000)
    assert current.why_not_ready(1001) is None
    assert str(current.warning(1001)).startswith("The control plane sends pages of another schema than 1")
    assert str(current.warning(1001)).endswith("The snapshot is 1 s old; the limit is 100 s.")


def test_fi_01_page_that_cannot_be_applied_is_warned_of_at_once() -> None:
    current = CurrentSnapshot(hard_limit=100, soft_limit=30)
    current.swap(EMPTY, heard_at=1000)
    current.page_refused = True
    assert current.why_not_ready(1001) is None
    assert str(current.warning(1001)).startswith("The control plane's last page of changes cannot be applied")


def test_fi_01_organizations_that_are_not_understood_are_warned_of_at_once() -> None:
    current = CurrentSnapshot(hard_limit=100, soft_limit=30)
    assert current.not_understood() == []
    odd = [NotUnderstood(f"acme-{number}", number) for number in range(1, 8)]
    current.swap(fold(EMPTY, Page("first", 0, 7, complete=True, changes=tuple(odd))), heard_at=1000)
    assert current.not_understood() == odd
    assert current.why_not_ready(1001) is None
    assert "the trust of 7 organization(s)" in str(current.warning(1001))
    assert "acme-1, acme-2, acme-3, acme-4, acme-5, ..." in str(current.warning(1001))


def test_a_confirmation_makes_it_fresh_again_and_nothing_out_of_nothing() -> None:
    current = CurrentSnapshot(hard_limit=100)
    current.confirm(1000)
    assert current.view is None
    current.swap(EMPTY, heard_at=1000)
    current.confirm(1050)
    assert current.view is not None
    assert (current.view.heard_at, current.view.good_until) == (1050, 1150)
