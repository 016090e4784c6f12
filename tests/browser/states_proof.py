"""Pictures of the dialog and the page "Confirm that it is you"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import uuid4

from django.urls import reverse
from django.utils import timezone

from browser.studio import State, servers_page
from kit import people, sample_portal
from kit.signing_in import give_app
from watchword.control.identity.factor_rules import PROOF_LIFETIME
from watchword.control.identity.models import Passkey, Session

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from watchword.control.identity.models import Person

_WITH_NAME: Final = {"public_origin": "https://portal.provider.example"}
"""Passkeys are bound to a host name."""


def _alice() -> Person:
    sample_portal.acme()
    return people.knows_password(sample_portal.alice())


def _with_factors() -> Person:
    alice = give_app(_alice())
    Passkey.objects.create(
        person=alice, user_handle=uuid4(), name="Laptop", credential_id="a", public_key=b"", created_at=timezone.now()
    )
    return alice


def _unproven() -> None:
    # Addresses are made after the sign-in.
    Session.objects.update(proven_at=timezone.now() - PROOF_LIFETIME)


def _servers() -> str:
    _unproven()
    return servers_page()


def _page() -> str:
    _unproven()
    return f"{reverse('sign_in:confirm')}?next={servers_page()}add/"


def _add(page: Page) -> None:
    page.get_by_role("button", name="Add Authorization Server").click()
    page.get_by_role("dialog", name="Confirm that it is you").wait_for()


def _add_with_wrong_password(page: Page) -> None:
    _add(page)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Confirm", exact=True).click()
    page.get_by_text("This is not your password.").wait_for()


def _add_with_wrong_code(page: Page) -> None:
    _add(page)
    page.get_by_label("Code of your authenticator app").fill("000000")
    page.get_by_role("button", name="Confirm", exact=True).click()
    page.get_by_role("alert").get_by_text("This code is wrong").wait_for()


STATES: Final = (
    State("proof-dialog", _alice, _add, path=_servers),
    State("proof-dialog-wrong-password", _alice, _add_with_wrong_password, path=_servers),
    State("proof-dialog-factors", _with_factors, _add, path=_servers, settings=_WITH_NAME),
    State("proof-dialog-wrong-code", _with_factors, _add_with_wrong_code, path=_servers, settings=_WITH_NAME),
    State("proof-page", _alice, path=_page),
)
