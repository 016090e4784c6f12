"""`watchword` commands in the test's own process: fast, and on the test's database."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner

from watchword.cli.root import watchword


@dataclass(frozen=True)
class Outcome:
    exit_code: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        return json.loads(self.stdout)


class CommandLine:
    """`run("organization", "list")` as `watchword organization list`."""

    def run(self, *arguments: str, stdin: str | bytes = "") -> Outcome:
        result = CliRunner().invoke(watchword, list(arguments), input=stdin, prog_name="watchword")
        # Click keeps exceptions that a command did not handle; a user would see a traceback.
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr)

    def ok(self, *arguments: str, stdin: str | bytes = "") -> Outcome:
        outcome = self.run(*arguments, stdin=stdin)
        assert outcome.exit_code == 0, outcome.stderr
        return outcome
