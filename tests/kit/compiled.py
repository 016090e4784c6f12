"""The product with its kernel compiled, as an operator's build makes it: docs/decisions/0011."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
VARIABLE: Final = "WATCHWORD_TEST_COMPILED_KERNEL"
"""Says that the kernel under test is to be compiled; `tests/core/test_compiled.py` sees that it is."""

BUILD_SECONDS: Final = 300


def is_asked_for() -> bool:
    """Say whether this process is to test the compiled kernel."""
    return VARIABLE in os.environ


@contextmanager
def compiled() -> Iterator[dict[str, str]]:
    """The environment of processes that import the compiled kernel."""
    with tempfile.TemporaryDirectory(prefix="watchword-compiled-") as folder:
        _build(Path(folder))
        paths = [folder, str(ROOT / "tests")]
        yield {**os.environ, "PYTHONPATH": os.pathsep.join(paths), VARIABLE: "1"}


def _build(folder: Path) -> None:
    program = (str(Path(sys.executable).with_name("uv")), "build", "--quiet")
    # The environment of the tests holds all that the build needs: nothing is downloaded.
    place = ("--wheel", "--no-build-isolation", "--offline", "--python", sys.executable, "--out-dir", str(folder))
    environment = {**os.environ, "HATCH_BUILD_HOOK_ENABLE_CUSTOM": "true"}
    outcome = subprocess.run(
        (*program, *place),
        cwd=ROOT,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
    )
    if outcome.returncode != 0:
        raise RuntimeError(f"The kernel could not be compiled; are gcc and Python's headers here?\n{outcome.stderr}")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
