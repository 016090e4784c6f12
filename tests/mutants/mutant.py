"""One deliberate fault, and the tests that must notice it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
PACKAGE: Final = Path("src/watchword")


class Stale(Exception):
    """The text that a mutant replaces is not there exactly once: the code has changed and the mutant must follow."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A check that is taken out or weakened.

    Attributes:
        file: below src/watchword.
        removes: what is missing then, as the end of "Without …".
        old: must occur exactly once in the file.
        new: what stands there instead.
        killers: tests below tests/, as pytest names them; at least one must fail.
        with_django: whether they need Django and a database, which takes a few seconds for each mutant.
    """

    file: str
    removes: str
    old: str
    new: str
    killers: tuple[str, ...]
    with_django: bool = False

    @property
    def path(self) -> Path:
        return PACKAGE / self.file

    @property
    def module(self) -> str:
        return "watchword." + self.file.removesuffix(".py").replace("/", ".")

    def applied_to(self, source: str) -> str:
        """The source with the fault in it.

        Raises:
            Stale: with how often the old text occurs.
        """
        found = source.count(self.old)
        if found != 1:
            raise Stale(f"{self.file}: the text that stands for “{self.removes}” occurs {found} times.")
        return source.replace(self.old, self.new)
