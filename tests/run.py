"""`make test`: the control plane on PostgreSQL, then everything on SQLite with the coverage gates of tests/gates.py.

What is the same on every database runs in the second part alone: tests without a database, and those of pages, forms
and rules that tests/control/conftest.py marks as `any_database`.

The order is deliberate: the whole suite comes last, so that pytest's own closing lines are the verdict.
Arguments are handed to one plain pytest run instead: `make test ARGS="-k receipt"`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTEST = (sys.executable, "-m", "pytest")
# One worker more than a small machine has cores, as the tests with real peers wait half of their time (with a fourth,
# key servers sometimes answered later than the 5 s that a fetch may take); a file's tests
# stay together, so that its real peers start once.
# tests/conftest.py orders the files: what takes long begins early, or one core would wait for the last file.
PARALLEL = ("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")
COVERAGE = ("--cov", "--cov-report=")


def run(*command: str) -> int:
    sys.stdout.write("$ " + " ".join("python" if part == sys.executable else part for part in command) + "\n")
    sys.stdout.flush()
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def main(arguments: list[str]) -> int:
    if arguments:
        return run(*PYTEST, *arguments)
    for left_over in ROOT.glob(".coverage*"):
        left_over.unlink()
    on_postgresql = run(
        *(sys.executable, "-m", "kit.postgres", "--"),
        *(*PYTEST, "tests/control", "tests/worker", "-m", "not any_database", *PARALLEL),
    )
    if on_postgresql:
        sys.stderr.write("Failed on PostgreSQL; the run on SQLite is skipped.\n")
        return on_postgresql
    return run(*PYTEST, *PARALLEL, *COVERAGE, "-p", "gates")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
