"""`make check`: every static check, all of them even when one fails, then one verdict.

As many run at a time as there are processors: in a fresh clone mypy alone keeps one of them busy.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

BIN = Path(sys.executable).parent
ROOT = Path(__file__).resolve().parent.parent
PYTHON = ("src", "tests")

CHECKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    # First, as it takes longest.
    ("types", ("mypy",)),
    ("format", ("ruff", "format", "--check", "--quiet", *PYTHON)),
    ("lint", ("ruff", "check", "--quiet", *PYTHON)),
    ("imports", ("lint-imports",)),
    ("dependencies", ("deptry", "src")),
    ("template format", ("djlint", "src", "--check", "--quiet")),
    ("template lint", ("djlint", "src", "--lint", "--quiet")),
    ("spelling", ("codespell",)),
    ("migrations", ("python", "-m", "django", "makemigrations", "--check", "--dry-run")),
    # Offline on purpose: the environment was just synchronised with `--locked`, which asks the registry when it must.
    ("lock file", ("uv", "lock", "--check", "--offline", "--quiet")),
)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def run(title: str, command: tuple[str, ...], environment: dict[str, str]) -> bool:
    started = time.monotonic()
    program, *arguments = command
    outcome = subprocess.run(
        [BIN / program, *arguments],
        cwd=ROOT,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    passed = outcome.returncode == 0
    mark = "✓" if passed else "✗"
    told = f"{mark} {title} ({time.monotonic() - started:.1f} s): {' '.join(command)}"
    say(told if passed else f"{told}\n{outcome.stdout}")
    return passed


def main() -> int:
    with tempfile.TemporaryDirectory() as data_dir:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "watchword.control.settings",
            # The settings make a secret key where there is none; not in the developer's ./data.
            "WATCHWORD_DATA_DIR": data_dir,
            "UV_PROJECT_ENVIRONMENT": str(ROOT / ".venv"),
            "UV_PYTHON_DOWNLOADS": "never",
        }
        environment.pop("VIRTUAL_ENV", None)
        with ThreadPoolExecutor(os.cpu_count()) as at_once:
            checks = [at_once.submit(run, title, command, environment) for title, command in CHECKS]
    failed = [title for (title, _), check in zip(CHECKS, checks, strict=True) if not check.result()]
    if failed:
        say(f"Failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
