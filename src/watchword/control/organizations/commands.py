"""Organizations: create, subscribe, suspend, reinstate. The only writers."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction

from watchword.control.base.actor import Privilege
from watchword.control.base.refusals import Refusal, RefusalReason, changed_meanwhile
from watchword.control.base.times import spoken
from watchword.control.base.unit_of_work import unit_of_work
from watchword.control.organizations import rules
from watchword.control.organizations.models import Organization, Subscription, Suspension, SuspensionReason

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.base.actor import Actor
    from watchword.control.base.unit_of_work import UnitOfWork

REFERENCE_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without letters and digits that are easily confused."""

REFERENCE_LENGTH: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOrganization:
    """Create an organization without an API subscription."""

    organization_id: str
    name: str

    def run(self, actor: Actor, *, now: datetime | None = None) -> Organization:
        with unit_of_work(actor, None, permission=Privilege.OPERATOR, action="organization_created", now=now) as work:
            return create_organization(work, self.organization_id, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSubscription:
    """Set or renew the API subscription. Never lifts a suspension.

    Attributes:
        starts_at, expires_at: the half-open interval, both with a time zone.
        api_call_threshold: allowed API calls per day, None for no limit.
        expected_version: the version that the page showed, 0 without a subscription; None skips the check.
    """

    organization_id: str
    starts_at: datetime
    expires_at: datetime
    api_call_threshold: int | None = None
    expected_version: int | None = None

    def run(self, actor: Actor, *, now: datetime | None = None) -> Subscription:
        with unit_of_work(
            actor, self.organization_id, permission=Privilege.OPERATOR, action="subscription_set", now=now
        ) as work:
            return set_subscription(
                work,
                Subscription(
                    organization_id=work.organization_id,
                    starts_at=self.starts_at,
                    expires_at=self.expires_at,
                    api_call_threshold=self.api_call_threshold,
                ),
                expected_version=self.expected_version,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewSubscription:
    """Change the end of the API subscription; start and threshold stay. Never lifts a suspension."""

    organization_id: str
    expires_at: datetime
    expected_version: int | None = None

    def run(self, actor: Actor, *, now: datetime | None = None) -> Subscription:
        with unit_of_work(
            actor, self.organization_id, permission=Privilege.OPERATOR, action="subscription_renewed", now=now
        ) as work:
            subscription = _subscription(self.organization_id)
            _refuse_faults(
                rules.check_renewal(starts_at=subscription.starts_at, expires_at=self.expires_at, now=work.now)
            )
            before = rules.SubscriptionTerms(
                starts_at=subscription.starts_at,
                expires_at=subscription.expires_at,
                term_starts_at=subscription.term_starts_at,
            )
            subscription.term_starts_at = rules.renewed_term(before, self.expires_at, work.now)
            subscription.expires_at = self.expires_at
            return set_subscription(work, subscription, expected_version=self.expected_version)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeThreshold:
    """Change how many API calls per day the subscription allows; None for no limit.

    Raising it lifts a suspension for too many API calls and no other, because the operator decides about that limit.
    """

    organization_id: str
    api_call_threshold: int | None
    expected_version: int | None = None

    def run(self, actor: Actor, *, now: datetime | None = None) -> Subscription:
        with unit_of_work(
            actor, self.organization_id, permission=Privilege.OPERATOR, action="threshold_changed", now=now
        ) as work:
            subscription = _subscription(self.organization_id)
            before, subscription.api_call_threshold = subscription.api_call_threshold, self.api_call_threshold
            set_subscription(work, subscription, expected_version=self.expected_version)
            _lift_when_raised(work, before, subscription)
            return subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspend:
    """Lock the organization: its tokens are refused until an operator lifts the suspension.

    Attributes:
        public_text: shown to the organization.
        private_note: shown to operators only; not even in the organization's audit log.
    """

    organization_id: str
    reason: SuspensionReason
    public_text: str = ""
    private_note: str = ""

    def run(self, actor: Actor, *, now: datetime | None = None) -> Suspension:
        with unit_of_work(
            actor, self.organization_id, permission=Privilege.OPERATOR, action="organization_suspended", now=now
        ) as work:
            _refuse_faults(
                rules.check_suspension(
                    public_text=self.public_text,
                    private_note=self.private_note,
                    text_required=self.reason is SuspensionReason.OTHER,
                )
            )
            return suspend(work, self.reason, public_text=self.public_text, private_note=self.private_note)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reinstate:
    """Lift the live suspension. The servers are enabled or disabled as before.

    Attributes:
        reference: of the suspension to lift, so that a newer one that the operator has not seen stays; None for any.
    """

    organization_id: str
    reference: str | None = None

    def run(self, actor: Actor, *, now: datetime | None = None) -> Suspension:
        with unit_of_work(
            actor, self.organization_id, permission=Privilege.OPERATOR, action="organization_reinstated", now=now
        ) as work:
            suspension = _live(self.organization_id)
            if suspension is None:
                raise Refusal(RefusalReason.NOT_SUSPENDED)
            if self.reference is not None and suspension.reference != self.reference:
                raise changed_meanwhile(suspension.started_by, suspension.started_at)
            return _lift(work, suspension)


def create_organization(work: UnitOfWork, organization_id: str, name: str) -> Organization:
    """Create it within a change of the provider's own data, which from then on is about it.

    Raises:
        Refusal: fields_invalid, name_taken.
    """
    _refuse_faults(rules.check_organization(organization_id=organization_id, name=name))
    organization = Organization(id=organization_id, name=name, created_at=work.now)
    try:
        with transaction.atomic():
            organization.save(force_insert=True)
    except IntegrityError:
        raise Refusal(RefusalReason.NAME_TAKEN, name=organization_id) from None
    work.begin(organization.pk)
    work.record(target=name, changes={"name": [None, name]})
    return organization


def set_subscription(
    work: UnitOfWork, after: Subscription, *, expected_version: int | None = None, action: str | None = None
) -> Subscription:
    """Set these terms within a change of the organization.

    Raises:
        Refusal: version_stale, fields_invalid.
    """
    # The organization's row is locked, so the subscription cannot change between this read and the write.
    before = Subscription.objects.filter(pk=work.organization_id).first()
    version = 0 if before is None else before.version
    if expected_version is not None and expected_version != version:
        raise _stale(before)
    _refuse_faults(
        rules.check_subscription(
            starts_at=after.starts_at, expires_at=after.expires_at, api_call_threshold=after.api_call_threshold
        )
    )
    after.version = version + 1
    after.updated_at, after.updated_by = work.now, work.actor.name
    after.save(force_insert=before is None, force_update=before is not None)
    old, new = _terms(before), _terms(after)
    changes = {name: [old.get(name), value] for name, value in new.items() if old.get(name) != value}
    work.record(target="API subscription", changes=changes, action=action)
    return after


def suspend(work: UnitOfWork, reason: SuspensionReason, *, public_text: str = "", private_note: str = "") -> Suspension:
    """Lock the organization within a change of it.

    Raises:
        Refusal: already_suspended.
    """
    # The organization's row is locked, so the second of two suspensions finds the first.
    if _live(work.organization_id) is not None:
        raise Refusal(RefusalReason.ALREADY_SUSPENDED)
    suspension = Suspension.objects.create(
        organization_id=work.organization_id,
        reason=reason,
        public_text=public_text,
        private_note=private_note,
        reference="".join(secrets.choice(REFERENCE_ALPHABET) for _ in range(REFERENCE_LENGTH)),
        started_at=work.now,
        started_by=work.actor.name,
    )
    work.record(
        target=suspension.reference,
        changes={"reason": [None, str(reason.label)], "public_text": [None, public_text]},
        action="organization_suspended",
    )
    return suspension


def _lift(work: UnitOfWork, suspension: Suspension) -> Suspension:
    # Never before its start: the clocks of two machines may differ by more than the suspension lasted.
    suspension.lifted_at = max(work.now, suspension.started_at)
    suspension.lifted_by = work.actor.name
    suspension.save(update_fields=["lifted_at", "lifted_by"])
    work.record(target=suspension.reference, action="organization_reinstated")
    return suspension


def _lift_when_raised(work: UnitOfWork, before: int | None, after: Subscription) -> None:
    """Lift a suspension for too many API calls when the threshold was raised."""
    raised = before is not None and (after.api_call_threshold is None or after.api_call_threshold > before)
    suspension = _live(work.organization_id) if raised else None
    if suspension is not None and suspension.reason == SuspensionReason.API_CALL_THRESHOLD_EXCEEDED:
        _lift(work, suspension)


def _subscription(organization_id: str) -> Subscription:
    subscription = Subscription.objects.filter(pk=organization_id).first()
    if subscription is None:
        raise Refusal(RefusalReason.NOT_SUBSCRIBED)
    return subscription


def _stale(subscription: Subscription | None) -> Refusal:
    if subscription is None:
        return changed_meanwhile(None, None)
    return changed_meanwhile(subscription.updated_by, subscription.updated_at)


def _live(organization_id: str) -> Suspension | None:
    return Suspension.objects.filter(organization_id=organization_id, lifted_at__isnull=True).first()


def _refuse_faults(faults: dict[str, str]) -> None:
    if faults:
        raise Refusal(RefusalReason.FIELDS_INVALID, field_errors=faults)


def _terms(subscription: Subscription | None) -> dict[str, str | int | None]:
    if subscription is None:
        return {}
    return {
        "starts_at": spoken(subscription.starts_at),
        "expires_at": spoken(subscription.expires_at),
        "api_call_threshold": subscription.api_call_threshold,
    }
