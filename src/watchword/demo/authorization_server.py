"""A small OAuth 2.0 authorization server for the demo: metadata, key set, client credentials, a rotation switch.

It shows Watchword something real to verify against. It is no product: two clients, keys in memory, loopback only. It
also is Acme's identity provider (openid_provider.py), and gives out the codes of the operator's authenticator app.
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
from watchword.demo.authenticator_app import OPERATOR_CODE_PATH
from watchword.demo.issuing import TOKEN_SECONDS
from watchword.demo.management_steps import API_ROLE as DEPLOYER
from watchword.demo.management_steps import CLOUD_NAME
from watchword.demo.openid_provider import (
    PAGE_HEADERS,
    AuthorizationRefused,
    CodeRefused,
    OpenIdProvider,
    refusal_page,
    signed_out_page,
)
from watchword.demo.openid_provider import SCOPES as OPENID_SCOPES
from watchword.demo.serving import DemoHandler, serving

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from watchword.demo.issuing import DemoClient, Issuing
    from watchword.demo.openid_provider import Account, OpenIdClient

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


def metadata(provider: OpenIdProvider) -> dict[str, object]:
    """The document of RFC 8414 and of OpenID Connect Discovery 1.0."""
    issuer = provider.issuing.issuer
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/jwks",
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": [*SCOPES, *OPENID_SCOPES],
        **provider.metadata(),
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


def grant(
    provider: OpenIdProvider, authorization: str | None, fields: Mapping[str, str], now: float
) -> dict[str, object]:
    """Answer a token request whose form was read."""
    issuing = provider.issuing
    portal = provider.relying_party.client
    client = authenticate((*issuing.clients, portal), authorization, fields)
    if fields.get("grant_type") == "authorization_code":
        try:
            return provider.redeem(client, fields, now)
        except CodeRefused:
            raise OAuthRefusal("invalid_grant", "The code is not valid for this request.") from None
    if fields.get("grant_type") != "client_credentials":
        raise OAuthRefusal(
            "unsupported_grant_type", "Only grant_type=client_credentials and authorization_code are offered."
        )
    if client is portal:
        raise OAuthRefusal("unauthorized_client", "This client has no access tokens of its own.")
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
    provider: OpenIdProvider
    operator_code: Callable[[], str]

    @property
    def issuing(self) -> Issuing:
        return self.provider.issuing

    def do_GET(self) -> None:  # noqa: N802 - the base class finds it by this name.
        path, query = urlsplit(self.path).path, urlsplit(self.path).query
        if path in METADATA_PATHS:
            self.answer_json(HTTPStatus.OK, metadata(self.provider))
        elif path == "/jwks":
            self._jwks()
        elif path == "/authorize":
            self._authorize(query, lambda asked: self._page(HTTPStatus.OK, self.provider.sign_in_page(asked)))
        elif path == "/end-session":
            self._end_session(query)
        elif path == OPERATOR_CODE_PATH:
            code = type(self).operator_code()
            self.answer(HTTPStatus.OK, f"{code}\n".encode(), {"Content-Type": "text/plain", **NOT_CACHED})
        else:
            self.answer_json(HTTPStatus.NOT_FOUND, {"error": "not_found", "paths": [*METADATA_PATHS, "/jwks"]})

    def do_POST(self) -> None:  # noqa: N802 - the base class finds it by this name.
        target = urlsplit(self.path)
        body = self.read_body()
        if target.path == "/token":
            self._token(body)
        elif target.path == "/authorize":
            text = (body or b"").decode("ascii", "replace")
            self._authorize(text, lambda asked: self._redirect(self.provider.signed_in(asked)))
        elif target.path == "/end-session":
            self._end_session((body or b"").decode("ascii", "replace"))
        elif target.path == "/rotate":
            overlap = parse_qs(target.query).get("overlap", ["yes"])[-1] != "no"
            self.answer_json(HTTPStatus.OK, {"overlap": overlap, "kids": self.issuing.rotate(overlap=overlap)})
        else:
            self.answer_json(HTTPStatus.NOT_FOUND, {"error": "not_found", "paths": ["/token", "/rotate"]})

    def _authorize(self, parameters: str, answer: Callable[[Mapping[str, str]], None]) -> None:
        try:
            answer(parameters_of(parameters))
        except AuthorizationRefused as refusal:
            if refusal.redirect is not None:
                self._redirect(refusal.redirect)
            else:
                self._page(HTTPStatus.BAD_REQUEST, refusal_page(refusal))

    def _end_session(self, parameters: str) -> None:
        try:
            onward = self.provider.after_sign_out(parameters_of(parameters))
        except AuthorizationRefused:
            onward = None
        if onward is not None:
            self._redirect(onward)
        else:
            self._page(HTTPStatus.OK, signed_out_page())

    def _page(self, status: HTTPStatus, page: str) -> None:
        self.answer(status, page.encode(), PAGE_HEADERS)

    def _redirect(self, url: str) -> None:
        self.answer(HTTPStatus.SEE_OTHER, b"", {"Location": url, **NOT_CACHED})

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
            answer = grant(self.provider, self.headers.get("Authorization"), fields, time.time())
        except OAuthRefusal as refusal:
            challenge = {"WWW-Authenticate": 'Basic realm="demo"'} if refusal.error == "invalid_client" else {}
            document = {"error": refusal.error, "error_description": refusal.description}
            self.answer_json(refusal.status, document, {**NOT_CACHED, **challenge})
        else:
            self.answer_json(HTTPStatus.OK, answer, NOT_CACHED)


def parameters_of(query: str) -> dict[str, str]:
    """The parameters of an authorization request.

    Raises:
        AuthorizationRefused: one comes more than once, or there are too many.
    """
    try:
        fields = parse_qs(query, max_num_fields=30)
    except ValueError:
        raise AuthorizationRefused("invalid_request", "The request cannot be read.") from None
    if any(len(values) != 1 for values in fields.values()):
        raise AuthorizationRefused("invalid_request", "A parameter comes more than once.")
    return {name: values[0] for name, values in fields.items()}


@contextmanager
def authorization_server(
    *,
    host: str,
    port: int,
    tls: ssl.SSLContext,
    issuing: Issuing,
    relying_party: OpenIdClient,
    account: Account,
    operator_code: Callable[[], str],
) -> Iterator[Issuing]:
    """Run the server over TLS while the block runs.

    Raises:
        OSError: the port is in use.
    """
    provider = OpenIdProvider(issuing=issuing, relying_party=relying_party, account=account)
    members = {"provider": provider, "operator_code": staticmethod(operator_code)}
    handler = type("Handler", (AuthorizationServerHandler,), members)
    with serving(host, port, handler, tls):
        yield issuing
