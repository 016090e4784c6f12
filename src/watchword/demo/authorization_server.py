"""A small OAuth 2.0 authorization server for the demo: metadata, key set, client credentials, a rotation switch.

It shows Watchword something real to verify against. It is no product: two clients, keys in memory, loopback only.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import time
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote_plus, urlsplit

from watchword.core.named_organization import scope_of
from watchword.core.trust import API_ROLE, ORGANIZATION_ID
from watchword.demo.issuing import TOKEN_SECONDS, Issuing
from watchword.demo.management_steps import API_ROLE as DEPLOYER
from watchword.demo.management_steps import CLOUD_NAME
from watchword.demo.serving import DemoHandler, serving

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping, Sequence

    from watchword.demo.issuing import DemoClient

SCOPES = ("invoices.read", "invoices.write", scope_of(CLOUD_NAME, "acme", DEPLOYER))
# A visitor creates more API roles in the portal, which this server cannot know.
ROLE_SCOPE = re.compile(f"{CLOUD_NAME}::{ORGANIZATION_ID}::{API_ROLE}")
METADATA_PATHS = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")
# RFC 6749 section 5.1: an answer that holds a token is never kept by a cache.
NOT_CACHED = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class OAuthRefusal(Exception):
    """An error answer of RFC 6749 section 5.2."""

    def __init__(self, error: str, description: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


def metadata(issuer: str) -> dict[str, object]:
    """The document of RFC 8414, which is also enough for OpenID Connect Discovery's readers."""
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/jwks",
        # RFC 8414 does not require it where no grant uses it, but clients of the Model Context Protocol do.
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": list(SCOPES),
    }


def parse_form(body: bytes | None, content_type: str) -> dict[str, str]:
    """The parameters of a token request; one that comes twice is refused (RFC 6749 section 3.2)."""
    if body is None or content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise OAuthRefusal("invalid_request", "Send a form: Content-Type application/x-www-form-urlencoded.")
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=20)
    except ValueError:
        raise OAuthRefusal("invalid_request", "The form cannot be read.") from None
    if any(len(values) != 1 for values in fields.values()):
        raise OAuthRefusal("invalid_request", "A parameter comes more than once.")
    return {name: values[0] for name, values in fields.items()}


def authenticate(clients: Sequence[DemoClient], authorization: str | None, fields: Mapping[str, str]) -> DemoClient:
    """The client, by client_secret_basic or client_secret_post (RFC 6749 section 2.3.1)."""
    if authorization is not None:
        client_id, client_secret = _basic(authorization)
    else:
        client_id, client_secret = fields.get("client_id", ""), fields.get("client_secret", "")
    for client in clients:
        if client.authenticates(client_id, client_secret):
            return client
    raise OAuthRefusal("invalid_client", "The client ID or the client secret is wrong.", HTTPStatus.UNAUTHORIZED)


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, credentials = authorization.partition(" ")
    try:
        decoded = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        decoded = ""
    if scheme.lower() != "basic":
        decoded = ""
    client_id, _, client_secret = decoded.partition(":")
    return unquote_plus(client_id), unquote_plus(client_secret)


def grant(issuing: Issuing, authorization: str | None, fields: Mapping[str, str], now: float) -> dict[str, object]:
    """Answer a token request whose form was read."""
    client = authenticate(issuing.clients, authorization, fields)
    if fields.get("grant_type") != "client_credentials":
        raise OAuthRefusal("unsupported_grant_type", "Only grant_type=client_credentials is offered.")
    scope = fields.get("scope", SCOPES[0])
    if not all(word in SCOPES or ROLE_SCOPE.fullmatch(word) for word in scope.split()):
        raise OAuthRefusal(
            "invalid_scope",
            f"The scopes are {', '.join(SCOPES)}, and {CLOUD_NAME}::<organization>::<API role> of any API role.",
        )
    # `resource` (RFC 8707) asks for another audience, so that a visitor can see such a token turned away.
    token = issuing.access_token(client, now=now, audience=fields.get("resource"), scope=scope)
    return {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS, "scope": scope}


class AuthorizationServerHandler(DemoHandler):
    issuing: Issuing

    def do_GET(self) -> None:  # noqa: N802 - the base class finds it by this name.
        path = urlsplit(self.path).path
        if path in METADATA_PATHS:
            self.answer_json(HTTPStatus.OK, metadata(self.issuing.issuer))
        elif path == "/jwks":
            self._jwks()
        elif path == "/authorize":
            self.answer_json(
                HTTPStatus.BAD_REQUEST,
                {
                    "error": "unsupported_response_type",
                    "error_description": "No person signs in here. Get a token with the client credentials grant.",
                },
            )
        else:
            self.answer_json(HTTPStatus.NOT_FOUND, {"error": "not_found", "paths": [*METADATA_PATHS, "/jwks"]})

    def do_POST(self) -> None:  # noqa: N802 - the base class finds it by this name.
        target = urlsplit(self.path)
        body = self.read_body()
        if target.path == "/token":
            self._token(body)
        elif target.path == "/rotate":
            overlap = parse_qs(target.query).get("overlap", ["yes"])[-1] != "no"
            self.answer_json(HTTPStatus.OK, {"overlap": overlap, "kids": self.issuing.rotate(overlap=overlap)})
        else:
            self.answer_json(HTTPStatus.NOT_FOUND, {"error": "not_found", "paths": ["/token", "/rotate"]})

    def _jwks(self) -> None:
        document = self.issuing.jwks()
        headers = {
            "Content-Type": "application/jwk-set+json",
            "Cache-Control": "public, max-age=60",
            "ETag": f'"{hashlib.sha256(document).hexdigest()[:16]}"',
        }
        if self.headers.get("If-None-Match") == headers["ETag"]:
            self.answer(HTTPStatus.NOT_MODIFIED, b"", headers)
        else:
            self.answer(HTTPStatus.OK, document, headers)

    def _token(self, body: bytes | None) -> None:
        try:
            fields = parse_form(body, self.headers.get("Content-Type", ""))
            answer = grant(self.issuing, self.headers.get("Authorization"), fields, time.time())
        except OAuthRefusal as refusal:
            challenge = {"WWW-Authenticate": 'Basic realm="demo"'} if refusal.error == "invalid_client" else {}
            document = {"error": refusal.error, "error_description": refusal.description}
            self.answer_json(refusal.status, document, {**NOT_CACHED, **challenge})
        else:
            self.answer_json(HTTPStatus.OK, answer, NOT_CACHED)


@contextmanager
def authorization_server(
    *, host: str, port: int, tls: ssl.SSLContext, audience: str, clients: Sequence[DemoClient]
) -> Iterator[Issuing]:
    """Run the server over TLS while the block runs.

    Raises:
        OSError: the port is in use.
    """
    issuing = Issuing(issuer=f"https://{host}:{port}", audience=audience, clients=clients)
    handler = type("Handler", (AuthorizationServerHandler,), {"issuing": issuing})
    with serving(host, port, handler, tls):
        yield issuing
