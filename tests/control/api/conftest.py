from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit import api_access
from kit.committing import append_only_again, committing

if TYPE_CHECKING:
    from pytest_django import Settings

__all__ = ["append_only_again", "committing"]


@pytest.fixture(autouse=True)
def _cloud(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["testserver", "127.0.0.1"]
    api_access.with_cloud_name(settings)
