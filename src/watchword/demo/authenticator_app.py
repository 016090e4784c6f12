"""The operator's authenticator app in the demo: it gives out codes that work."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from watchword.control.identity.factors.totp import PERIOD, code_at

if TYPE_CHECKING:
    from collections.abc import Callable

OPERATOR_CODE_PATH: Final = "/operator-code"
"""Where the demo's server gives out the codes."""


class DemoApp:
    """Thread-safe.

    The portal accepts the code of each time step once, so that each call gets another one: the present one, or the next
    one a step early. A third within the same 30 seconds has to wait.
    """

    def __init__(
        self, secret: str, *, clock: Callable[[], float] = time.time, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._secret = secret
        self._clock = clock
        self._wait = wait
        self._lock = threading.Lock()
        self._last = 0

    def code(self) -> str:
        with self._lock:
            present = int(self._clock()) // PERIOD
            step = max(present, self._last + 1)
            if step > present + 1:
                self._wait((step - 1) * PERIOD - self._clock())
            self._last = step
        return code_at(self._secret, step)
