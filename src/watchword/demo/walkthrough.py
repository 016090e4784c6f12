"""The demo's walk-through: shell commands that work when pasted; `watchword demo --check` runs the same ones."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchword.core.named_organization import scope_of
from watchword.demo.authenticator_app import OPERATOR_CODE_PATH
from watchword.demo.management_steps import API_ROLE, CLOUD_NAME, REQUIRED_ROLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from watchword.demo.issuing import DemoClient
    from watchword.demo.management_steps import ManagementSteps


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningVerifier:
    """Where a verifier answers gateways, and the id of its process."""

    origin: str
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Addresses of the running demo, and the file with its certificate authority.

    Attributes:
        api: with `{organization}` in its host.
        curl_options: before the API's address, for a curl that does not find *.localhost.
    """

    portal: str
    verifiers: tuple[RunningVerifier, RunningVerifier]
    authorization_server: str
    api: str
    authority: Path
    curl_options: str = ""

    def api_of(self, organization: str) -> str:
        return self.api.replace("{organization}", organization)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    email: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """An administrator of each organization, and the operator."""

    acme: SignIn
    globex: SignIn
    initech: SignIn
    operator: SignIn


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The client of each organization whose API is called, and the portal as a client of the OpenID provider."""

    acme: DemoClient
    globex: DemoClient
    portal: DemoClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Walkthrough:
    """Everything that is printed. The commands are for any POSIX shell with curl and sed.

    Attributes:
        app_secret: of the operator's authenticator app.
    """

    places: Places
    clients: Clients
    people: People
    app_secret: str
    management: ManagementSteps

    @property
    def get_token(self) -> str:
        return self._get_token("TOKEN", self.clients.acme)

    @property
    def get_globex_token(self) -> str:
        return self._get_token("GLOBEX_TOKEN", self.clients.globex)

    @property
    def get_management_token(self) -> str:
        return self._get_token("MANAGEMENT_TOKEN", self.clients.acme, self._scope(API_ROLE))

    @property
    def get_token_with_role(self) -> str:
        return self._get_token("ROLE_TOKEN", self.clients.acme, self._scope(REQUIRED_ROLE))

    @staticmethod
    def _scope(role: str) -> str:
        return f"-d scope={scope_of(CLOUD_NAME, 'acme', role)} "

    def _get_token(self, variable: str, client: DemoClient, more: str = "") -> str:
        answer = (
            f"curl -s --cacert {shlex.quote(str(self.places.authority))} "
            f"-u {shlex.quote(f'{client.id}:{client.secret}')} "
            f"-d grant_type=client_credentials {more}{self.places.authorization_server}/token"
        )
        return f"""{variable}=$({answer} | sed -n 's/.*"access_token": "\\([^"]*\\)".*/\\1/p')"""

    @property
    def call(self) -> str:
        return self._call("acme", "$TOKEN")

    @property
    def call_with_role(self) -> str:
        return self._call("acme", "$ROLE_TOKEN")

    @property
    def call_altered(self) -> str:
        # The first character of the signature becomes an A, or a B where it is an A already.
        change = "-e 's/\\.A\\([^.]*\\)$/.B\\1/' -e t -e 's/\\.[^.]\\([^.]*\\)$/.A\\1/'"
        return self._call("acme", f'$(printf %s "$TOKEN" | sed {change})')

    @property
    def call_globex_as_acme(self) -> str:
        return self._call("globex", "$TOKEN")

    @property
    def call_globex(self) -> str:
        return self._call("globex", "$GLOBEX_TOKEN")

    def _call(self, organization: str, token: str) -> str:
        where = f"{self.places.curl_options}{self.places.api_of(organization)}/invoices"
        return f'curl -si -H "Authorization: Bearer {token}" {where}'

    @property
    def rotate(self) -> str:
        authority = shlex.quote(str(self.places.authority))
        return f"curl -s --cacert {authority} -X POST {self.places.authorization_server}/rotate"

    @property
    def operator_code(self) -> str:
        authority = shlex.quote(str(self.places.authority))
        return f"curl -s --cacert {authority} {self.places.authorization_server}{OPERATOR_CODE_PATH}"

    @property
    def single_sign_on(self) -> str:
        return f"{self.places.portal}/sign-in/single-sign-on?organization=acme"

    @property
    def kill(self) -> str:
        return f"kill -9 {self.places.verifiers[0].pid}"

    @property
    def ask_killed(self) -> str:
        return f'curl -si -H "Authorization: Bearer $TOKEN" {self.places.verifiers[0].origin}/verify/plain/acme'

    def text(self) -> str:
        """The printed walk-through, without colours."""
        return "\n".join((*self._overview(), *self._steps()))

    def _overview(self) -> Iterator[str]:
        places = self.places
        first, second = places.verifiers
        yield "Watchword is running with throw-away data. Ctrl-C stops it."
        yield ""
        yield f"  Admin Portal          {places.portal}"
        for role, person in (
            ("Acme", self.people.acme),
            ("Globex", self.people.globex),
            ("operator", self.people.operator),
        ):
            yield f"    {role:<18}  {person.email:<24}  password  {person.password}"
        yield "    The operator needs a code of an authenticator app too. Each call of this command gives another one;"
        yield f"    with the secret {self.app_secret} your own app shows them."
        yield f"    {self.operator_code}"
        yield f"  Sample API            {places.api_of('acme')}"
        yield f"                        {places.api_of('globex')}   (the host names the organization)"
        yield f"  Verifiers             {first.origin}   process {first.pid}   (the API asks this one first)"
        yield f"                        {second.origin}   process {second.pid}"
        yield f"  Authorization server  {places.authorization_server}   (its keys: /jwks)"
        yield f"  Management API        {self.management.reference}   (its reference)"
        yield ""
        if shutil.which("curl") is None:
            yield "The commands below need curl, which is not installed here (on Debian: apt install curl)."
            yield ""

    def _steps(self) -> Iterator[str]:
        yield "1. Get an access token as a client of Acme and call Acme's API: 200, and who the caller is."
        yield ""
        yield self.get_token
        yield self.call
        yield ""
        yield "2. The same token with one character of its signature changed: 401."
        yield ""
        yield self.call_altered
        yield ""
        yield "3. Acme's token at Globex, which accepts another client of the same server: 401. Globex's token: 200."
        yield ""
        yield self.call_globex_as_acme
        yield self.get_globex_token
        yield self.call_globex
        yield ""
        yield "4. Give the authorization server a new signing key. The old token stays good, and new ones become good"
        yield "   within seconds, because the verifier reports the key it does not know. With '/rotate?overlap=no' the"
        yield "   old key is withdrawn at once, and the old token is refused after the next fetch."
        yield ""
        yield self.rotate
        yield self.get_token
        yield self.call
        yield ""
        yield "5. Kill the first verifier, then call as often as you like: 200, as the API asks the second one. The"
        yield "   demo starts the first one again: within seconds it answers the last command with 200."
        yield ""
        yield self.kill
        yield self.call
        yield self.ask_killed
        yield ""
        yield "6. Sign in to the portal as Acme's administrator and disable DemoServer under Administration >"
        yield "   API Configuration > Legacy API > Internet & SaaS API > OAuth 2.0 Authorization Servers. Call again:"
        yield "   401. Enable it again: 200."
        yield ""
        yield "7. Ask for a token for another API (add '-d resource=https://other.example' to the token request): 401."
        yield "   Delete DemoServer and add it again, with Validate and Save:"
        yield f"   OAuth 2.0 JWKS Location  {self.places.authorization_server}/jwks"
        yield ""
        yield "8. Sign in as the operator and suspend Acme under Operator Console > Organizations. Call: 403, and its"
        yield "   administrators can change nothing. Reinstate it: 200. Audit Logs tell who did what, and Gateways has"
        yield "   the configuration of each gateway with the addresses of this demo."
        yield ""
        yield f"9. Sign in as {self.people.initech.email}, password {self.people.initech.password}:"
        yield "   the API subscription of Initech has expired, and its page says that tokens are refused."
        yield ""
        yield from self.management.lines(self.get_management_token)
        yield ""
        yield from self.management.role_lines(
            call=self.call, get_token=self.get_token_with_role, call_with_role=self.call_with_role
        )
        yield ""
        yield from self._sign_in_steps()

    def _sign_in_steps(self) -> Iterator[str]:
        yield "13. Single sign-on: sign out, choose 'Sign in with single sign-on' and enter alice@acme.example, or open"
        yield f"    {self.single_sign_on}"
        yield "    Your browser warns of the certificate, because the demo's identity provider has one of its own. What"
        yield "    Acme has entered is under Administration > Sign-In Settings. To try a passkey: Your account > Your"
        yield "    sign-in. Changes that affect access ask again who you are, 15 minutes after the sign-in."
