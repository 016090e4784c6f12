"""One stream of log lines for several processes: every line whole, with its role in front."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

RESET = "\x1b[0m"
MAX_LINE_BYTES = 16_384


class LogStream:
    """Thread-safe. `colours` maps a role's name to the escape sequence of its prefix; empty means no colour."""

    def __init__(self, target: IO[str], *, width: int = 8, colours: Mapping[str, str] | None = None) -> None:
        self._target = target
        self._width = width
        self._colours = colours or {}
        self._lock = threading.Lock()

    def say(self, sentence: str) -> None:
        """A line of the supervisor itself."""
        self.write("serve", sentence)

    def write(self, role: str, line: str) -> None:
        prefix = f"{role:<{self._width}} │"
        colour = self._colours.get(role, "")
        # Without a reader of the log the roles run on. A thread that ended here would leave its role's pipe to fill up,
        # and the role would wait for it.
        with self._lock, suppress(OSError):
            self._target.write(f"{colour}{prefix}{RESET if colour else ''} {line}\n")
            self._target.flush()

    def copy(self, role: str, source: IO[bytes]) -> None:
        """Copy lines until the end of `source`; a line without end is cut at 16 KiB, so that memory stays bounded."""
        with source:
            while line := source.readline(MAX_LINE_BYTES):
                self.write(role, line.decode("utf-8", "replace").rstrip("\r\n"))
