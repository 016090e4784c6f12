"""The demo's walk-through: shell commands that work when pasted; `watchword demo --check` runs the same ones."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from watchword.demo.issuing import DemoClient

COMMAND_SECONDS = 10.0
# Deny changes reach verifiers within 5 s and new keys a little later; beyond this, something is wrong.
PATIENCE_SECONDS = 10.0
RETRY_SECONDS = 0.25
_STATUS = re.compile(r"\AHTTP/[0-9.]+ ([0-9]{3})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Origins of the running demo, and the file with its certificate authority."""

    portal: str
    verifier: str
    authorization_server: str
    api: str
    authority: Path
    organization: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    email: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Walkthrough:
    """Everything that is printed. The commands are for any POSIX shell with curl and sed."""

    places: Places
    client: DemoClient
    administrator: SignIn
    operator: SignIn
    administrator_of_expired: SignIn

    @property
    def get_token(self) -> str:
        answer = (
            f"curl -s --cacert {shlex.quote(str(self.places.authority))} "
            f"-u {shlex.quote(f'{self.client.id}:{self.client.secret}')} "
            f"-d grant_type=client_credentials {self.places.authorization_server}/token"
        )
        return f"""TOKEN=$({answer} | sed -n 's/.*"access_token": "\\([^"]*\\)".*/\\1/p')"""

    @property
    def call(self) -> str:
        return f'curl -si -H "Authorization: Bearer $TOKEN" {self.places.api}/invoices'

    @property
    def call_altered(self) -> str:
        # The first character of the signature becomes an A, or a B where it is an A already.
        change = "-e 's/\\.A\\([^.]*\\)$/.B\\1/' -e t -e 's/\\.[^.]\\([^.]*\\)$/.A\\1/'"
        altered = f'$(printf %s "$TOKEN" | sed {change})'
        return f'curl -si -H "Authorization: Bearer {altered}" {self.places.api}/invoices'

    @property
    def rotate(self) -> str:
        authority = shlex.quote(str(self.places.authority))
        return f"curl -s --cacert {authority} -X POST {self.places.authorization_server}/rotate"

    def text(self) -> str:
        """The printed walk-through, without colours."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        places = self.places
        yield "Watchword is running with throw-away data. Ctrl-C stops it."
        yield ""
        yield f"  Admin Portal          {places.portal}"
        yield f"    administrator       {self.administrator.email}   password  {self.administrator.password}"
        yield f"    operator            {self.operator.email}   password  {self.operator.password}"
        yield f"  Verifier              {places.verifier}/verify/plain/{places.organization}"
        yield f"  Authorization server  {places.authorization_server}   (its keys: /jwks)"
        yield f"  Sample API            {places.api}   (asks the verifier about every request)"
        yield ""
        if shutil.which("curl") is None:
            yield "The commands below need curl, which is not installed here (on Debian: apt install curl)."
            yield ""
        yield "1. Get an access token, then call the API with it: 200, and who the caller is."
        yield ""
        yield f"{self.get_token}"
        yield f"{self.call}"
        yield ""
        yield "2. The same token with one character of its signature changed: 401."
        yield ""
        yield f"{self.call_altered}"
        yield ""
        yield "3. Give the authorization server a new signing key. The old token stays good, and new ones become good"
        yield "   within seconds, because the verifier reports the key it does not know. With '/rotate?overlap=no' the"
        yield "   old key is withdrawn at once, and the old token is refused after the next fetch."
        yield ""
        yield f"{self.rotate}"
        yield f"{self.get_token}"
        yield f"{self.call}"
        yield ""
        yield "4. Sign in to the portal and disable DemoServer under Administration > API Configuration > Legacy API >"
        yield "   Internet & SaaS API > OAuth 2.0 Authorization Servers. Call again: 401. Enable it again: 200."
        yield ""
        yield "5. Ask for a token for another API (add '-d resource=https://other.example' to the token request): 401."
        yield "   Delete DemoServer and add it again, with Validate and Save:"
        yield f"   OAuth 2.0 JWKS Location  {places.authorization_server}/jwks"
        yield ""
        yield "6. Sign in as the operator and suspend the organization under Operator Console > Organizations. Call:"
        yield "   403, and its administrators can change nothing. Reinstate it: 200. Audit Logs tell who did what."
        yield ""
        yield f"7. Sign in as {self.administrator_of_expired.email}, password {self.administrator_of_expired.password}:"
        yield "   the API subscription of Initech has expired, and its page says that tokens are refused."


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one step of the walk-through. `status` is the API's last one, None when there was none."""

    title: str
    expected: int
    status: int | None
    seconds: float

    @property
    def passed(self) -> bool:
        return self.status == self.expected


class CurlMissing(Exception):
    """The walk-through's commands cannot be run here."""


class Runner:
    """Runs the printed commands with `sh`, keeping TOKEN between them as the visitor's shell would."""

    def __init__(self, walkthrough: Walkthrough) -> None:
        if shutil.which("curl") is None:
            raise CurlMissing
        self._walkthrough = walkthrough
        self._token = ""

    def get_token(self) -> None:
        self._token = self._shell(f'{self._walkthrough.get_token}\nprintf %s "$TOKEN"')

    def rotate(self) -> None:
        self._shell(self._walkthrough.rotate)

    def status_of(self, command: str) -> int | None:
        match = _STATUS.match(self._shell(command))
        return None if match is None else int(match[1])

    def expect(self, title: str, command: str, expected: int) -> Result:
        """Run `command` until it answers with the expected status, for 10 s at most."""
        started = time.monotonic()
        while (status := self.status_of(command)) != expected and time.monotonic() - started < PATIENCE_SECONDS:
            time.sleep(RETRY_SECONDS)
        return Result(title=title, expected=expected, status=status, seconds=time.monotonic() - started)

    def _shell(self, script: str) -> str:
        environment = {**os.environ, "TOKEN": self._token}
        done = subprocess.run(  # noqa: S603 - the script is made above, of values that were quoted.
            ["/bin/sh", "-c", script],
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        return done.stdout


def check(walkthrough: Walkthrough, *, enable: Callable[[], None], disable: Callable[[], None]) -> Iterator[Result]:
    """Go through all steps against the running demo; `enable` and `disable` do what a visitor does in the portal.

    Raises:
        CurlMissing: there is no curl.
    """
    runner = Runner(walkthrough)
    runner.get_token()
    yield runner.expect("a token of the registered authorization server", walkthrough.call, 200)
    yield runner.expect("one character of the signature changed", walkthrough.call_altered, 401)
    runner.rotate()
    yield runner.expect("the old token after a rotation with overlap", walkthrough.call, 200)
    runner.get_token()
    yield runner.expect("a token by the new key", walkthrough.call, 200)
    disable()
    yield runner.expect("the server disabled in the portal", walkthrough.call, 401)
    enable()
    yield runner.expect("the server enabled again", walkthrough.call, 200)
