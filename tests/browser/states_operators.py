"""The states of the Operators page."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from django.urls import reverse
from django.utils import timezone

from browser.studio import State
from kit import enrolled, people
from watchword.control.base.actor import command_line
from watchword.control.identity.operator_commands import CreateOperator, DeactivateOperator, InviteOperator

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from watchword.control.identity.models import Person


def _operators() -> Person:
    alice = people.operator()
    bob = people.knows_password(CreateOperator(email="bob@provider.example", name="Bob Example").run(command_line()))
    bob.last_login = timezone.now() - timedelta(hours=3)
    bob.save()
    enrolled.passkey(alice)
    enrolled.authenticator_app(bob)
    InviteOperator(email="charlie@provider.example", name="Charlie Example").run(command_line())
    gone = people.knows_password(CreateOperator(email="carol@provider.example").run(command_line()))
    DeactivateOperator(person_id=gone.pk).run(command_line())
    return alice


def _press(button: str, page: Page) -> None:
    page.get_by_role("button", name=button).click()
    page.locator("dialog").wait_for()


def _refused(page: Page) -> None:
    _press("Invite Operator", page)
    page.get_by_label("E-mail address").fill("bob@provider.example")
    page.get_by_role("button", name="Create Invitation").click()
    page.get_by_text("is already in use").wait_for()


def _invited(page: Page) -> None:
    _press("Invite Operator", page)
    page.get_by_label("E-mail address").fill("alice2@provider.example")
    page.get_by_role("button", name="Create Invitation").click()
    page.get_by_text("Copy it now").wait_for()


_PATH: Final = partial(reverse, "console:operators")

STATES: Final = (
    State("console-operators", _operators, path=_PATH),
    State("console-operator-invite", _operators, partial(_press, "Invite Operator"), path=_PATH),
    State("console-operator-invite-refused", _operators, _refused, path=_PATH),
    State("console-operator-invited", _operators, _invited, path=_PATH),
    State("console-operator-sign-out", _operators, partial(_press, "Sign out Bob Example"), path=_PATH),
    State(
        "console-operator-reset-factors",
        _operators,
        partial(_press, "Reset second factor of Bob Example"),
        path=_PATH,
    ),
    State("console-operator-deactivate", _operators, partial(_press, "Deactivate Bob Example"), path=_PATH),
)
