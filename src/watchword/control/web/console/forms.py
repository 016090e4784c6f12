"""The console's dialogs. Forms carry text as it was typed; what is right about it, the commands decide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.organizations.models import SuspensionReason
from watchword.control.web.shell.form_fields import WHOLE_NUMBER, Text, Typed

if TYPE_CHECKING:
    from watchword.control.organizations.models import Subscription

_LOCAL: Final = "%Y-%m-%dT%H:%M:%S"


class CreateForm(Typed):
    """Create Organization."""

    organization_id = Text()
    name = Text()
    starts_at = Text()
    expires_at = Text()
    api_call_threshold = Text()
    administrator_name = Text()
    administrator_email = Text()


class DomainForm(Typed):
    """Assign E-mail Domain."""

    domain = Text()


class OperatorForm(Typed):
    """Invite Operator."""

    name = Text()
    email = Text()


@dataclass(frozen=True, slots=True)
class TypedTerms:
    """An API subscription as it was typed, whole."""

    starts_at: datetime
    expires_at: datetime
    api_call_threshold: int | None


class SubscriptionForm(Typed):
    """Set, Renew, Change API Call Threshold: each dialog has some of the fields."""

    starts_at = Text()
    expires_at = Text()
    api_call_threshold = Text()
    version = Text()

    @classmethod
    def of(cls, subscription: Subscription | None, **suggested: datetime) -> Self:
        """The form as a dialog opens it."""
        values: dict[str, Any] = {"version": "0"}
        if subscription is not None:
            threshold = subscription.api_call_threshold
            values = {
                "starts_at": local(subscription.starts_at),
                "expires_at": local(subscription.expires_at),
                "api_call_threshold": "" if threshold is None else str(threshold),
                "version": str(subscription.version),
            }
        return cls(initial=values | {name: local(at) for name, at in suggested.items()})

    def terms(self) -> TypedTerms:
        """Raises Refusal for what cannot be read."""
        faults: dict[str, str] = {}
        starts_at, expires_at = self._needed("starts_at", faults), self._needed("expires_at", faults)
        threshold = self.number("api_call_threshold", faults)
        required(faults)
        return TypedTerms(starts_at, expires_at, threshold)

    def expiry(self) -> datetime:
        """Raises Refusal for what cannot be read."""
        faults: dict[str, str] = {}
        expires_at = self._needed("expires_at", faults)
        required(faults)
        return expires_at

    def threshold(self) -> int | None:
        """Raises Refusal for what cannot be read."""
        faults: dict[str, str] = {}
        threshold = self.number("api_call_threshold", faults)
        required(faults)
        return threshold

    @property
    def expected_version(self) -> int:
        """The version that the change was made from; -1, which none ever has, if it was tampered with."""
        typed = self.text("version")
        return int(typed) if WHOLE_NUMBER.fullmatch(typed) else -1

    def _needed(self, name: str, faults: dict[str, str]) -> datetime:
        """Return the instant typed. With a fault, which is noted, the value does not matter."""
        at = self.moment(name, faults)
        if at is None:
            faults.setdefault(name, "Enter a date and time, in UTC.")
        return at or datetime.min.replace(tzinfo=UTC)


class SuspendForm(Typed):
    """Suspend."""

    reason = Text()
    public_text = Text()
    private_note = Text()

    def chosen(self) -> SuspensionReason:
        """Raises Refusal for no reason, or one that does not exist."""
        typed = self.text("reason")
        if typed not in SuspensionReason.values:
            raise Refusal(RefusalReason.FIELDS_INVALID, field_errors={"reason": "Choose a reason."})
        return SuspensionReason(typed)


class ReinstateForm(Typed):
    """Reinstate; the reference is that of the suspension that was shown."""

    reference = Text()


class VerifierForm(Typed):
    """Create Verifier Credential."""

    name = Text()


def local(at: datetime) -> str:
    """An instant as a browser's field for date and time holds it, in UTC."""
    return at.astimezone(UTC).strftime(_LOCAL)


def required(faults: dict[str, str]) -> None:
    """Refuse what could not be read.

    Raises:
        Refusal: fields_invalid.
    """
    if faults:
        raise Refusal(RefusalReason.FIELDS_INVALID, field_errors=faults)
