"""The pages without a rail: signing in, setting a password, and the pages of errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.urls import reverse

from browser.studio import State
from kit import sample_portal
from watchword.control.base.actor import command_line
from watchword.control.identity.operator_commands import CreateOperator
from watchword.control.identity.sign_in_link_commands import CreateSignInLink

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from watchword.control.identity.models import Person


def _nobody() -> None:
    sample_portal.acme()


def _invited() -> None:
    sample_portal.acme()
    sample_portal.alice()


def _operator() -> Person:
    sample_portal.acme()
    return CreateOperator(email="charlie@provider.example", name="Charlie").run(command_line())


def _sign_in_link() -> str:
    secret = CreateSignInLink(email="alice@acme.example").run(command_line())
    return reverse("sign_in:set-password", args=[secret])


def _used_link() -> str:
    return reverse("sign_in:set-password", args=["no-longer-known"])


def _fail_to_sign_in(page: Page) -> None:
    page.get_by_label("E-mail").fill("alice@acme.example")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()


def _lose_the_cookies(page: Page) -> None:
    page.context.clear_cookies()
    page.get_by_label("E-mail").fill("alice@acme.example")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="This form has expired").wait_for()


def _type_two_passwords(page: Page) -> None:
    page.get_by_label("New password", exact=True).fill("correct horse battery staple")
    page.get_by_label("Confirm new password").fill("correct horse battery stable")
    page.get_by_role("button", name="Set password and sign in").click()
    page.get_by_text("The two passwords differ.").wait_for()


def _sign_in() -> str:
    return reverse("sign_in:sign-in")


STATES: Final = (
    State("sign-in", _nobody, path=_sign_in, sentence="Sign in."),
    State("sign-in-failed", _nobody, _fail_to_sign_in, path=_sign_in, sentence="One message for every cause."),
    State("password", _invited, path=_sign_in_link, sentence="A one-time link was opened: set a password."),
    State("password-refused", _invited, _type_two_passwords, path=_sign_in_link, sentence="The two passwords differ."),
    State("password-link-used", _invited, path=_used_link, sentence="The one-time link was used or has expired."),
    State("form-expired", _nobody, _lose_the_cookies, path=_sign_in, sentence="A form came without a valid token."),
    State("organizations", _operator, path=lambda: reverse("sign_in:start"), sentence="An operator's first page."),
    State("error-400", _nobody, path=lambda: "/pictures/400", sentence="A request that cannot be read."),
    State("error-403", _nobody, path=lambda: "/pictures/403", sentence="Not allowed, not signed in."),
    State("error-404", _nobody, path=lambda: "/nowhere", sentence="No such page, or not one of yours."),
    State("error-500", _nobody, path=lambda: "/pictures/500", sentence="Something went wrong here."),
)
