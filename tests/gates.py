"""A pytest plugin: fails the run when a room's coverage, branches included, is below its gate."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import coverage
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Gate:
    room: str
    percent: float
    include: tuple[str, ...]
    omit: tuple[str, ...] = ("*/migrations/*",)


DECIDING = (
    "src/watchword/core/*",
    "src/watchword/feed/*",
    "src/watchword/outbound/*",
    "src/watchword/jwks/*",
    "src/watchword/openid/*",
    "src/watchword/control/*/rules.py",
    "src/watchword/control/*/commands.py",
    "src/watchword/control/*/*_commands.py",
    "src/watchword/control/identity/factors/*",
)
GATES = (
    Gate("what decides: core, feed, outbound, jwks, openid, rules, commands", 100, DECIDING),
    Gate("everything else", 95, ("src/watchword/*",), (*DECIDING, "*/migrations/*")),
)


def measure(gate: Gate) -> tuple[float, str]:
    """The room's coverage in percent, and its report with the lines that no test reached."""
    measured = coverage.Coverage()
    measured.load()
    text = io.StringIO()
    percent = measured.report(
        include=list(gate.include),
        omit=list(gate.omit),
        show_missing=True,
        skip_covered=True,
        skip_empty=True,
        file=text,
    )
    return percent, text.getvalue()


class Gatekeeper:
    def __init__(self) -> None:
        self.reports: list[str] = []

    # Before the terminal reporter's closing lines, and after pytest-cov has combined what the workers measured.
    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        # After a failed test, unreached lines mean nothing.
        for gate in GATES if session.exitstatus == pytest.ExitCode.OK else ():
            percent, report = measure(gate)
            if percent >= gate.percent:
                self.reports.append(f"Coverage of {gate.room}: {percent:.2f} %, gate {gate.percent:.0f} %.")
                continue
            self.reports.append(f"{report}Coverage of {gate.room}: {percent:.2f} % is below {gate.percent:.0f} %.")
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        yield

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.reports:
            terminalreporter.section("coverage gates")
        for report in self.reports:
            terminalreporter.line(report)


def pytest_configure(config: pytest.Config) -> None:
    # Workers of pytest-xdist see only their own share.
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Gatekeeper(), "gatekeeper")
