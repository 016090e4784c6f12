"""Changes that need recent proof, and the proof itself."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from kit import people
from kit.people import NOW, PASSWORD, proven
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import Interface, Permission, Privilege, command_line
from watchword.control.base.refusals import AccessLost, Refusal, RefusalReason
from watchword.control.base.unit_of_work import admitted, unit_of_work
from watchword.control.identity.factor_rules import PROOF_LIFETIME, Factor
from watchword.control.identity.models import Person, Session, SignInThrottle
from watchword.control.identity.proof_commands import ConfirmIdentity, note_proof
from watchword.control.identity.proof_rules import CLOCK_DIFFERENCE, NEEDS_NONE, NEEDS_PROOF
from watchword.control.identity.session_commands import EndSession
from watchword.control.identity.session_store import SessionStore, end_sessions

if TYPE_CHECKING:
    from watchword.control.base.actor import Actor

pytestmark = pytest.mark.django_db


def change(actor: Actor, action: str, *, now: Any = None) -> None:
    with unit_of_work(actor, "acme", permission=Permission.ADMINISTRATORS, action=action, now=now) as work:
        work.record(target="acme")


def reason_of(raised: pytest.ExceptionInfo[AccessLost]) -> RefusalReason:
    return raised.value.refusal.reason


@pytest.mark.parametrize("action", sorted(NEEDS_PROOF))
def test_p_31_change_is_refused_without_recent_proof(acting_alice: Actor, action: str) -> None:
    before = AuditEvent.objects.count()
    at = timezone.now()
    proven(acting_alice, at - PROOF_LIFETIME)
    with pytest.raises(AccessLost) as raised:
        change(acting_alice, action, now=at)
    assert reason_of(raised) is RefusalReason.PROOF_REQUIRED
    assert raised.value.refusal.status == 403
    assert AuditEvent.objects.count() == before, "an expired proof is no attempt without permission"
    proven(acting_alice, at - PROOF_LIFETIME + timedelta(seconds=1))
    change(acting_alice, action, now=at)


@pytest.mark.parametrize("action", sorted(NEEDS_NONE))
def test_other_action_needs_no_proof(acting_alice: Actor, action: str) -> None:
    change(proven(acting_alice, None), action)


def test_proof_is_read_under_the_lock(acting_alice: Actor) -> None:
    """Not when the request began: the time of a long wait counts."""
    at = timezone.now()
    proven(acting_alice, at)
    change(acting_alice, "role_created", now=at + PROOF_LIFETIME - timedelta(seconds=1))
    with pytest.raises(AccessLost) as raised:
        change(acting_alice, "role_created", now=at + PROOF_LIFETIME)
    assert reason_of(raised) is RefusalReason.PROOF_REQUIRED


def test_clock_that_was_set_back_prolongs_nothing(acting_alice: Actor) -> None:
    at = timezone.now()
    proven(acting_alice, at)
    with pytest.raises(AccessLost):
        change(acting_alice, "role_created", now=at - CLOCK_DIFFERENCE - timedelta(seconds=1))


def test_p_32_proof_counts_in_its_own_session_only(alice: Person, bob: Person, acting_alice: Actor) -> None:
    proven(acting_alice, None)
    people.acting(alice)
    bobs = people.acting(bob)
    with pytest.raises(AccessLost) as raised:
        change(acting_alice, "role_created")
    assert reason_of(raised) is RefusalReason.PROOF_REQUIRED
    with pytest.raises(AccessLost) as raised:
        change(replace(acting_alice, session=bobs.session), "role_created")
    assert reason_of(raised) is RefusalReason.SESSION_ENDED


def test_missing_permission_is_refused_first(acting_bob: Actor) -> None:
    proven(acting_bob, None)
    with pytest.raises(Refusal) as raised:
        change(acting_bob, "role_created")
    assert raised.value.reason is RefusalReason.PERMISSION_MISSING
    assert AuditEvent.objects.latest("sequence").changes == {"reason": [None, "permission_missing"]}


def test_only_the_portal_asks(acme: Any) -> None:
    change(command_line(), "role_created")


def test_sign_in_has_no_session_to_prove(alice: Person) -> None:
    actor = alice.actor(interface=Interface.PORTAL, address=None)
    with unit_of_work(actor, "acme", permission=Privilege.SELF, action="password_set") as work:
        work.record(target=alice.email)


def test_own_session_ends_without_proof(acting_alice: Actor) -> None:
    assert acting_alice.session is not None
    EndSession(session_id=acting_alice.session).run(proven(acting_alice, None))
    assert AuditEvent.objects.latest("sequence").action == "signed_out"


def test_another_session_ends_with_proof_only(alice: Person, acting_alice: Actor) -> None:
    other = people.acting(alice).session
    assert other is not None
    proven(acting_alice, None)
    with pytest.raises(AccessLost):
        EndSession(session_id=other).run(acting_alice)
    assert Session.objects.filter(public_id=other).exists()
    EndSession(session_id=other).run(proven(acting_alice, timezone.now()))


def test_password_confirms_identity(acting_alice: Actor) -> None:
    proven(acting_alice, None)
    ConfirmIdentity(password=PASSWORD).run(acting_alice)
    session = people.session_of(acting_alice)
    assert session.proven_at is not None
    assert session.factors == [Factor.PASSWORD.value]
    event = AuditEvent.objects.latest("sequence")
    assert (event.action, event.result, event.changes) == (
        "identity_confirmed",
        "success",
        {"factors": [None, "password"]},
    )
    change(acting_alice, "role_created")


def test_wrong_password_confirms_nothing(acting_alice: Actor) -> None:
    proven(acting_alice, None)
    for password in ("wrong", "", PASSWORD * 1000):
        with pytest.raises(Refusal) as raised:
            ConfirmIdentity(password=password).run(acting_alice)
        assert raised.value.field_errors == {"password": "This is not your password."}
        event = AuditEvent.objects.latest("sequence")
        assert (event.action, event.result, event.actor, event.organization) == (
            "identity_confirmed",
            "refused",
            acting_alice.name,
            "acme",
        )
        assert password == "" or password not in str(event.changes)
    assert people.session_of(acting_alice).proven_at is None


def test_p_33_guesses_are_slowed_down(acting_alice: Actor) -> None:
    proven(acting_alice, None)
    reasons = []
    for _ in range(12):
        with pytest.raises(Refusal) as raised:
            ConfirmIdentity(password="wrong").run(acting_alice, now=NOW)
        reasons.append(raised.value.reason)
    assert reasons[-1] is RefusalReason.TOO_MANY_REQUESTS
    with pytest.raises(Refusal):
        ConfirmIdentity(password=PASSWORD).run(acting_alice, now=NOW)
    assert people.session_of(acting_alice).proven_at is None


def test_success_resets_the_delay(acting_alice: Actor) -> None:
    with pytest.raises(Refusal):
        ConfirmIdentity(password="wrong").run(acting_alice)
    ConfirmIdentity(password=PASSWORD).run(acting_alice)
    assert [(row.failures, row.under_way) for row in SignInThrottle.objects.all()] == [(0, 0)]


def test_ended_session_is_not_proven(alice: Person, acting_alice: Actor) -> None:
    end_sessions(alice.pk)
    with pytest.raises(AccessLost) as raised:
        ConfirmIdentity(password=PASSWORD).run(acting_alice)
    assert reason_of(raised) is RefusalReason.SESSION_ENDED


def test_replaced_password_confirms_nothing(
    alice: Person, acting_alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was replaced while it was checked."""
    proven(acting_alice, None)
    check = Person.check_password

    def replaced(person: Person, password: str) -> bool:
        good = check(person, password)
        Person.objects.filter(pk=person.pk).update(password="!")
        return good

    monkeypatch.setattr(Person, "check_password", replaced)
    with pytest.raises(AccessLost):
        ConfirmIdentity(password=PASSWORD).run(acting_alice)
    assert people.session_of(acting_alice).proven_at is None


def test_only_sessions_are_proven(alice: Person) -> None:
    with pytest.raises(RuntimeError, match="only a session"):
        ConfirmIdentity(password=PASSWORD).run(alice.actor(interface=Interface.PORTAL, address=None))


def test_proof_adds_its_factor(alice: Person, acting_alice: Actor) -> None:
    assert acting_alice.session is not None
    note_proof(acting_alice.session, Factor.AUTHENTICATOR_APP, NOW)
    note_proof(acting_alice.session, Factor.PASSWORD, NOW)
    session = people.session_of(acting_alice)
    assert session.factors == ["password", "authenticator app"]
    end_sessions(alice.pk)
    with pytest.raises(AccessLost) as raised:
        note_proof(acting_alice.session, Factor.PASSWORD, NOW)
    assert reason_of(raised) is RefusalReason.SESSION_ENDED


def test_admission_without_a_change_is_checked_too(acting_alice: Actor) -> None:
    proven(acting_alice, None)
    for action, outcome in (
        ("server_edited", pytest.raises(AccessLost)),
        ("validation_attempted", nullcontext()),
    ):
        with outcome, admitted(acting_alice, "acme", permission=Permission.API_KEY_MANAGEMENT, action=action):
            pass


def test_store_knows_the_last_proof() -> None:
    assert SessionStore().proven_at is None
