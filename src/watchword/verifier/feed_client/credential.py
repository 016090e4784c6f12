"""The secret with which a verifier reads the feed, as its file has it now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from watchword.runtime.outages import Outage
from watchword.settings.base import SettingsProblem

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

_log = structlog.get_logger("watchword.verifier.feed")


class Credential:
    """Read for each request, so that an operator can replace the file while the verifier runs. Several threads use it.

    A file that cannot be read, as while it is being replaced, leaves the last secret in use.
    """

    def __init__(self, read: Callable[[], SecretStr]) -> None:
        """Read the secret for the first time.

        Raises:
            SettingsProblem: there is none.
        """
        self._read = read
        self._last = read()
        self._outage = Outage(_log, "credential_unreadable", over="credential_readable_again", level="warning")

    def current(self) -> SecretStr:
        try:
            secret = self._read()
        except SettingsProblem as problem:
            # The sentence has the name of the file and nothing of its content.
            self._outage.failed(problem=str(problem))
            return self._last
        self._outage.succeeded()
        if secret != self._last:
            self._last = secret
            _log.info("credential_replaced")
        return secret
