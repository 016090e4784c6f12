"""Pictures of the tab Your sign-in."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from django.urls import reverse
from django.utils import timezone

from browser.studio import State
from kit import enrolled, sample_portal
from watchword.control.base.actor import command_line
from watchword.control.identity.models import Passkey, SignInPolicy
from watchword.control.identity.operator_commands import CreateOperator

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from watchword.control.identity.models import Person


def _nothing() -> Person:
    sample_portal.acme()
    alice = sample_portal.alice()
    alice.set_password("correct horse battery staple")
    alice.save()
    return alice


def _all() -> Person:
    alice = _nothing()
    now = timezone.now()
    enrolled.passkey(alice, "Work laptop", last_used_at=now - timedelta(minutes=5))
    enrolled.passkey(alice, "Security key in the drawer, for the day on which the laptop is lost or stolen")
    Passkey.objects.update(added_from="Firefox on Linux, 2001:db8:4860:4860:8888:1234:5678:9abc")
    enrolled.authenticator_app(alice)
    enrolled.recovery_codes(alice)
    enrolled.provider_account(alice)
    return alice


def _one_required() -> Person:
    alice = _nothing()
    enrolled.authenticator_app(alice)
    enrolled.recovery_codes(alice, 2)
    SignInPolicy.objects.create(organization_id=sample_portal.ACME, second_factor_required=True)
    return alice


def _operator() -> Person:
    operator = CreateOperator(email="operator@provider.example", name="Operator").run(command_line())
    enrolled.passkey(operator)
    enrolled.recovery_codes(operator)
    return operator


def _press(button: str, page: Page) -> None:
    page.get_by_role("button", name=button).first.click()
    page.locator("dialog").wait_for()


def _wrong_code(page: Page) -> None:
    _press("Set up an authenticator app", page)
    page.get_by_label("Code", exact=True).fill("000 000")
    page.get_by_role("button", name="Set Up", exact=True).click()
    page.get_by_text("This is not the app's present code.").wait_for()


def _codes(page: Page) -> None:
    _press("Replace recovery codes", page)
    page.get_by_role("alertdialog").get_by_role("button", name="Replace").click()
    page.get_by_role("dialog", name="Your recovery codes").wait_for()


_PATH: Final = partial(reverse, "people:your-sign-in")

STATES: Final = (
    State("your-sign-in-nothing", _nothing, path=_PATH, whole=True),
    State("your-sign-in", _all, path=_PATH, whole=True),
    State("your-sign-in-required", _one_required, path=_PATH, whole=True),
    State("your-sign-in-operator", _operator, path=_PATH),
    # The portal of the pictures has an IP address, at which the page does not offer it.
    State("your-sign-in-add-passkey", _all, path=partial(reverse, "people:add-passkey")),
    State("your-sign-in-rename", _all, partial(_press, "Rename Work laptop"), path=_PATH),
    State("your-sign-in-remove", _all, partial(_press, "Remove Work laptop"), path=_PATH),
    State("your-sign-in-set-up-app", _nothing, partial(_press, "Set up an authenticator app"), path=_PATH),
    State("your-sign-in-wrong-code", _nothing, _wrong_code, path=_PATH),
    State("your-sign-in-codes", _all, _codes, path=_PATH),
)
