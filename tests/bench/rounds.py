"""Several subjects, measured in alternating rounds: what counts is the ratio of medians within one run."""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.table import Table

from bench.cores import processor_seconds
from bench.wrk import BEARER, CONNECTIONS, Load, load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from bench.report import Section


@dataclass(frozen=True)
class Effort:
    """How long to measure; `tokens` is above what a core can verify in all rounds, so that none comes twice."""

    rounds: int
    seconds: int
    tokens: int


FULL = Effort(rounds=3, seconds=2, tokens=60_000)
QUICK = Effort(rounds=2, seconds=1, tokens=25_000)


@dataclass
class Subject:
    """One line of a table.

    Attributes:
        name, kind: what is measured, and with which tokens.
        port, pid: where it listens, and the process whose time is counted.
        tokens: file of paths and tokens.
        distinct: how many lines the file has where none may come twice, else None.
        known: how many tokens must have come once before it is measured.
        credential: the header with the token, and what its value has before it.
        connections: how many requests wait for a response at the same time.
    """

    name: str
    kind: str
    port: int
    pid: int
    tokens: Path
    distinct: int | None = None
    known: int = 1
    credential: tuple[str, str] = BEARER
    connections: int = CONNECTIONS
    sent: int = 0
    per_second: list[float] = field(default_factory=list)
    microseconds: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    remarks: set[str] = field(default_factory=set)

    def measure(self, seconds: int) -> None:
        before = processor_seconds(self.pid)
        result = self.load(seconds)
        spent = processor_seconds(self.pid) - before
        self.per_second.append(result.per_second)
        self.microseconds.append(spent / max(result.requests, 1) * 1e6)
        self.p50.append(result.p50)
        self.p99.append(result.p99)
        if not result.requests:
            self.remarks.add("no response in a round")
        if result.failures:
            self.remarks.add(f"{result.failures} failures")
        if self.distinct is not None and self.sent > self.distinct:
            self.remarks.add("tokens came twice")

    def load(self, seconds: int) -> Load:
        result = load(
            self.port,
            self.tokens,
            seconds=seconds,
            start=self.sent,
            credential=self.credential,
            connections=self.connections,
        )
        self.sent += result.requests
        return result

    @property
    def median(self) -> float:
        return statistics.median(self.per_second)

    def cells(self) -> tuple[str, ...]:
        spread = f"{min(self.per_second):,.0f} to {max(self.per_second):,.0f}"
        microseconds = f"{statistics.median(self.microseconds):.1f}"
        within = (f"{statistics.median(each):.1f}" for each in (self.p50, self.p99))
        remarks = ", ".join(sorted(self.remarks))
        return (self.name, self.kind, f"{self.median:,.0f}", spread, microseconds, *within, remarks)


HEADINGS = ("what", "tokens", "requests/s", "spread", "processor, µs", "p50, ms", "p99, ms", "remarks")


def alternate(subjects: Sequence[Subject], effort: Effort, console: Console) -> None:
    """Measure all of them, round by round; every second round the other way about."""
    for number in range(effort.rounds):
        console.print(f"Round {number + 1} of {effort.rounds}: {len(subjects)} subjects, {effort.seconds} s each ...")
        for subject in subjects if number % 2 == 0 else reversed(subjects):
            subject.measure(effort.seconds)


def show(section: Section, console: Console, started: float) -> None:
    table = Table(*section.headings, title=section.title)
    for row in section.rows:
        table.add_row(*(cell.replace("**", "") for cell in row))
    console.print(table)
    for sentence in section.sentences:
        console.print(sentence.replace("**", ""))
    console.print(f"{time.monotonic() - started:.0f} s in all; load average {os.getloadavg()[0]:.1f}.")


def ratio(subjects: Sequence[Subject], ours: tuple[str, str], theirs: tuple[str, str]) -> float:
    median = {(subject.name, subject.kind): subject.median for subject in subjects}
    return median[ours] / median[theirs]


def warm_up(subjects: Sequence[Subject]) -> None:
    """Let every token that is to be reused come once."""
    for subject in subjects:
        sent = 0
        while subject.distinct is None and sent < subject.known:
            sent += subject.load(1).requests
