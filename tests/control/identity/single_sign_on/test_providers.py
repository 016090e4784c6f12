"""Which identity provider an organization, an address or a person has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kit.sign_in_settings import account
from watchword.control.identity.models import SingleSignOn
from watchword.control.identity.single_sign_on.providers import (
    named_provider,
    provider_of,
    provider_of_email,
    provider_of_person,
)

if TYPE_CHECKING:
    import pytest

    from watchword.control.identity.models import Person


def test_providers(configured: SingleSignOn, bob: Person, charlie: Person, operator: Person) -> None:
    found = provider_of("acme")
    assert found is not None
    assert (found.host, found.client_secret) == ("login.acme.example", "a-secret-of-at-least-32-characters")
    assert "a-secret" not in repr(found)
    for email in ("bob@acme.example", "x@ACME.EXAMPLE"):
        assert provider_of_email(email) == found
    for email in ("bob@globex.example", "acme.example@", "", "x@sub.acme.example", "x@acme.example\0"):
        assert provider_of_email(email) is None
    assert [provider_of_person(person) for person in (bob, charlie, operator)] == [None] * 3
    account(bob, "bob")
    assert provider_of_person(bob) == found
    SingleSignOn.objects.update(enabled=False)
    assert (provider_of("acme"), provider_of_email(bob.email), provider_of_person(bob)) == (None, None, None)


def test_providers_by_name(configured: SingleSignOn, monkeypatch: pytest.MonkeyPatch) -> None:
    assert named_provider("acme") == provider_of("acme")
    assert named_provider("globex") is None
    # PostgreSQL refuses U+0000, so such text must not reach it.
    reached: list[str] = []
    monkeypatch.setattr("watchword.control.identity.single_sign_on.providers.provider_of", reached.append)
    assert [named_provider(name) for name in ("ACME", "acme\0", "acme\n", "", "a" * 65)] == [None] * 5
    assert reached == []
