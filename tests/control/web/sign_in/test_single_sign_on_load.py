"""Single sign-on while others misuse it: pages that load its addresses, and long addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from kit.single_sign_on import SignOn, browser, configured, running, server
from watchword.control.identity.models import SignInThrottle
from watchword.control.identity.single_sign_on.ceremony import ONWARD_MAX

if TYPE_CHECKING:
    from kit.authorization_server import AuthorizationServer
    from watchword.control.identity.models import Person

__all__ = ["browser", "running", "server"]

pytestmark = pytest.mark.enable_socket


def test_p_78_page_that_loads_the_callback_delays_no_office(
    browser: SignOn, server: AuthorizationServer, alice: Person
) -> None:
    configured(server, default_role=alice.role)
    statuses = [Client().get("/sign-in/single-sign-on/callback", {"state": "x"}).status_code for _ in range(25)]
    assert statuses == [422] * 25
    assert not SignInThrottle.objects.exists()
    assert browser.begin()


@pytest.mark.parametrize("character", ["a", '"', "\x01", "\N{GRINNING FACE}"])
def test_ceremony_fits_into_a_cookie(
    browser: SignOn, server: AuthorizationServer, alice: Person, character: str
) -> None:
    configured(server, default_role=alice.role)
    browser.begin(next="/" + character * (ONWARD_MAX - 1))
    # Browsers drop a cookie whose name, value and attributes are longer than 4 KiB.
    assert len(browser.ceremony) < 3900
