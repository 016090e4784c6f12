"""What the check says when the portal is not as the walk-through tells."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from kit.processes import LOOPBACK, free_port
from watchword.demo.portal_visit import PortalVisit, VisitFailed
from watchword.demo.serving import DemoHandler, serving
from watchword.demo.walkthrough import SignIn

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.enable_socket

FORM = '<input type="hidden" name="csrfmiddlewaretoken" value="abc">'
PAGE = f'{FORM}<a href="/acme/servers/1/disable/">Disable</a>'


@contextmanager
def visiting(page: str, status: int = 200) -> Iterator[tuple[PortalVisit, list[tuple[str, bytes | None]]]]:
    posted: list[tuple[str, bytes | None]] = []

    class Handler(DemoHandler):
        def do_GET(self) -> None:  # noqa: N802 - the base class finds it by this name.
            self.answer(status, page.encode(), {})

        def do_POST(self) -> None:  # noqa: N802 - as above.
            posted.append((self.path, self.read_body()))
            self.answer(200, PAGE.encode(), {})

    with serving(LOOPBACK, 0, Handler) as (host, port):
        yield visit(f"http://{host}:{port}"), posted


def visit(origin: str) -> PortalVisit:
    return PortalVisit(origin=origin, organization="acme", sign_in=SignIn(email="alice@acme.example", password="a&b"))


def test_alice_signs_in_and_presses_the_button() -> None:
    with visiting(f'<form action="/sign-in">{FORM}') as (alice, posted):
        alice.disable()
    assert posted == [
        ("/sign-in", b"csrfmiddlewaretoken=abc&email=alice%40acme.example&password=a%26b"),
        ("/acme/servers/1/disable/", b"csrfmiddlewaretoken=abc"),
    ]


def test_second_factor_without_an_app_is_reported() -> None:
    page = f'<form action="/sign-in/second-factor">{FORM}'
    with visiting(page) as (alice, _), pytest.raises(VisitFailed, match=r"second factor of alice@acme\.example"):
        alice.disable()


def test_portal_that_demands_no_proof_is_reported() -> None:
    with visiting(PAGE) as (alice, _), pytest.raises(VisitFailed, match="disable/ with 200"):
        alice.confirms_before_disabling()


def test_a_page_without_the_button_is_reported() -> None:
    with visiting(PAGE) as (alice, _), pytest.raises(VisitFailed, match="no button to enable"):
        alice.enable()


def test_a_page_without_a_form_is_reported() -> None:
    with visiting('<a href="/acme/servers/1/disable/">') as (alice, _), pytest.raises(VisitFailed, match="no form"):
        alice.disable()


def test_a_refusal_of_the_portal_is_reported() -> None:
    with visiting(PAGE, status=503) as (alice, _), pytest.raises(VisitFailed, match="answered / with 503"):
        alice.disable()


def test_a_silent_portal_is_reported() -> None:
    with pytest.raises(VisitFailed, match="does not answer"):
        visit(f"http://{LOOPBACK}:{free_port()}").disable()
