"""An identity provider whose every answer a test decides, on `kit.key_server`: for what a real one never does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from kit import forge
from kit.key_server import Behaviour, Conversation, KeyServer
from watchword.openid.authorization import AuthorizationRequest
from watchword.openid.provider import Provider, TokenAuthentication

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword.jwks.fetch import FetchPolicy

CLIENT_ID = "watchword-portal"
REDIRECT_URI = "https://portal.example/sign-in/single-sign-on/callback"
REQUEST = AuthorizationRequest(
    issuer="https://login.acme.example",
    client_id=CLIENT_ID,
    redirect_uri=REDIRECT_URI,
    state="alice-state",
    nonce="alice-nonce",
    verifier="alice-verifier",
)
KEY = forge.ec_key("acme-sign-in")

ODD_VALUES: Final[tuple[object, ...]] = (
    None, True, False, 0, -1, 1.5, 1e308, 2**63, "", " ", "é", "\u0000", "https://", "https://[", "https://a b/",
    "https://é.example/", "https://" + "a" * 300, [], [None], [[]], ["a", 1], {}, {"a": {"b": []}}, "a" * 5_000,
)  # fmt: skip
"""For members and claims of which another type or form is expected."""


class SignInServer(KeyServer):
    """Serves metadata, keys and tokens; a behaviour for a path replaces what it serves there.

    Attributes:
        metadata: changes of the document; a member given as `...` is left out.
        answer: of the token endpoint: the status, and the members or the body.
        instead: behaviours by path.
    """

    def __init__(self) -> None:
        self.metadata: dict[str, object] = {}
        self.answer: tuple[int, Mapping[str, object] | bytes] = (200, {"token_type": "Bearer", "id_token": "a.b.c"})
        self.instead: dict[str, Behaviour] = {}
        super().__init__(Behaviour(self._serve))

    @property
    def issuer(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def policy(self, **changes: object) -> FetchPolicy:
        """With time for a busy machine: few tests are about the limits."""
        return super().policy(**{"connect_timeout": 20.0, "total_timeout": 40.0, **changes})

    def document(self) -> dict[str, object]:
        good: dict[str, object] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
        }
        return {name: value for name, value in {**good, **self.metadata}.items() if value is not ...}

    def provider(self, **changes: Any) -> Provider:
        """As discovery would find it."""
        found: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_location": f"{self.issuer}/jwks",
            "end_session_endpoint": None,
            "authentication": TokenAuthentication.BASIC,
            "sends_issuer": False,
        }
        return Provider(**{**found, **changes})

    def form(self) -> dict[str, str]:
        """What the token endpoint received last."""
        return {name: value for name, [value] in parse_qs(self.requests[-1].body.decode(), strict_parsing=True).items()}

    def paths(self) -> list[str]:
        return [each.request.split(b" ", 2)[1].decode() for each in self.requests]

    def _serve(self, conversation: Conversation) -> None:
        path = conversation.request.split(b" ", 2)[1].decode()
        if path in self.instead:
            self.instead[path].on_request(conversation)
        elif path.endswith("/.well-known/openid-configuration"):
            _answer(conversation, 200, self.document())
        elif path == "/jwks":
            conversation.answer(200, forge.key_set(KEY))
        elif path == "/token":
            _answer(conversation, *self.answer)
        else:
            conversation.answer(404)


def _answer(conversation: Conversation, status: int, content: Mapping[str, object] | bytes) -> None:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    conversation.answer(status, body, {"Content-Type": "application/json"})
