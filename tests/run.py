"""`make test`: the kernel compiled, the control plane on PostgreSQL, then everything on SQLite with the coverage gates
of tests/gates.py.

What is the same on every database (the tables of permissions, marked `any_database`) runs in the second part alone.

The order is deliberate: the whole suite comes last, so that pytest's own closing lines are the verdict.
Arguments are handed to one plain pytest run instead: `make test ARGS="-k receipt"`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kit.compiled import compiled

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
PYTEST = (sys.executable, "-m", "pytest")
# One worker more than a small machine has cores, as the tests with real peers wait half of their time; a file's tests
# stay together, so that its real peers start once.
PARALLEL = ("-n", "3", "--dist", "loadfile")
KERNEL = (
    "tests/core",
    "tests/attacks",
    "--ignore-glob=tests/attacks/test_fetching*",
    "tests/feed",
    "tests/properties/test_named_organization.py",
    "tests/properties/test_parsers.py",
    "tests/properties/test_tokens.py",
    "tests/properties/test_verified_tokens.py",
    "tests/verifier/test_app.py",
    "tests/verifier/test_process.py",
)
COVERAGE = ("--cov", "--cov-report=")


def run(*command: str, environment: Mapping[str, str] | None = None) -> int:
    sys.stdout.write("$ " + " ".join("python" if part == sys.executable else part for part in command) + "\n")
    sys.stdout.flush()
    return subprocess.run(
        command, cwd=ROOT, env=environment or {**os.environ, "PYTHONPATH": str(ROOT / "tests")}, check=False
    ).returncode


def main(arguments: list[str]) -> int:
    if arguments:
        return run(*PYTEST, *arguments)
    for left_over in ROOT.glob(".coverage*"):
        left_over.unlink()
    # As an operator's build may compile it. It is asked the same, and has to answer the same.
    with compiled() as environment:
        on_compiled = run(*PYTEST, *KERNEL, *PARALLEL, environment=environment)
    if on_compiled:
        sys.stderr.write("Failed with the kernel compiled; all else is left out.\n")
        return on_compiled
    on_postgresql = run(
        *(sys.executable, "-m", "kit.postgres", "--"),
        *(*PYTEST, "tests/control", "tests/worker", "-m", "not any_database", *PARALLEL),
    )
    if on_postgresql:
        sys.stderr.write("Failed on PostgreSQL; the run on SQLite is left out.\n")
        return on_postgresql
    return run(*PYTEST, *PARALLEL, *COVERAGE, "-p", "gates")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
