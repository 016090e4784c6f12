"""The OpenID provider of the demo authorization server: Alice of Acme signs in at the portal through it.

Authorization code flow with PKCE (OpenID Connect Core 1.0, RFC 7636, RFC 9207). The sign-in page has one button and
asks for no password; no session is kept, so the page comes at each sign-in.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from watchword.demo.issuing import TOKEN_SECONDS, base64url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword.demo.issuing import DemoClient, Issuing

CODE_SECONDS = 60.0
CODES_KEPT = 100
SCOPES = ("openid", "profile", "email", "groups")
GROUP = "watchword-administrators"
_CARRIED = (
    "client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
)  # fmt: skip
"""What the form of the sign-in page carries; it is checked again when it comes back."""

PAGE_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    # No `form-action`: browsers would apply it to the redirect to the portal as well.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class AuthorizationRefused(Exception):
    """An authorization request that is refused (OpenID Connect Core 1.0, section 3.1.2.6).

    Attributes:
        redirect: the URL to which the browser takes the error; None if the request names no registered one.
    """

    def __init__(self, error: str, description: str, redirect: str | None = None) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.redirect = redirect


class CodeRefused(Exception):
    """The code is unknown, used, too old, or for another request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIdClient:
    """The portal, registered for one organization's sign-ins."""

    client: DemoClient
    redirect_uri: str
    post_logout_redirect_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    subject: str
    name: str
    email: str
    groups: tuple[str, ...]


ALICE = Account(subject="alice-of-acme", name="Alice", email="alice@acme.example", groups=(GROUP,))
SIGN_IN_BUTTON = "Sign in as Alice of Acme"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Authorization:
    """What a code stands for."""

    nonce: str | None
    challenge: str
    signed_in_at: float


@dataclass(slots=True, kw_only=True)
class OpenIdProvider:
    """Thread-safe. One client and one account."""

    issuing: Issuing
    relying_party: OpenIdClient
    account: Account
    _codes: dict[str, _Authorization] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def metadata(self) -> dict[str, object]:
        """The members that OpenID Connect Discovery 1.0 adds."""
        issuer = self.issuing.issuer
        return {
            "end_session_endpoint": f"{issuer}/end-session",
            "grant_types_supported": ["authorization_code", "client_credentials"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "code_challenge_methods_supported": ["S256"],
            "prompt_values_supported": ["login"],
            "authorization_response_iss_parameter_supported": True,
            "claims_supported": ["sub", "name", "email", "email_verified", "groups", "auth_time"],
        }

    def sign_in_page(self, asked: Mapping[str, str]) -> str:
        """The page with its one button.

        Raises:
            AuthorizationRefused: the request is not one of the portal's.
        """
        self._check(asked)
        if asked.get("prompt") == "none":
            raise self._refusal(asked, "login_required", "This provider keeps no session.")
        fields = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(asked[name])}">'
            for name in _CARRIED
            if name in asked
        )
        return _page(
            "Demo identity provider",
            f"<p>The demo's OpenID provider asks for no password.</p>"
            f'<form method="post" action="/authorize">{fields}<button type="submit">{SIGN_IN_BUTTON}</button></form>',
        )

    def signed_in(self, asked: Mapping[str, str], now: float | None = None) -> str:
        """The URL to which the browser takes a new code.

        Raises:
            AuthorizationRefused: the request is not one of the portal's.
        """
        self._check(asked)
        code = secrets.token_urlsafe(32)
        authorization = _Authorization(
            nonce=asked.get("nonce"),
            challenge=asked["code_challenge"],
            signed_in_at=time.time() if now is None else now,
        )
        with self._lock:
            self._codes[code] = authorization
            while len(self._codes) > CODES_KEPT:
                del self._codes[next(iter(self._codes))]
        return self._return_to(asked, {"code": code})

    def redeem(self, client: DemoClient, fields: Mapping[str, str], now: float) -> dict[str, object]:
        """The token response for a code, which works once.

        Raises:
            CodeRefused: as it says.
        """
        with self._lock:
            # Gone with the first attempt, whatever comes of it.
            authorization = self._codes.pop(fields.get("code", ""), None)
        if authorization is None or now - authorization.signed_in_at > CODE_SECONDS:
            raise CodeRefused
        if client is not self.relying_party.client or fields.get("redirect_uri") != self.relying_party.redirect_uri:
            raise CodeRefused
        challenge = base64url(hashlib.sha256(fields.get("code_verifier", "").encode()).digest())
        if not hmac.compare_digest(challenge.encode(), authorization.challenge.encode()):
            raise CodeRefused
        return {
            "access_token": secrets.token_urlsafe(32),
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "id_token": self.issuing.signed("JWT", self._claims(authorization, now)),
        }

    def after_sign_out(self, asked: Mapping[str, str]) -> str | None:
        """The URL to which the browser returns (OpenID Connect RP-Initiated Logout 1.0); None for a page here."""
        if asked.get("post_logout_redirect_uri") != self.relying_party.post_logout_redirect_uri:
            return None
        state = {"state": asked["state"]} if "state" in asked else {}
        return _with(self.relying_party.post_logout_redirect_uri, state)

    def _claims(self, authorization: _Authorization, now: float) -> dict[str, object]:
        claims: dict[str, object] = {
            "iss": self.issuing.issuer,
            "sub": self.account.subject,
            "aud": self.relying_party.client.id,
            "iat": int(now),
            "exp": int(now) + TOKEN_SECONDS,
            "auth_time": int(authorization.signed_in_at),
            "name": self.account.name,
            "email": self.account.email,
            "email_verified": True,
            "groups": list(self.account.groups),
        }
        return claims if authorization.nonce is None else claims | {"nonce": authorization.nonce}

    def _check(self, asked: Mapping[str, str]) -> None:
        # Never a redirect to an address that is not registered: it could be an attacker's (RFC 6749, section 4.1.2.1).
        if asked.get("client_id") != self.relying_party.client.id:
            raise AuthorizationRefused("invalid_request", "The client ID is unknown.")
        if asked.get("redirect_uri") != self.relying_party.redirect_uri:
            raise AuthorizationRefused("invalid_request", "The redirect URI is not registered.")
        if asked.get("response_type") != "code":
            raise self._refusal(asked, "unsupported_response_type", "Only response_type=code is offered.")
        if "openid" not in asked.get("scope", "").split():
            raise self._refusal(asked, "invalid_scope", "The scope openid is missing.")
        if not asked.get("code_challenge") or asked.get("code_challenge_method") != "S256":
            raise self._refusal(asked, "invalid_request", "PKCE with S256 is required.")

    def _refusal(self, asked: Mapping[str, str], error: str, description: str) -> AuthorizationRefused:
        redirect = self._return_to(asked, {"error": error, "error_description": description})
        return AuthorizationRefused(error, description, redirect)

    def _return_to(self, asked: Mapping[str, str], answer: Mapping[str, str]) -> str:
        state = {"state": asked["state"]} if "state" in asked else {}
        return _with(self.relying_party.redirect_uri, {**answer, **state, "iss": self.issuing.issuer})


def refusal_page(refusal: AuthorizationRefused) -> str:
    return _page("Sign-in refused", f"<p>{html.escape(refusal.description)}</p>")


def signed_out_page() -> str:
    return _page("Signed out", "<p>This provider keeps no session.</p>")


def _page(title: str, content: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"></head><body><main><h1>{title}</h1>{content}'
        "</main></body></html>"
    )


def _with(uri: str, parameters: Mapping[str, str]) -> str:
    return f"{uri}?{urlencode(parameters)}" if parameters else uri
