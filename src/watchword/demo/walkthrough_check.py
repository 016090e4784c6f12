"""Runs the walk-through's own commands and compares what they answer with what the walk-through says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from watchword.demo.walkthrough import Walkthrough

COMMAND_SECONDS = 30.0
# Changes reach verifiers within 5 s; the rest is for a machine that is busy.
LIMIT_SECONDS = 30.0
RETRY_SECONDS = 0.25
CALLS_AFTER_KILL = 20
# Those before need a host's address as an option: they ask the resolver, which may not know names below `localhost`
# (RFC 6761 section 6.3).
FINDS_LOCALHOST = (7, 85)
_VERSION = re.compile(r"curl ([0-9]+)\.([0-9]+)", re.ASCII)
_STATUS = re.compile(r"\AHTTP/[0-9.]+ ([0-9]{3})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one step of the walk-through.

    Attributes:
        status: the last one of the API, or the command's exit status; None when there was none.
    """

    title: str
    expected: int
    status: int | None
    seconds: float

    @property
    def passed(self) -> bool:
        return self.status == self.expected


class CurlMissing(Exception):
    """The walk-through's commands cannot be run here."""


def curl_options(version: str, port: int) -> str:
    """Options for the API's hosts, with a space at the end, by the output of `curl --version`."""
    found = _VERSION.match(version)
    if found is None or (int(found[1]), int(found[2])) >= FINDS_LOCALHOST:
        return ""
    return "".join(f"--resolve {host}.localhost:{port}:127.0.0.1 " for host in ("acme", "globex"))


def curl_version() -> str:
    """The output of `curl --version`; empty if there is no curl."""
    path = shutil.which("curl")
    if path is None:
        return ""
    command = (path, "--version")
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=COMMAND_SECONDS)  # noqa: S603 - fixed.
    return done.stdout


class Runner:
    """Runs the printed commands with `sh`, keeping the tokens between them as the visitor's shell would.

    Args:
        walkthrough: has the commands.
        directory: in which they run and write files.
    """

    def __init__(self, walkthrough: Walkthrough, directory: str | None = None) -> None:
        if shutil.which("curl") is None:
            raise CurlMissing
        self._directory = directory
        self._walkthrough = walkthrough
        self._tokens: dict[str, str] = {}

    def get_token(self) -> None:
        self._tokens["TOKEN"] = self._shell(f'{self._walkthrough.get_token}\nprintf %s "$TOKEN"')

    def get_globex_token(self) -> None:
        self._tokens["GLOBEX_TOKEN"] = self._shell(f'{self._walkthrough.get_globex_token}\nprintf %s "$GLOBEX_TOKEN"')

    def get_management_token(self) -> None:
        script = f'{self._walkthrough.get_management_token}\nprintf %s "$MANAGEMENT_TOKEN"'
        self._tokens["MANAGEMENT_TOKEN"] = self._shell(script)

    def get_token_with_role(self) -> None:
        self._tokens["ROLE_TOKEN"] = self._shell(f'{self._walkthrough.get_token_with_role}\nprintf %s "$ROLE_TOKEN"')

    def operator_code(self) -> str:
        return self._shell(self._walkthrough.operator_code).strip()

    def rotate(self) -> None:
        self._shell(self._walkthrough.rotate)

    def kill(self) -> None:
        self._shell(self._walkthrough.kill)

    def status_of(self, command: str) -> int | None:
        match = _STATUS.match(self._shell(command))
        return None if match is None else int(match[1])

    def expect(self, title: str, command: str, expected: int) -> Result:
        """Run `command` until it answers with the expected status, for 30 s at most."""
        started = time.monotonic()
        while (status := self.status_of(command)) != expected and time.monotonic() - started < LIMIT_SECONDS:
            time.sleep(RETRY_SECONDS)
        return Result(title=title, expected=expected, status=status, seconds=time.monotonic() - started)

    def expect_each(self, title: str, command: str, expected: int, times: int) -> Result:
        """Run `command` so many times; the first other status is the result."""
        started = time.monotonic()
        status: int | None = expected
        for _ in range(times):
            status = self.status_of(command)
            if status != expected:
                break
        return Result(title=title, expected=expected, status=status, seconds=time.monotonic() - started)

    def exits(self, title: str, commands: Sequence[str], expected: int) -> Result:
        """Run the commands in one shell; the exit status of the last one is the result."""
        started = time.monotonic()
        status = self._run("\n".join(commands)).returncode
        return Result(title=title, expected=expected, status=status, seconds=time.monotonic() - started)

    def _shell(self, script: str) -> str:
        return self._run(script).stdout

    def _run(self, script: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **self._tokens}
        return subprocess.run(  # noqa: S603 - the script is made above, of values that were quoted.
            ["/bin/sh", "-c", script],
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            cwd=self._directory,
        )


def check(walkthrough: Walkthrough, *, enable: Callable[[], None], disable: Callable[[], None]) -> Iterator[Result]:
    """Go through all steps against the running demo; `enable` and `disable` do what a visitor does in the portal.

    Raises:
        CurlMissing: there is no curl.
    """
    with tempfile.TemporaryDirectory(prefix="watchword-demo-files-") as directory:
        runner = Runner(walkthrough, directory)
        yield from _calls(runner, walkthrough, enable=enable, disable=disable)
        yield from _management(runner, walkthrough)


def _calls(
    runner: Runner, walkthrough: Walkthrough, *, enable: Callable[[], None], disable: Callable[[], None]
) -> Iterator[Result]:
    runner.get_token()
    yield runner.expect("a token of the registered authorization server", walkthrough.call, 200)
    yield runner.expect("one character of the signature changed", walkthrough.call_altered, 401)
    yield runner.expect("Acme's token at Globex", walkthrough.call_globex_as_acme, 401)
    runner.get_globex_token()
    yield runner.expect("Globex's own token", walkthrough.call_globex, 200)
    runner.rotate()
    yield runner.expect("the old token after a rotation with overlap", walkthrough.call, 200)
    runner.get_token()
    yield runner.expect("a token by the new key", walkthrough.call, 200)
    runner.kill()
    title = f"{CALLS_AFTER_KILL} calls after one verifier was killed, none refused"
    yield runner.expect_each(title, walkthrough.call, 200, CALLS_AFTER_KILL)
    yield runner.expect("the killed verifier, started again", walkthrough.ask_killed, 200)
    disable()
    yield runner.expect("the server disabled in the portal", walkthrough.call, 401)
    enable()
    yield runner.expect("the server enabled again", walkthrough.call, 200)


def _management(runner: Runner, walkthrough: Walkthrough) -> Iterator[Result]:
    steps = walkthrough.management
    runner.get_management_token()
    yield runner.expect("the management API, by a token with the scope of an API role", steps.list_with_scope, 200)
    yield runner.expect("the management API, by a token without it", steps.list_without_scope, 403)
    changed = (steps.use_key, steps.write_file, steps.apply_file)
    yield runner.exits("apply of a changed file", changed, 2)
    yield runner.exits("the same file again: nothing to do", (steps.use_key, steps.apply_file), 0)
    yield runner.exits("an API role created and required", (steps.use_key, steps.add_role, steps.require_role), 0)
    yield runner.expect("a token without the required API role", walkthrough.call, 403)
    runner.get_token_with_role()
    yield runner.expect("a token with its scope", walkthrough.call_with_role, 200)
    yield runner.exits("no API role required any more", (steps.use_key, steps.require_no_role), 0)
