"""Pictures of the second factor: proving it at the sign-in, enrolling the first one, its recovery codes."""

from __future__ import annotations

import re
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse
from django.utils import timezone

from browser.studio import PICTURE_TIME, State
from kit import people, sample_portal, signing_in
from watchword.control.base.actor import command_line
from watchword.control.identity.factors.totp import code_at, step_at
from watchword.control.identity.models import Passkey, Person
from watchword.control.identity.operator_commands import CreateOperator

if TYPE_CHECKING:
    from playwright.sync_api import Page

EMAIL: Final = "charlie@provider.example"
NAMED: Final[dict[str, Any]] = {"public_origin": "http://localhost:8080"}
"""An address at which browsers offer passkeys."""


def _sign_in() -> str:
    return reverse("sign_in:sign-in")


def _operator() -> Person:
    sample_portal.acme()
    return people.knows_password(CreateOperator(email=EMAIL, name="Charlie").run(command_line()))


def _new() -> None:
    _operator()


def _with_app() -> None:
    signing_in.give_app(_operator())


def _with_both() -> None:
    charlie = signing_in.give_app(_operator())
    Passkey.objects.create(
        person=charlie,
        user_handle="00000000-0000-4000-8000-000000000001",
        name="Laptop",
        credential_id="bGFwdG9w",
        public_key=b"",
        created_at=timezone.now(),
    )


def _enter_password(page: Page) -> None:
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(people.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("heading", name=re.compile("Confirm that it is you|Add a second factor")).wait_for()


def _lose_device(page: Page) -> None:
    _enter_password(page)
    page.get_by_text("Lost your device?").click()


def _enter_wrong_code(page: Page) -> None:
    _enter_password(page)
    page.get_by_label("Code of your authenticator app").fill("000000")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("alert").filter(has_text="This code is wrong").wait_for()


def _add_wrong_code(page: Page) -> None:
    _enter_password(page)
    page.get_by_label("Code that the app shows").fill("000000")
    page.get_by_role("button", name="Add the app").click()
    page.locator("#code-error").wait_for()


def _add_app(page: Page) -> None:
    _enter_password(page)
    secret = page.locator("#setup-secret").inner_text()
    page.get_by_label("Code that the app shows").fill(code_at(secret, step_at(PICTURE_TIME.astimezone(UTC))))
    page.get_by_role("button", name="Add the app").click()
    page.get_by_role("heading", name="Keep your recovery codes").wait_for()


STATES: Final = (
    State("sign-in-passkey", _new, path=_sign_in, settings=NAMED, sentence="Sign in, also with a passkey."),
    State("second-factor", _with_app, _enter_password, path=_sign_in, sentence="The code of the authenticator app."),
    State(
        "second-factor-passkey",
        _with_both,
        _lose_device,
        path=_sign_in,
        settings=NAMED,
        sentence="Every way to prove it.",
    ),
    State("second-factor-wrong", _with_both, _enter_wrong_code, path=_sign_in, sentence="A wrong code."),
    State(
        "enrol", _new, _enter_password, path=_sign_in, settings=NAMED, whole=True, sentence="The first second factor."
    ),
    State("enrol-wrong", _new, _add_wrong_code, path=_sign_in, whole=True, sentence="A wrong first code; no passkeys."),
    State("recovery-codes", _new, _add_app, path=_sign_in, whole=True, sentence="The recovery codes, shown once."),
)
