from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from kit.authenticator import Authenticator
from kit.committing import append_only_again, committing

if TYPE_CHECKING:
    from pytest_django import Settings

__all__ = ["append_only_again", "committing"]

ORIGIN: Final = "https://portal.example"


@pytest.fixture(autouse=True)
def _portal_with_a_name(settings: Settings) -> None:
    """Passkeys are bound to a host name; the portal of other tests has an IP address."""
    settings.WATCHWORD = settings.WATCHWORD.model_copy(update={"public_origin": ORIGIN})


@pytest.fixture
def authenticator() -> Authenticator:
    return Authenticator(ORIGIN)
