"""Another version of Python with the kernel's dependencies, for tests that compare two of them.

Of the installed versions that the product supports, it is the one that differs most from that of the tests. Its
environment is made from uv.lock, once, under .cache.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
OLDEST: Final = (3, 11)
SECONDS: Final = 120
NONE: Final = (
    "No second version of Python (3.11 or later) is installed here, so nothing was compared. Install one, such as "
    "python3.13, on the PATH or with pyenv. Where CI is set in the environment this is a failure."
)

_NAME = re.compile(r"python3\.[0-9]+")
_VERSION = "import sys; print(*sys.version_info[:2], sys.executable)"


class NoOtherInterpreter(Exception):
    """None is installed."""


@cache
def other_python() -> Path:
    """The interpreter in its environment.

    Raises:
        NoOtherInterpreter: none is installed.
    """
    version, python = _farthest()
    folder = ROOT / ".cache" / f"python{version[0]}.{version[1]}"
    # Only packages in uv.lock, and no network if the environment or uv's cache has them.
    command = ("sync", "--quiet", "--locked", "--only-group", "kernel", "--python", str(python))
    environment = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(folder), "UV_PYTHON_DOWNLOADS": "never"}
    environment.pop("VIRTUAL_ENV", None)
    uv = str(Path(sys.executable).with_name("uv"))
    outcome = subprocess.run(
        (uv, *command), cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=SECONDS
    )
    if outcome.returncode != 0:
        raise RuntimeError(f"No environment for {python} could be made:\n{outcome.stderr}")
    return folder / "bin" / "python"


def its_environment() -> dict[str, str]:
    """The import path of the other interpreter: the product's sources and the tests."""
    paths = os.pathsep.join(str(ROOT / name) for name in ("src", "tests"))
    return {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}


def asked(module: str, question: str) -> str:
    """The output of a module on the other interpreter for this input."""
    outcome = subprocess.run(
        (str(other_python()), "-m", module),
        input=question,
        env=its_environment(),
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SECONDS,
    )
    if outcome.returncode != 0:
        raise RuntimeError(f"{module} failed on {other_python()}:\n{outcome.stderr}")
    return outcome.stdout


def _farthest() -> tuple[tuple[int, int], Path]:
    here = sys.version_info[:2]
    found = [(_version_of(python), python) for python in _candidates()]
    others = [(version, python) for version, python in found if version >= OLDEST and version != here]
    if not others:
        raise NoOtherInterpreter(NONE)
    return max(others, key=lambda row: abs(row[0][1] - here[1]))


def _candidates() -> list[Path]:
    folders = [Path(folder) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders += [*sorted(pyenv.glob("versions/*/bin")), *sorted((Path.home() / ".local/share/uv/python").glob("*/bin"))]
    # A shim of pyenv starts the version chosen for the folder, and often none.
    folders = [folder for folder in dict.fromkeys(folders) if folder.is_dir() and folder.name != "shims"]
    return [path for folder in folders for path in sorted(folder.iterdir()) if _NAME.fullmatch(path.name)]


def _version_of(python: Path) -> tuple[int, int]:
    """The version; 0.0 if it does not start."""
    try:
        said = subprocess.run(
            (str(python), "-c", _VERSION), check=True, capture_output=True, text=True, timeout=30
        ).stdout
        major, minor, _ = said.split(maxsplit=2)
    except (OSError, ValueError, subprocess.SubprocessError):
        return 0, 0
    return int(major), int(minor)


def main() -> None:
    """Make the environment, or report that there is none: for `make test`, before the network is closed."""
    try:
        sys.stdout.write(f"Another interpreter for the tests: {other_python()}\n")
    except NoOtherInterpreter as missing:
        sys.stderr.write(f"{missing}\n")


if __name__ == "__main__":
    main()
