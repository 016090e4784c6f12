"""The operator's settings for fetching, for tests that need their own policy."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest.mock import patch

from django.test import override_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword.jwks.fetch import FetchPolicy


class Operator:
    """The settings that a validation and its page read in addition to the policy."""

    refresh_interval = 300
    keys_hard_limit = 86_400
    support_contact = None
    documentation_url = ""


@contextmanager
def operator_allows(policy: FetchPolicy) -> Iterator[None]:
    """Let validations use `policy`; settings cannot express one with its own resolver."""
    with (
        override_settings(WATCHWORD=Operator()),
        patch("watchword.control.servers.validate.fetch_policy", lambda _: policy),
    ):
        yield
