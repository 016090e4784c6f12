"""The button "Test Connection": asks an identity provider for its metadata and keys, on behalf of an administrator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from watchword.control.base.actor import Permission
from watchword.control.base.fetch_policy import fetch_policy
from watchword.control.base.unit_of_work import admitted, release_connection, time_of
from watchword.control.identity.single_sign_on.policy_commands import refuse_unless_full
from watchword.control.identity.throttle import admit_attempt, connection_check_key, note_failure, note_success
from watchword.openid.provider import NotFound, discover, fetch_keys

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.base.actor import Actor
    from watchword.openid.provider import Provider


@dataclass(frozen=True, slots=True)
class CheckedStep:
    """Attributes: what was checked, whether it passed, and a sentence about it."""

    label: str
    passed: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckConnection:
    """Ask a provider what a sign-in would ask for, except for a token.

    Failures are counted, or an administrator could use it as a port scanner (J-15).

    Attributes:
        issuer: as typed.
    """

    organization_id: str
    issuer: str

    def run(self, actor: Actor, *, now: datetime | None = None) -> tuple[CheckedStep, ...]:
        """Return the steps; after one that failed there is none.

        Raises:
            Refusal: permission_missing, not_found, too_many_requests.
        """
        with admitted(
            actor,
            self.organization_id,
            permission=Permission.ADMINISTRATORS,
            action="single_sign_on_changed",
            now=now,
        ) as admission:
            refuse_unless_full(admission.actor)
        key, at = connection_check_key(self.organization_id), time_of(now)
        admit_attempt(key, at)
        release_connection()
        steps = self._checked()
        with transaction.atomic(durable=True):
            if all(step.passed for step in steps):
                note_success(key)
            else:
                note_failure(key, at)
        return steps

    def _checked(self) -> tuple[CheckedStep, ...]:
        policy = fetch_policy(settings.WATCHWORD)
        found = discover(self.issuer, policy)
        if isinstance(found, NotFound):
            return (CheckedStep("Metadata", passed=False, sentence=found.sentence),)
        metadata = CheckedStep("Metadata", passed=True, sentence="Found, and it names exactly this issuer.")
        keys = fetch_keys(found, policy)
        if not isinstance(keys, tuple):
            return (metadata, CheckedStep("Signing keys", passed=False, sentence=f"{keys.sentence} {keys.fix}".strip()))
        count = "1 usable key." if len(keys) == 1 else f"{len(keys)} usable keys."
        return (metadata, CheckedStep("Signing keys", passed=True, sentence=count), _sign_out(found))


def _sign_out(found: Provider) -> CheckedStep:
    offered = found.end_session_endpoint is not None
    sentence = "Offered after signing out here." if offered else "The provider has no address for it."
    return CheckedStep("Sign-out there", passed=True, sentence=sentence)
