"""The demo authorization server over real TLS, as client applications and browsers see it."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from kit.processes import LOOPBACK, free_port
from watchword.demo.authorization_server import authorization_server
from watchword.demo.certificates import make_certificates
from watchword.demo.issuing import DemoClient, Issuing
from watchword.demo.openid_provider import ALICE, OpenIdClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AUDIENCE = "https://api.acme.example"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PORTAL = OpenIdClient(
    client=DemoClient("portal", "s3cret"),
    redirect_uri="http://localhost:8080/sign-in/single-sign-on/callback",
    post_logout_redirect_uri="http://localhost:8080/sign-in",
)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer that a test looks at."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Server:
    issuing: Issuing
    context: ssl.SSLContext

    def ask(
        self, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None, method: str | None = None
    ) -> Answer:
        # The origin is ours and https; the lint fears file: URLs.
        url = self.issuing.issuer + path
        request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)  # noqa: S310
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.context), _NoRedirect()
        )
        try:
            with opener.open(request, timeout=5) as response:
                return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, response.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return Answer(refused.code, {k.lower(): v for k, v in refused.headers.items()}, refused.read())

    def token(self, headers: dict[str, str] | None = None, **fields: str) -> Answer:
        form = {"grant_type": "client_credentials", **fields}
        return self.ask("/token", body=urlencode(form).encode(), headers={**FORM, **(headers or {})})

    def by_post(self, **fields: str) -> Answer:
        client = self.issuing.clients[0]
        return self.token(None, client_id=client.id, client_secret=client.secret, **fields)


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


@contextmanager
def demo_server(directory: Path) -> Iterator[Server]:
    certificates = make_certificates(directory)
    port = free_port()
    with authorization_server(
        host=LOOPBACK,
        port=port,
        tls=certificates.server_context(),
        issuing=Issuing(
            issuer=f"https://{LOOPBACK}:{port}",
            audience=AUDIENCE,
            clients=(DemoClient("acme-client"), DemoClient("globex-client")),
        ),
        relying_party=PORTAL,
        account=ALICE,
        operator_code=lambda: "123456",
    ) as issuing:
        yield Server(issuing, ssl.create_default_context(cafile=str(certificates.authority)))
