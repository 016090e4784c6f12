from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit.committing import append_only_again, committing
from kit.sign_in_settings import assign, enabled, strong

if TYPE_CHECKING:
    from watchword.control.identity.models import Person, SingleSignOn

__all__ = ["append_only_again", "committing"]


@pytest.fixture
def configured(alice: Person) -> SingleSignOn:
    """Acme's single sign-on, enabled, with its domain; new people get the role of Alice."""
    assign()
    return enabled(strong(alice))
