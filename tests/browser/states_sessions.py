"""Pictures of signing in, of the page Your sessions and of a new password."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from django.urls import reverse
from django.utils import timezone

from browser.studio import State
from kit import sample_portal
from watchword.control.base.actor import command_line
from watchword.control.identity.models import Person, Session, SignInThrottle
from watchword.control.identity.operator_commands import CreateOperator
from watchword.control.identity.sign_in_link_commands import CreateSignInLink
from watchword.control.identity.throttle import stranger_key

if TYPE_CHECKING:
    from playwright.sync_api import Page

PASSWORD: Final = "correct horse battery staple"
_CHROME: Final = "Mozilla/5.0 (Dialogs NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36"
_SAFARI: Final = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Mobile/15E148 Safari/604.1"


def _sessions() -> str:
    return reverse("people:sessions")


def _your_sign_in() -> str:
    return reverse("people:your-sign-in")


def _sign_in() -> str:
    return reverse("sign_in:sign-in")


def _nobody() -> None:
    sample_portal.acme()


def _one() -> Person:
    sample_portal.acme()
    alice = sample_portal.alice()
    alice.set_password(PASSWORD)
    alice.save()
    return alice


def _many() -> Person:
    alice = _one()
    for number, (agent, address) in enumerate(
        ((_CHROME, "192.0.2.17"), (_SAFARI, "2001:db8:4860:4860:8888:1234:5678:9abc"), ("curl/8.14.1", "198.51.100.9"))
    ):
        sample_portal.session_of(alice, user_agent=agent, address=address)
        then = timezone.now() - timedelta(minutes=3 + 11 * number)
        Session.objects.filter(address=address).update(started_at=then - timedelta(hours=2 * number), seen_at=then)
    return alice


def _operator() -> Person:
    sample_portal.acme()
    return CreateOperator(email="operator@provider.example", name="Olivia Operator").run(command_line())


def _expired() -> Person:
    alice = _many()
    sample_portal.expire()
    return alice


def _idle(page: Page) -> None:
    """The half hour passes while the page is open, then something is pressed."""
    page.context.add_cookies(
        [
            {
                "name": "watchword_ended",
                "value": "idle-unsaved",
                "url": urljoin(page.url, "/"),
                "httpOnly": True,
                "sameSite": "Lax",
            }
        ]
    )
    page.context.clear_cookies(name="watchword_session")
    page.goto(_sessions())
    page.get_by_role("heading", name="Sign in").wait_for()


def _fail_to_sign_in(page: Page) -> None:
    page.get_by_label("E-mail").fill("alice@acme.example")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()


def _guessed_at() -> None:
    _nobody()
    now = timezone.now()
    SignInThrottle.objects.create(
        subject=stranger_key("alice@acme.example", None).own,
        failures=20,
        last_failed_at=now,
        blocked_until=now + timedelta(seconds=60),
        reserved_at=now,
    )


_LINK: list[str] = []


def _invited() -> None:
    alice = _one()
    _LINK[:] = [CreateSignInLink(email=alice.email).run(command_line())]


def _link() -> str:
    return reverse("sign_in:set-password", args=_LINK)


def _choose_badly(page: Page) -> None:
    page.get_by_label("New password", exact=True).fill("alice@acme.example")
    page.get_by_label("Confirm new password").fill("alice@acme.example")
    page.get_by_role("button", name="Set password and sign in").click()
    page.get_by_label("New password", exact=True).and_(page.locator("[aria-invalid]")).wait_for()


def _end_one(page: Page) -> None:
    page.get_by_role("button", name="End session: Safari on iPhone").click()
    page.get_by_text("Ended the session of Safari on iPhone.").wait_for()


def _end_others(page: Page) -> None:
    page.get_by_role("button", name="End all other sessions").click()
    page.get_by_role("alertdialog").wait_for()


def _open_change(page: Page) -> None:
    page.get_by_role("button", name="Change password").click()
    page.get_by_role("dialog").wait_for()


def _change_badly(page: Page) -> None:
    _open_change(page)
    page.get_by_label("Current password").fill("not the password")
    page.get_by_label("New password", exact=True).fill("tangerine gravel orbit")
    page.get_by_label("Confirm new password").fill("tangerine gravel orbit")
    page.get_by_role("dialog").get_by_role("button", name="Change password").click()
    page.get_by_text("This is not your current password.").wait_for()


def _open_rail(page: Page) -> None:
    menu = page.get_by_role("button", name="Open the navigation")
    if menu.is_visible():
        menu.click()


STATES: Final = (
    State("sessions-sign-in", _nobody, path=_sign_in),
    State("sessions-sign-in-failed", _nobody, _fail_to_sign_in, path=_sign_in),
    State("sessions-sign-in-too-often", _guessed_at, _fail_to_sign_in, path=_sign_in),
    State("sessions-sign-in-idle", _one, _idle, path=_sessions),
    State("sessions-set-password", _invited, path=_link),
    State("sessions-set-password-refused", _invited, _choose_badly, path=_link),
    State("sessions-one", _one, path=_sessions),
    State("sessions-many", _many, path=_sessions, whole=True),
    State("sessions-expired", _expired, path=_sessions),
    State("sessions-rail", _many, _open_rail, path=_sessions),
    State("sessions-operator", _operator, path=_sessions),
    State("sessions-ended", _many, _end_one, path=_sessions),
    State("sessions-end-others", _many, _end_others, path=_sessions),
    State("sessions-change-password", _many, _open_change, path=_your_sign_in),
    State("sessions-change-password-refused", _many, _change_badly, path=_your_sign_in),
)
