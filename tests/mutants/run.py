"""`make mutate`: put each fault of the tables into a copy of the product, and see that its tests notice.

    make mutate ARGS="--only outbound/address" only mutants of files whose name contains this
    make mutate ARGS="--jobs 1"                one at a time

Ends with status 1 if one survives, if its text is not found any more, or if a test fails without any fault.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from mutants.mutant import ROOT, Mutant, Stale
from mutants.proof import NOT_THE_MUTANT
from mutants.tables import ALL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SECONDS: Final = 120
"""For one mutant. One that never ends has been noticed, too."""

_FAILED: Final = re.compile(r"^(?:FAILED|ERROR) (?:tests/)?(\S.*?)(?: - .*)?$", re.MULTILINE)
_PEOPLE: Final = "tests/control/conftest.py"
_LEFT_OUT: Final = shutil.ignore_patterns("__pycache__", "static", "templates")
_OPTIONS: Final = {False: "tests/mutants/killers.ini", True: "tests/mutants/django_killers.ini"}
"""By whether the killers need Django."""

_FOLDERS_OF_TESTS: Final = (
    "attacks",
    "control/identity",
    "core",
    "feed",
    "outbound",
    "jwks",
    "openid",
    "verifier",
    "kit",
    "mutants",
)


class Verdict(Enum):
    KILLED = "killed"
    SURVIVED = "SURVIVED"
    STALE = "STALE"
    BROKEN = "BROKEN"
    """The run says nothing: the mutant cannot be imported, or no test was found."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mutant; `by` is the first test that failed, or why there is none."""

    mutant: Mutant
    verdict: Verdict
    by: str


class Tree:
    """A copy of the product and its tests, in which one mutant at a time is tried."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("src", *(f"tests/{name}" for name in _FOLDERS_OF_TESTS)):
            shutil.copytree(ROOT / name, folder / name, ignore=_LEFT_OUT)
        shutil.copy(ROOT / _PEOPLE, folder / _PEOPLE)
        # Byte code that is checked by its source's hash: two mutants of the same length, a moment apart, have the same
        # size and time.
        rooms = sorted({str(mutant.path.parent) for mutant in ALL})
        compiling = ("-m", "compileall", "-q", "--invalidation-mode", "checked-hash", *rooms)
        subprocess.run([sys.executable, *compiling], cwd=folder, check=True)
        self._bench = subprocess.Popen(
            [sys.executable, "-m", "mutants.bench"],
            cwd=folder,
            env={
                **os.environ,
                # Before the installed package, which leads to the source that was copied.
                "PYTHONPATH": f"{folder / 'src'}{os.pathsep}{folder / 'tests'}",
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                # The children leave their temporary files, such as databases, behind.
                "TMPDIR": str(folder),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        self._bench.communicate()

    def tests(self, names: Iterable[str], *, mutant: Mutant, until_one_fails: bool = True) -> tuple[int | None, str]:
        """Run tests against this copy; the exit status of pytest, None without an end, and what it printed."""
        arguments = ["-c", _OPTIONS[mutant.with_django], "--rootdir", str(self.folder)]
        order = {
            "arguments": [*arguments, *(("-x",) if until_one_fails else ()), *(f"tests/{name}" for name in names)],
            "environment": {"MUTANT_MODULE": mutant.module, "MUTANT_FILE": str(self.folder / mutant.path)},
            "seconds": SECONDS if until_one_fails else None,
        }
        if self._bench.stdin is None or self._bench.stdout is None:
            raise RuntimeError("The bench has no pipes.")
        self._bench.stdin.write(json.dumps(order) + "\n")
        self._bench.stdin.flush()
        answer = json.loads(self._bench.stdout.readline())
        return answer["status"], answer["printed"]

    def fate_of(self, mutant: Mutant) -> Fate:
        path = self.folder / mutant.path
        source = path.read_text(encoding="utf-8")
        try:
            path.write_text(mutant.applied_to(source), encoding="utf-8")
            status, output = self.tests(mutant.killers, mutant=mutant)
        except Stale as stale:
            return Fate(mutant, Verdict.STALE, str(stale))
        finally:
            path.write_text(source, encoding="utf-8")
        return _fate(mutant, status, output)


def _fate(mutant: Mutant, status: int | None, output: str) -> Fate:
    if status is None:
        return Fate(mutant, Verdict.KILLED, f"no end within {SECONDS} s")
    if status == 0:
        return Fate(mutant, Verdict.SURVIVED, "by none of " + ", ".join(mutant.killers))
    failed = _FAILED.search(output)
    # Status 1: tests ran and one failed. Any other is about the run itself.
    if status != 1 or failed is None:
        last = next((line for line in reversed(output.splitlines()) if line.strip()), "no output")
        said = "not the mutant: " if status == NOT_THE_MUTANT else ""
        return Fate(mutant, Verdict.BROKEN, said + last)
    return Fate(mutant, Verdict.KILLED, failed[1])


def hunt(mutants: Sequence[Mutant], jobs: int) -> Iterable[Fate]:
    """Try the mutants, each in a copy of its own for as long as it lasts; the fates in the order of the mutants.

    Raises:
        RuntimeError: a killer fails without any mutant, so that it would kill every one.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        trees = [stack.enter_context(closing(Tree(Path(folder) / str(number)))) for number in range(jobs)]
        for alike in filter(None, ([each for each in mutants if each.with_django is needed] for needed in _OPTIONS)):
            killers = dict.fromkeys(killer for mutant in alike for killer in mutant.killers)
            status, output = trees[0].tests(killers, mutant=alike[0], until_one_fails=False)
            if status != 0:
                raise RuntimeError(output)
        free: SimpleQueue[Tree] = SimpleQueue()
        for tree in trees:
            free.put(tree)

        def tried(mutant: Mutant) -> Fate:
            tree = free.get()
            try:
                return tree.fate_of(mutant)
            finally:
                free.put(tree)

        with ThreadPoolExecutor(jobs) as pool:
            yield from pool.map(tried, mutants)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make mutate", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="mutants of files whose name, or whose sentence, contains this")
    parser.add_argument("--jobs", type=int, default=2, help="how many at the same time")
    chosen = parser.parse_args(arguments)
    mutants = [each for each in ALL if chosen.only in each.file or chosen.only in each.removes]
    if not mutants:
        parser.error("No mutant fits.")
    started = time.monotonic()
    say(f"{len(mutants)} mutants. First their killers, on the code as it is.")
    fates: list[Fate] = []
    try:
        for fate in hunt(mutants, chosen.jobs):
            fates.append(fate)
            say(f"{fate.verdict.value:9} {fate.mutant.file:24} Without {fate.mutant.removes}: {fate.by}")
    except RuntimeError as failed:
        say(f"{failed}\nThe killers fail although nothing is wrong; no mutant was tried.")
        return 1
    counts = ", ".join(f"{sum(fate.verdict is each for fate in fates)} {each.value}" for each in Verdict)
    say(f"{counts}, in {time.monotonic() - started:.0f} s.")
    return 0 if all(fate.verdict is Verdict.KILLED for fate in fates) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
