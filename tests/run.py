"""`make test`: everything on SQLite with the coverage gates, and beside it the control plane on PostgreSQL.

What is the same on every database runs on SQLite alone: tests without a database, and those of pages, forms and rules
that tests/control/conftest.py marks as `any_database`.

The run on PostgreSQL has a lower priority: it computes while the others wait. Its output comes in one piece when it
ends, so that the closing lines of the whole suite are the verdict; if it fails, its own come last.
Arguments are handed to one plain pytest run instead: `make test ARGS="-k receipt"`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTEST = (sys.executable, "-m", "pytest")
# More workers than a small machine has cores, because the tests with real peers wait half of their time. A file's tests
# stay together, so that its real peers start once. See tests/kit/scheduling.py.
PARALLEL = ("-n", "4", "--dist", "loadfile", "--no-loadscope-reorder")
COVERAGE = ("--cov", "--cov-report=")
ON_POSTGRESQL = (
    *("nice", "-n", "5", sys.executable, "-m", "kit.postgres", "--"),
    *(*PYTEST, "tests/control", "tests/worker", "-m", "not any_database"),
)
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}


def announce(command: tuple[str, ...]) -> None:
    sys.stdout.write("$ " + " ".join("python" if part == sys.executable else part for part in command) + "\n")
    sys.stdout.flush()


def run(*command: str) -> int:
    announce(command)
    return subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=False).returncode


class InBackground:
    """A command whose output is written in one piece: when it ends, or by `verdict` if it fails."""

    def __init__(self, *command: str) -> None:
        self._command = command
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._output = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        self._output, _ = self._process.communicate()
        if self._process.returncode == 0:
            self._write()

    def _write(self) -> None:
        announce(self._command)
        sys.stdout.buffer.write(self._output)
        sys.stdout.flush()

    def verdict(self) -> int:
        """Wait for the end, and return the exit status."""
        self._reader.join()
        if self._process.returncode:
            self._write()
        return self._process.returncode


def main(arguments: list[str]) -> int:
    if arguments:
        return run(*PYTEST, *arguments)
    for left_over in ROOT.glob(".coverage*"):
        left_over.unlink()
    on_postgresql = InBackground(*ON_POSTGRESQL)
    on_sqlite = run(*PYTEST, *PARALLEL, *COVERAGE, "-p", "gates")
    return on_postgresql.verdict() or on_sqlite


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
