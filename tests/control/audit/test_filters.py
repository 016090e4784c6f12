from __future__ import annotations

from datetime import UTC, datetime

import pytest

from watchword.control.audit.filters import OWN, Filters


def read(**query: str) -> Filters:
    return Filters.of(query, with_organization=True)


def test_nothing_is_filtered_by_default() -> None:
    assert read() == Filters()
    assert (read(who="  ").active, str(read())) == ((), "")


def test_filters_are_described_and_kept_in_the_url() -> None:
    query = {"organization": OWN, "who": "alice", "action": "signed_in", "target": "a&b", "from": "2026-11-01"}
    filters = Filters.of(query | {"before": "7"}, with_organization=True)
    assert str(filters) == (
        "Organization: the provider's own; Who: alice; What: Sign in; Target: a&b; From: 2026-11-01"
    )  # fmt: skip
    assert filters.address(without="action") == "?organization=-&who=alice&target=a%26b&from=2026-11-01"
    assert filters.address(before=7).endswith("&before=7")


def test_days_are_whole_and_in_utc() -> None:
    filters = read(**{"from": "2026-11-01", "to": "2026-11-01"})
    assert (filters.since, filters.until) == (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC))


def test_organization_filter_is_ignored_in_own_log() -> None:
    assert Filters.of({"organization": "globex"}, with_organization=False) == Filters()


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"from": "yesterday"}, "From must be a date since 1970, such as 2026-11-24."),
        ({"from": "0001-01-01"}, "From must be a date since 1970, such as 2026-11-24."),
        ({"to": "9999-12-31"}, "To must be a date since 1970, such as 2026-11-24."),
        ({"from": "2026-11-02", "to": "2026-11-01"}, "To is before From."),
        ({"action": "server_stolen"}, "What must be a value of the list."),
        ({"result": "perhaps"}, "Result must be a value of the list."),
        ({"who": "a\0"}, "Who is longer than 254 characters or contains an invalid character."),
        ({"target": "x" * 255}, "Target is longer than 254 characters or contains an invalid character."),
    ],
)
def test_invalid_filter_is_reported_and_not_ignored(query: dict[str, str], sentence: str) -> None:
    assert list(read(**query).faults.values()) == [sentence]
