"""Sign-ins with more than a password: with a passkey alone, and with a second factor after it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from kit import people
from kit.authenticator import Authenticator
from kit.factors import add_passkey
from kit.people import PASSWORD
from kit.signing_in import give_app, next_code
from watchword.control.audit.models import AuditEvent
from watchword.control.base.refusals import Refusal
from watchword.control.identity import second_factor_commands
from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.factors import passkeys
from watchword.control.identity.factors.passkeys import assertion_options
from watchword.control.identity.models import Person, SignInPolicy, SignInThrottle
from watchword.control.identity.pending_sign_ins import PendingSignIn
from watchword.control.identity.second_factor_commands import (
    CompleteEnrolment,
    PasskeyResponse,
    ProveSecondFactor,
    SignInWithPasskey,
    TypedFactor,
)
from watchword.control.identity.sign_in_commands import PasswordAccepted, SignedIn, SignIn
from watchword.control.identity.throttle import admit_attempt

if TYPE_CHECKING:
    from datetime import datetime

    from pytest_django import Settings

ORIGIN = "https://portal.example"
ADDRESS = "192.0.2.9"


@pytest.fixture(autouse=True)
def _portal_with_a_name(settings: Settings) -> None:
    """Passkeys are bound to a host name; the portal of other tests has an IP address."""
    settings.WATCHWORD = settings.WATCHWORD.model_copy(update={"public_origin": ORIGIN})


@pytest.fixture
def laptop(alice: Person) -> Authenticator:
    """Alice's authenticator with a passkey of the portal."""
    authenticator = Authenticator(ORIGIN, count=1)
    add_passkey(people.acting(alice), alice, authenticator)
    return authenticator


def pending_of(person: Person, now: datetime | None = None) -> PendingSignIn:
    accepted = SignIn(email=person.email, password=PASSWORD, address=ADDRESS).run(now=now)
    assert isinstance(accepted, PasswordAccepted)
    return accepted.pending


def response_of(authenticator: Authenticator, person_id: int | None = None, **lies: Any) -> PasskeyResponse:
    options, sealed = assertion_options(person_id)
    return PasskeyResponse(response=authenticator.get(options, **lies), sealed=sealed)


def prove(pending: PendingSignIn, *, now: datetime | None = None, **typed: Any) -> SignedIn:
    return ProveSecondFactor(pending=pending, typed=TypedFactor(**typed), address=ADDRESS).run(now=now)


def refusal_of(act: Any) -> str:
    with pytest.raises(Refusal) as refused:
        act()
    return refused.value.code


def require(organization_id: str = "acme", **policy: Any) -> None:
    SignInPolicy.objects.create(organization_id=organization_id, **policy)


def only_single_sign_on(emergency: Person) -> None:
    require(single_sign_on_only=True, emergency_person=emergency)


def last_event() -> AuditEvent:
    return AuditEvent.objects.latest("sequence")


class TestPasskeyAlone:
    def test_it_signs_in_and_is_recorded(self, alice: Person, laptop: Authenticator) -> None:
        signed_in = SignInWithPasskey(passkey=response_of(laptop), address=ADDRESS).run()

        assert (signed_in.person, signed_in.factors) == (alice, frozenset({Factor.PASSKEY}))
        event = last_event()
        assert (event.organization, event.action, event.actor, event.result, event.address) == (
            "acme", "signed_in", alice.email, "success", ADDRESS,
        )  # fmt: skip
        assert event.changes == {"factors": [None, "passkey"]}
        assert Person.objects.get(pk=alice.pk).last_login == signed_in.at

    def test_response_works_once(self, laptop: Authenticator) -> None:
        response = response_of(laptop)
        SignInWithPasskey(passkey=response).run()

        assert refusal_of(SignInWithPasskey(passkey=response).run) == "ceremony_expired"
        assert (last_event().result, last_event().changes["reason"]) == ("refused", [None, "ceremony_expired"])

    def test_copied_passkey_is_refused_and_recorded(self, laptop: Authenticator) -> None:
        SignInWithPasskey(passkey=response_of(laptop)).run()

        assert refusal_of(SignInWithPasskey(passkey=response_of(laptop, sign_count=1)).run) == "passkey_refused"
        assert last_event().changes == {"reason": [None, "passkey_refused"], "factors": [None, "passkey"]}

    def test_deactivated_person_is_refused_like_an_unknown_passkey(self, alice: Person, laptop: Authenticator) -> None:
        Person.objects.filter(pk=alice.pk).update(is_active=False)

        assert refusal_of(SignInWithPasskey(passkey=response_of(laptop)).run) == "passkey_refused"

    def test_person_deactivated_during_the_check_is_refused(
        self, alice: Person, laptop: Authenticator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        verify = passkeys.verify_assertion

        def deactivating(*arguments: Any) -> passkeys.VerifiedAssertion:
            verified = verify(*arguments)
            Person.objects.filter(pk=alice.pk).update(is_active=False)
            return verified

        monkeypatch.setattr(passkeys, "verify_assertion", deactivating)
        assert refusal_of(SignInWithPasskey(passkey=response_of(laptop)).run) == "passkey_refused"

    def test_it_does_not_replace_single_sign_on(self, bob: Person, laptop: Authenticator) -> None:
        only_single_sign_on(emergency=bob)

        assert refusal_of(SignInWithPasskey(passkey=response_of(laptop)).run) == "single_sign_on_required"
        assert last_event().result == "refused"

    def test_response_for_a_pending_sign_in_does_not_sign_in_alone(self, alice: Person, laptop: Authenticator) -> None:
        response = response_of(laptop, alice.pk)

        assert refusal_of(SignInWithPasskey(passkey=response).run) == "passkey_refused"


class TestSecondFactor:
    def test_passkey_after_the_password(self, alice: Person, laptop: Authenticator) -> None:
        signed_in = prove(pending_of(alice), passkey=response_of(laptop, alice.pk))

        assert signed_in.factors == {Factor.PASSWORD, Factor.PASSKEY}

    @pytest.mark.usefixtures("laptop")
    def test_person_with_a_second_factor_cannot_do_without_it(self, alice: Person) -> None:
        assert isinstance(SignIn(email=alice.email, password=PASSWORD).run(), PasswordAccepted)

    def test_person_without_one_signs_in_with_the_password_until_it_is_required(self, alice: Person) -> None:
        signed_in = SignIn(email=alice.email, password=PASSWORD).run()
        assert isinstance(signed_in, SignedIn)
        assert signed_in.factors == {Factor.PASSWORD}

        require(second_factor_required=True)

        assert isinstance(SignIn(email=alice.email, password=PASSWORD).run(), PasswordAccepted)

    def test_passkey_of_another_person_is_refused(self, bob: Person, laptop: Authenticator) -> None:
        pending = pending_of(give_app(bob))

        assert refusal_of(lambda: prove(pending, passkey=response_of(laptop, bob.pk))) == "passkey_refused"
        assert refusal_of(lambda: prove(pending, passkey=response_of(laptop))) == "passkey_refused"

    def test_code_of_another_person_is_refused(self, alice: Person, bob: Person) -> None:
        pending, code = pending_of(give_app(bob)), "000000"
        assert give_app(alice).pk != bob.pk

        assert refusal_of(lambda: prove(pending, code=code)) == "second_factor_wrong"
        event = last_event()
        assert (event.action, event.result, event.actor) == ("signed_in", "refused", bob.email)
        assert event.changes == {"factor": [None, "authenticator app"]}

    def test_nothing_typed_is_no_attempt(self, alice: Person) -> None:
        pending = pending_of(give_app(alice))
        before = AuditEvent.objects.count()

        assert refusal_of(lambda: prove(pending, code=" ", recovery_code=" ")) == "second_factor_wrong"
        assert AuditEvent.objects.count() == before

    def test_right_password_does_not_forget_wrong_codes(self, alice: Person) -> None:
        give_app(alice)
        now = timezone.now()
        for _ in range(6):
            pending = pending_of(alice, now)
            assert refusal_of(partial(prove, pending, code="000000", now=now)) == "second_factor_wrong"

        right = partial(prove, pending_of(alice, now), code=next_code(alice), now=now)
        assert refusal_of(right) == "too_many_requests"

    def test_guesses_at_codes_delay_neither_passkey_nor_recovery_code(
        self, alice: Person, laptop: Authenticator
    ) -> None:
        now = timezone.now()
        pending = pending_of(give_app(alice), now)
        for _ in range(6):
            refusal_of(partial(prove, pending, code="000000", now=now))
        assert refusal_of(partial(prove, pending, code=next_code(alice), now=now)) == "too_many_requests"

        assert refusal_of(partial(prove, pending, recovery_code="x", now=now)) == "second_factor_wrong"
        assert prove(pending, passkey=response_of(laptop, alice.pk), now=now).person == alice

    def test_success_leaves_no_attempt_in_progress(self, alice: Person) -> None:
        pending = pending_of(give_app(alice))
        refusal_of(lambda: prove(pending, code="000000"))
        prove(pending, code=next_code(alice))

        assert not SignInThrottle.objects.filter(under_way__gt=0).exists()
        assert not SignInThrottle.objects.filter(failures__gt=0).exists()

    def test_single_sign_on_that_became_required_meanwhile_is_demanded(self, alice: Person, bob: Person) -> None:
        pending = pending_of(give_app(alice))
        only_single_sign_on(emergency=bob)

        assert refusal_of(lambda: prove(pending, code=next_code(alice))) == "single_sign_on_required"
        assert last_event().changes["factors"] == [None, "authenticator app"]
        assert not SignInThrottle.objects.filter(under_way__gt=0).exists()

    def test_emergency_administrator_needs_a_second_factor_and_no_single_sign_on(self, bob: Person) -> None:
        only_single_sign_on(emergency=bob)

        assert prove(pending_of(give_app(bob)), code=next_code(bob)).person == bob

    @pytest.mark.parametrize("change", [{"is_active": False}, {"password": "another"}])
    def test_person_changed_during_the_check_is_refused(
        self, alice: Person, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
    ) -> None:
        pending, code = pending_of(give_app(alice)), next_code(alice)

        def changing(*arguments: Any) -> None:
            Person.objects.filter(pk=alice.pk).update(**change)
            admit_attempt(*arguments)

        monkeypatch.setattr(f"{second_factor_commands.__name__}.admit_attempt", changing)
        assert refusal_of(lambda: prove(pending, code=code)) == "sign_in_expired"

    def test_response_of_a_passkey_completes_one_sign_in(self, alice: Person, laptop: Authenticator) -> None:
        response = response_of(laptop, alice.pk)
        prove(pending_of(alice), passkey=response)

        assert refusal_of(lambda: prove(pending_of(alice), passkey=response)) == "ceremony_expired"

    def test_pending_sign_in_expires(self, alice: Person) -> None:
        pending = pending_of(give_app(alice))
        late = ProveSecondFactor(pending=pending, typed=TypedFactor(code=next_code(alice)))

        assert refusal_of(lambda: late.run(now=pending.at + timedelta(minutes=10))) == "sign_in_expired"


class TestSingleSignOnOnly:
    def test_right_password_says_so_and_a_wrong_one_does_not(self, alice: Person, bob: Person) -> None:
        only_single_sign_on(emergency=bob)

        assert SignIn(email=alice.email, password="wrong").run() is None
        assert refusal_of(SignIn(email=alice.email, password=PASSWORD).run) == "single_sign_on_required"
        assert last_event().changes == {"reason": [None, "single_sign_on_required"], "factors": [None, "password"]}
        assert not SignInThrottle.objects.filter(under_way__gt=0).exists()


class TestEnrolment:
    def test_it_completes_the_sign_in(self, alice: Person) -> None:
        require(second_factor_required=True)
        pending = pending_of(alice)
        give_app(alice)
        complete = CompleteEnrolment(pending=pending, factor=Factor.AUTHENTICATOR_APP, address=ADDRESS)

        assert complete.run().factors == {Factor.PASSWORD, Factor.AUTHENTICATOR_APP}

    def test_it_completes_no_sign_in_of_a_changed_account(self, alice: Person) -> None:
        require(second_factor_required=True)
        complete = CompleteEnrolment(pending=pending_of(alice), factor=Factor.AUTHENTICATOR_APP)
        give_app(alice)
        Person.objects.filter(pk=alice.pk).update(password="another")

        assert refusal_of(complete.run) == "sign_in_expired"

    def test_person_deactivated_meanwhile_is_refused(self, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        complete = CompleteEnrolment(
            pending=PendingSignIn.of(alice, frozenset({Factor.PASSWORD}), timezone.now()), factor=Factor.PASSKEY
        )
        person_of = PendingSignIn.person

        def deactivating(pending: PendingSignIn, now: Any) -> Person:
            person = person_of(pending, now)
            Person.objects.filter(pk=alice.pk).update(is_active=False)
            return person

        monkeypatch.setattr(PendingSignIn, "person", deactivating)
        assert refusal_of(complete.run) == "sign_in_expired"
