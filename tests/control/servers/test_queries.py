from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.utils import timezone

from kit import registrations
from kit.forge import ec_key, rsa_key
from kit.registrations import CHARLIE, LOCATION, SETTINGS, add, failed, found, make_due
from watchword.control.organizations.models import Organization, Subscription
from watchword.control.servers.key_set_commands import claim_due, record_fault, record_findings
from watchword.control.servers.models import KeySetState
from watchword.control.servers.queries import list_servers, server_of
from watchword.control.servers.trust import trust_of
from watchword.core.trust import SubscriptionPeriod
from watchword.feed import decode_trust, encode_trust
from watchword.jwks.problem import Problem

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db

A, B, C = ec_key("a"), ec_key("b"), rsa_key("c")


@pytest.fixture(autouse=True)
def acme() -> None:
    registrations.organization("acme")


def test_the_list_shows_what_was_registered() -> None:
    server = add(A, C, issuer="", description="Okta of Acme", jwks_location=f"{LOCATION}?token=geheim")
    (row,) = list_servers("acme", timezone.now())
    assert (row.id, row.slot, row.enabled, row.name, row.description, row.version) == (
        server.pk, 1, True, "ProdOkta", "Okta of Acme", 1,
    )  # fmt: skip
    assert (row.jwks_host, row.jwks_location) == ("login.acme.example", f"{LOCATION}?token=…")
    assert (row.audience, row.issuer, row.client_id) == ("https://api.example/", None, None)
    assert (row.acceptance, row.must_confirm, row.rotation) == (None, False, ())
    assert row.key_algorithms == ("ES256", "RSA")
    assert [(key.kid, key.algorithm, key.bits) for key in row.keys] == [("a", "ES256", 256), ("c", "RSA", 2048)]
    assert (row.failing_since, row.problem, row.fix) == (None, None, None)
    assert row.last_successful_fetch is not None
    assert row.keys_good_until is not None


def test_the_list_tells_a_failure_and_its_fix() -> None:
    add(A)
    now = timezone.now()
    make_due(KeySetState.objects.get(), now)
    (claim,) = claim_due("one", now, 1)
    record_findings(claim, failed(Problem.CERTIFICATE_EXPIRED), now, SETTINGS)
    (row,) = list_servers("acme", timezone.now())
    assert (row.failing_since, row.last_attempt) == (now, now)
    assert row.problem == Problem.CERTIFICATE_EXPIRED.sentence
    assert row.fix == Problem.CERTIFICATE_EXPIRED.fix
    assert [key.kid for key in row.keys] == ["a"]


def test_the_list_calls_a_fault_of_ours_one() -> None:
    add(A)
    now = timezone.now()
    make_due(KeySetState.objects.get(), now)
    record_fault(claim_due("one", now, 1)[0], now, SETTINGS)
    (row,) = list_servers("acme", timezone.now())
    assert row.problem is not None
    assert "this service" in row.problem


def test_the_list_keeps_withdrawn_keys_apart() -> None:
    add(A, B)
    now = timezone.now() + timedelta(minutes=5)
    make_due(KeySetState.objects.get(), now)
    record_findings(claim_due("one", now, 1)[0], found(B), now, SETTINGS)
    (row,) = list_servers("acme", timezone.now())
    assert [key.kid for key in row.keys] == ["b"]
    assert [(key.kid, key.withdrawn_at) for key in row.withdrawn_keys] == [("a", now)]


def test_the_list_takes_the_same_number_of_queries_for_any_number_of_servers_and_keys(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    add(A, name="First")
    with django_assert_num_queries(2):
        list_servers("acme", timezone.now())
    add(A, B, C, name="Second")
    with django_assert_num_queries(2):
        assert [row.name for row in list_servers("acme", timezone.now())] == ["First", "Second"]


def test_organization_sees_only_its_own_servers() -> None:
    registrations.organization("globex")
    foreign = add(actor=CHARLIE)
    assert list_servers("acme", timezone.now()) == ()
    assert server_of("acme", foreign.pk) is None
    assert server_of("acme", uuid4()) is None


def test_edit_dialog_gets_complete_location_and_blank_fields() -> None:
    server = add(jwks_location=f"{LOCATION}?token=geheim", audience="", client_id="batch")
    detail = server_of("acme", server.pk)
    assert detail is not None
    assert detail.jwks_location == f"{LOCATION}?token=geheim"
    assert (detail.audience, detail.issuer, detail.client_id) == ("", "https://login.acme.example/", "batch")


def test_trust_holds_the_subscription_to_the_second() -> None:
    subscription = Subscription.objects.get(pk="acme")
    trust = trust_of("acme")
    assert trust.subscription == SubscriptionPeriod(
        int(subscription.starts_at.timestamp()), int(subscription.expires_at.timestamp())
    )
    assert (trust.organization, trust.suspended, trust.server) == ("acme", False, None)


def test_trust_without_a_subscription() -> None:
    Organization.objects.create(id="initech", name="Initech", created_at=timezone.now())
    assert trust_of("initech").subscription is None


def test_renewal_restores_the_enabled_server_by_itself() -> None:
    """P-07: expiry and suspension leave the registration as it was."""
    add(A)
    before = trust_of("acme")
    registrations.expire()
    registrations.suspend()
    locked = trust_of("acme")
    assert locked.suspended
    assert locked.subscription is not None
    assert not locked.subscription.is_active(timezone.now().timestamp())
    assert locked.server == before.server


def test_trust_travels_the_feed() -> None:
    add(A, C, issuer="")
    trust = replace(trust_of("acme"), revision=1)
    travelled = decode_trust(encode_trust(trust))
    assert travelled.server is not None
    assert trust.server is not None
    assert travelled.server.issuer is trust.server.issuer
    assert [key.thumbprint for key in travelled.server.keys] == [key.thumbprint for key in trust.server.keys]
