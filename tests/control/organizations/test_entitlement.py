from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from watchword.control.base.refusals import RefusalReason
from watchword.control.base.times import duration, spoken
from watchword.control.organizations.rules import (
    RESERVED_IDS,
    Situation,
    SubscriptionTerms,
    SuspensionNotice,
    a_year_after,
    check_organization,
    check_renewal,
    check_subscription,
    check_suspension,
    check_threshold,
    entitlement,
    renewed_term,
    suspension_sentence,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2027, 1, 1, tzinfo=UTC)
TERMS = SubscriptionTerms(starts_at=START, expires_at=END)
NOTICE = SuspensionNotice(
    reason="API call threshold exceeded", public_text="1,200 of 1,000 calls.", reference="K7", started_at=START
)
SECOND = timedelta(seconds=1)

INACTIVE = RefusalReason.SUBSCRIPTION_INACTIVE
SUSPENDED = RefusalReason.ORGANIZATION_SUSPENDED


@pytest.mark.parametrize(
    ("terms", "notice", "now", "situation", "refusal"),
    [
        (TERMS, None, START, Situation.ACTIVE, None),
        (TERMS, None, END - SECOND, Situation.ACTIVE, None),
        (TERMS, None, END, Situation.EXPIRED, INACTIVE),
        (TERMS, None, START - SECOND, Situation.NOT_STARTED, INACTIVE),
        (None, None, START, Situation.ABSENT, INACTIVE),
        (TERMS, NOTICE, START, Situation.SUSPENDED, SUSPENDED),
        # Renewal never lifts a suspension, and expiry never hides it.
        (TERMS, NOTICE, END, Situation.SUSPENDED, SUSPENDED),
        (None, NOTICE, START, Situation.SUSPENDED, SUSPENDED),
    ],
)
def test_the_table_of_entitlement(
    terms: SubscriptionTerms | None,
    notice: SuspensionNotice | None,
    now: datetime,
    situation: Situation,
    refusal: RefusalReason | None,
) -> None:
    standing = entitlement(subscription=terms, suspension=notice, now=now)

    assert standing.situation is situation
    assert standing.refusal is refusal
    assert standing.may_change is (refusal is None)
    assert standing.suspended is (situation is Situation.SUSPENDED)
    assert standing.banner is not None or refusal is None
    assert (standing.tokens_refused is None) is (refusal is None)


def test_the_banner_of_an_expired_subscription_says_when_and_what_is_locked() -> None:
    standing = entitlement(subscription=TERMS, suspension=None, now=END)

    assert standing.banner == (
        "API subscription expired on 1 January 2027, 00:00 UTC: you can view everything; "
        "changes are locked until renewal."
    )


@pytest.mark.parametrize(
    ("public_text", "said"),
    [
        ("", ""),
        ("1,200 of 1,000 calls.", " 1,200 of 1,000 calls."),
        ("Pay invoice 2026-117", " Pay invoice 2026-117."),
        ("Pay now! ", " Pay now!"),
        ("Is this you?", " Is this you?"),
        (" ", ""),
    ],
)
def test_the_banner_of_a_suspension_says_when_why_and_the_reference(public_text: str, said: str) -> None:
    notice = SuspensionNotice(reason="terms violated", public_text=public_text, reference="K7", started_at=START)

    standing = entitlement(subscription=TERMS, suspension=notice, now=START)

    assert standing.banner == (
        f"Disabled on 1 January 2026, 00:00 UTC: terms violated.{said} "
        "Tokens are rejected; contact support (reference K7)."
    )


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(days=30), "in 30 days"),
        (timedelta(days=12, hours=23), "in 12 days"),
        (timedelta(hours=47, minutes=59), "in 47 hours"),
        (timedelta(minutes=119), "in 119 minutes"),
        (timedelta(minutes=1), "in 1 minute"),
        (timedelta(seconds=59), "in less than a minute"),
    ],
)
def test_end_is_announced_thirty_days_ahead_without_lock(left: timedelta, said: str) -> None:
    standing = entitlement(subscription=TERMS, suspension=None, now=END - left)

    assert standing.banner == (
        f"API subscription expires on 1 January 2027, 00:00 UTC ({said}): from then on changes are locked and tokens "
        "are refused until renewal."
    )
    assert standing.may_change


def test_end_is_not_announced_more_than_thirty_days_ahead() -> None:
    assert entitlement(subscription=TERMS, suspension=None, now=END - timedelta(days=30, seconds=1)).banner is None


@pytest.mark.parametrize(
    ("term", "announced"),
    [(timedelta(days=30), timedelta(days=7, hours=12)), (timedelta(days=120), timedelta(days=30)),
     (timedelta(days=1000), timedelta(days=30)), (timedelta(hours=4), timedelta(hours=1))],
)  # fmt: skip
def test_field_p_the_end_is_announced_in_the_last_quarter_of_the_term(term: timedelta, announced: timedelta) -> None:
    fresh = SubscriptionTerms(starts_at=END - term, expires_at=END)
    renewed = SubscriptionTerms(starts_at=END - 9 * term, expires_at=END, term_starts_at=END - term)
    for terms in (fresh, renewed):
        assert entitlement(subscription=terms, suspension=None, now=END - term).banner is None
        assert entitlement(subscription=terms, suspension=None, now=END - announced - SECOND).banner is None
        assert entitlement(subscription=terms, suspension=None, now=END - announced).banner is not None


def test_field_p_term_of_renewal_begins_at_former_end() -> None:
    month = timedelta(days=30)
    assert renewed_term(TERMS, END + month, END - month) == END
    assert renewed_term(TERMS, END + 2 * month, END + month) == END + month
    assert renewed_term(TERMS, END - month, START) is None


@pytest.mark.parametrize(
    ("at", "a_year_later"),
    [
        (datetime(2027, 3, 1, 12, 30, tzinfo=UTC), datetime(2028, 3, 1, 12, 30, tzinfo=UTC)),
        (datetime(2027, 2, 28, tzinfo=UTC), datetime(2028, 2, 28, tzinfo=UTC)),
        (datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC), datetime(2029, 2, 28, 23, 59, 59, tzinfo=UTC)),
        (datetime(2028, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)),
        (datetime(9999, 5, 5, tzinfo=UTC), datetime(9999, 5, 5, tzinfo=UTC)),
    ],
)
def test_field_p_a_year_is_a_calendar_year(at: datetime, a_year_later: datetime) -> None:
    assert a_year_after(at) == a_year_later


def test_duration_uses_days_from_two_days_on() -> None:
    assert duration(timedelta(hours=48)) == "2 days"
    assert duration(timedelta(minutes=120)) == "2 hours"


def test_operator_preview_is_the_banner() -> None:
    assert suspension_sentence(NOTICE) == entitlement(subscription=TERMS, suspension=NOTICE, now=START).banner


def test_times_are_shown_in_utc() -> None:
    assert spoken(datetime(2026, 3, 5, 1, 30, tzinfo=timezone(timedelta(hours=2)))) == "4 March 2026, 23:30 UTC"


@pytest.mark.parametrize("good", ["ac", "acme", "acme-2", "a" * 32])
def test_valid_ids(good: str) -> None:
    assert check_organization(organization_id=good, name="Acme") == {}


@pytest.mark.parametrize(
    "bad", ["", "a", "A" * 3, "acme\n", "-acme", "acme-", "2acme", "a" * 33, "ac me", "ácme", "ac_me", "ac/me"]
)
def test_invalid_ids(bad: str) -> None:
    assert set(check_organization(organization_id=bad, name="Acme")) == {"organization_id"}


@pytest.mark.parametrize("reserved", sorted(RESERVED_IDS))
def test_host_names_of_the_provider_are_reserved_ids(reserved: str) -> None:
    faults = check_organization(organization_id=reserved, name="Acme")
    assert faults["organization_id"].startswith(f"The ID {reserved} is reserved")
    for other in (f"{reserved}-2", f"my-{reserved}", f"{reserved}s"):
        assert check_organization(organization_id=other, name="Acme") == {}


@pytest.mark.parametrize("label", ["xn--bcher-kva", "xn--acme", "ab--cd", "a1--b"])
def test_ids_that_browsers_show_in_another_script_are_refused(label: str) -> None:
    faults = check_organization(organization_id=label, name="Acme")
    assert "third and fourth" in faults["organization_id"]
    for other in ("a--b", "abc--d", "acme--2"):
        assert check_organization(organization_id=other, name="Acme") == {}


@pytest.mark.parametrize("bad", ["", " Acme", "Acme ", "Ac\x00me", "Ac\nme", "A" * 121])
def test_invalid_names_are_refused(bad: str) -> None:
    assert set(check_organization(organization_id="acme", name=bad)) == {"name"}


@pytest.mark.parametrize(
    ("starts_at", "expires_at", "threshold", "faults"),
    [
        (START, END, None, set()),
        (START, END, 1, set()),
        (START, END, 0, {"api_call_threshold"}),
        (START, END, 10**15, set()),
        (START, END, 10**15 + 1, {"api_call_threshold"}),
        (END, START, 0, {"expires_at", "api_call_threshold"}),
        (START, START, None, {"expires_at"}),
        (END, START, None, {"expires_at"}),
        (START, START + timedelta(milliseconds=900), None, {"expires_at"}),
        (START.replace(tzinfo=None), END, None, {"expires_at"}),
        (START, END.replace(tzinfo=None), None, {"expires_at"}),
    ],
)
def test_subscriptions(starts_at: datetime, expires_at: datetime, threshold: int | None, faults: set[str]) -> None:
    found = check_subscription(starts_at=starts_at, expires_at=expires_at, api_call_threshold=threshold)

    assert set(found) == faults


def test_threshold_is_positive_or_absent() -> None:
    assert check_threshold(None) == {}
    assert check_threshold(1) == {}


@pytest.mark.parametrize(
    ("expires_at", "faults"),
    [(END + SECOND, set()), (END, {"expires_at"}), (START, {"expires_at"}), (END.replace(tzinfo=None), {"expires_at"})],
)
def test_renewal_must_end_in_the_future(expires_at: datetime, faults: set[str]) -> None:
    assert set(check_renewal(starts_at=START, expires_at=expires_at, now=END)) == faults


@pytest.mark.parametrize(
    ("public_text", "private_note", "required", "faults"),
    [
        ("", "", False, set()),
        ("x" * 500, "y" * 2000, True, set()),
        ("Two\nlines.", "", False, set()),
        ("x" * 501, "", False, {"public_text"}),
        ("", "y" * 2001, False, {"private_note"}),
        ("a\x00b", "a\u202eb", False, {"public_text", "private_note"}),
        ("", "", True, {"public_text"}),
        (" \n", "", True, {"public_text"}),
    ],
)
def test_invalid_texts_of_a_suspension(public_text: str, private_note: str, required: bool, faults: set[str]) -> None:  # noqa: FBT001 - a row of the table.
    found = check_suspension(public_text=public_text, private_note=private_note, text_required=required)

    assert set(found) == faults
