"""The gateway contract. The only file that knows paths, header names and what each gateway can pass on.

Two files speak beside it: `protected_resource.py` of the one document that is for clients, and `envoy_grpc.py`, which
asks by a path of this file what Envoy asks over gRPC.

A decision depends on the path's gateway and organization, or the organization that the token names, and on the
Authorization header. Nothing is ever decided by the query, the method, or headers that a client could set (G-06
to G-08). The one exception must be allowed by a setting: Traefik asks at a fixed address, so the organization is in the
one X-Forwarded-Host or X-Forwarded-Uri, which Traefik itself overwrites (`traefik_routing.py`).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote

from watchword.core.decision import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from watchword.core.decision import Allow

REALM: Final = "watchword"
MAX_VALUE: Final = 1024
"""Characters of one identity header, encoded. Half an identity, or none, may be somebody else's: longer is denied."""

MAX_SCOPE: Final = 4096
"""The same for the scope, which some authorization servers fill with hundreds of names; a setting."""

RETRY_AFTER_SECONDS: Final = b"1"

IDENTITY_PREFIX: Final = b"x-auth-"
SECRET_HEADER: Final = b"x-watchword-secret"
"""Where a gateway shows that it is one of ours, if the verifier demands a secret. The API never sees it."""

CHALLENGE_HEADER: Final = b"www-authenticate"

_REFUSAL_HEADERS: Final = (
    (b"content-type", b"application/problem+json"),
    (b"cache-control", b"no-store"),
    # A page of another origin may read why it was refused. No cookie has a part in any answer.
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"WWW-Authenticate, Retry-After"),
)

_UNAUTHORIZED: Final = 401
_UNAVAILABLE: Final = 503

_PLAIN: Final = "(?:[!-$&-~](?:[ -$&-~]*[!-$&-~])?)?"
"""What needs no encoding: printable ASCII without `%`, and no space at either end."""

_PLAIN_VALUE: Final = re.compile(_PLAIN)
_PLAIN_IDENTITY: Final = re.compile(f"{_PLAIN}(?:\n{_PLAIN}){{3}}")
"""Four such values in lines: asked once for all of them, as that takes a third of the time."""

_SAFE: Final = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")

Headers = list[tuple[bytes, bytes]]


@dataclass(slots=True)
class Answer:
    """One HTTP response. Most are sent many times; nobody changes one.

    Attributes:
        messages: the same in the two messages of ASGI that the server takes.
    """

    status: int
    headers: Headers
    body: bytes
    messages: tuple[dict[str, object], dict[str, object]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        start = {"type": "http.response.start", "status": self.status, "headers": self.headers}
        end = {"type": "http.response.body", "body": self.body, "more_body": False}
        self.messages = start, end


class Answering(Protocol):
    """The signature of `app.Verifier.answer`, which every listener and everything around it shares."""

    def __call__(
        self, path: str, authorization: Sequence[str], later: Callable[[Answer], None], /
    ) -> Answer | None: ...


@dataclass(frozen=True, slots=True)
class Profile:
    """How one kind of gateway is answered.

    Attributes:
        denials: the answer for every reason; it tells the public one alone.
    """

    denials: Mapping[Reason, Answer]


def route(path: str) -> tuple[Profile, str | None] | None:
    """Where a request goes, with any suffix: `/verify/{gateway}/{organization}` or `/verify-by-token/{gateway}`.

    The second begins with a segment of its own, so that no host label or path segment, which a gateway takes for an
    organization, can lead there.

    Args:
        path: percent-decoded, without the query. Whatever spelling led here, the answer names the organization that
            was decided about, so a gateway that reads a path differently cannot mistake one for another.

    Returns:
        How the gateway is answered, and the organization as it has found it; None where the token is to name it.
    """
    parts = path.split("/", 4)
    if len(parts) < 3 or parts[0]:  # noqa: PLR2004 - "", the first segment, gateway
        return None
    profile = PROFILES.get(parts[2])
    if profile is None:
        return None
    if parts[1] == "verify":
        return (profile, parts[3]) if len(parts) > 3 else None  # noqa: PLR2004 - and organization
    return (profile, None) if parts[1] == "verify-by-token" else None


def allowed(decision: Allow, max_scope: int = MAX_SCOPE) -> Answer | Reason:
    """The answer to an allow: the full set of identity headers, empty where the token does not say.

    Args:
        decision: the allow.
        max_scope: characters of the scope, encoded.

    Returns:
        The reason when a value is too long to be passed on whole; the request is then to be denied.
    """
    claims = decision.claims
    issuer, subject, client_id = claims.issuer or "", claims.subject or "", claims.client_id or ""
    # Before anything is encoded, too, which takes long for a long value and makes none shorter.
    if max(len(issuer), len(subject), len(client_id)) > MAX_VALUE:
        return Reason.CLAIM_TOO_LONG
    if len(claims.scope) > max_scope:
        return Reason.SCOPE_TOO_LONG
    scope = claims.scope
    if _PLAIN_IDENTITY.fullmatch(f"{issuer}\n{subject}\n{client_id}\n{scope}") is None:
        issuer, subject, client_id, scope = encoded(issuer), encoded(subject), encoded(client_id), encoded(scope)
        if max(len(issuer), len(subject), len(client_id)) > MAX_VALUE:
            return Reason.CLAIM_TOO_LONG
        if len(scope) > max_scope:
            return Reason.SCOPE_TOO_LONG
    headers = [
        (b"x-auth-organization", decision.organization.encode("ascii")),
        (b"x-auth-server", decision.server.encode("ascii")),
        (b"x-auth-issuer", issuer.encode("ascii")),
        (b"x-auth-subject", subject.encode("ascii")),
        (b"x-auth-client-id", client_id.encode("ascii")),
        (b"x-auth-scope", scope.encode("ascii")),
        (b"x-auth-expires", b"%d" % claims.expires_at),
        (b"cache-control", b"no-store"),
    ]
    return Answer(HTTPStatus.OK, headers, b"")


def encoded(value: str) -> str:
    """The value as printable ASCII: everything else, and `%` itself, percent-encoded as UTF-8 (RFC 3986).

    No two values share an encoding, so nobody can register the subject `%C3%A9` to be taken for the subject `é`. For
    the same reason outer spaces, which HTTP strips from a header, are encoded. CR, LF and NUL cannot split a response
    (G-11).
    """
    if _PLAIN_VALUE.fullmatch(value) is not None:
        return value
    # A lone surrogate has no UTF-8; it still gets an encoding of its own instead of an exception.
    text = quote(value.encode("utf-8", "surrogatepass"), safe=_SAFE)
    inner = text.strip(" ")
    leading = len(text) - len(text.lstrip(" "))
    trailing = len(text) - leading - len(inner)
    return "%20" * leading + inner + "%20" * trailing


def _problem(status: int, reason: str, sentence: str) -> str:
    """An RFC 9457 problem document in one line of printable ASCII."""
    return json.dumps(
        {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": sentence,
            "reason": reason,
        }
    )


def _challenge(reason: Reason) -> str | None:
    """The `WWW-Authenticate` value of RFC 6750 section 3, None where there is nothing to authenticate for."""
    if reason.error is not None:
        return f'Bearer realm="{REALM}", error="{reason.error}", error_description="{reason.sentence}"'
    # Without any token the challenge is bare: RFC 6750 section 3.1 wants no error code then.
    return f'Bearer realm="{REALM}"' if reason.status == _UNAUTHORIZED else None


def _denied(reason: Reason) -> Answer:
    headers = list(_REFUSAL_HEADERS)
    challenge = _challenge(reason)
    if challenge is not None:
        headers.append((CHALLENGE_HEADER, challenge.encode("ascii")))
    if reason.status == _UNAVAILABLE:
        headers.append((b"retry-after", RETRY_AFTER_SECONDS))
    return Answer(reason.status, headers, _problem(reason.status, reason.code, reason.sentence).encode())


# auth_request passes on 2xx, 401 and 403 alone and makes a 500 of the rest. What it cannot carry goes as the nearest
# refusal it can; the true status and body go in headers, from which the shipped configuration restores them. Without
# that configuration the request is refused all the same.
_NGINX_STATUS: Final = {400: 401, 401: 401, 403: 403, 503: 403}
_OF_THIS_VERIFIER: Final = frozenset({Reason.TRUST_STALE, Reason.UNDECIDABLE})
"""Another verifier may know better, so nginx gets a true 503, by which it asks one (`proxy_next_upstream http_503`). It
must not get one for an organization's own stale keys: an nginx that leaves a verifier alone after a 503 (`max_fails`, 0
in our files) would lose all verifiers to the tokens of that organization."""


def _denied_for_nginx(reason: Reason) -> Answer:
    plain = _denied(reason)
    restored = [(b"x-watchword-status", b"%d" % plain.status), (b"x-watchword-problem", plain.body)]
    status = plain.status if reason in _OF_THIS_VERIFIER else _NGINX_STATUS[plain.status]
    return Answer(status, plain.headers + restored, plain.body)


def _denials(denied: Callable[[Reason], Answer]) -> Profile:
    """The same answer for all reasons that must look the same, down to the last octet."""
    shown = {reason: denied(reason) for reason in Reason}
    return Profile({reason: shown[reason.public] for reason in Reason})


_AS_IT_IS: Final = _denials(_denied)

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        # Whoever asks by hand, or an API that asks for itself, reads the answer as it is.
        "plain": _AS_IT_IS,
        # auth_request hands the client a status, the challenge of a 401, and no body.
        "nginx": _denials(_denied_for_nginx),
        # forward_auth hands the client every answer that is not 2xx whole: status, headers and body.
        "caddy": _AS_IT_IS,
        # forwardAuth does the same, less the hop-by-hop headers.
        "traefik": _AS_IT_IS,
        # ext_authz lets only 200 through and hands the client status, body and the headers that its settings list.
        "envoy": _AS_IT_IS,
        # HAProxy has no subrequest of its own: a short script in Lua asks, and answers with all that it was told.
        "haproxy": _AS_IT_IS,
    }
)
"""By the name in the path. A gateway that is not listed is not answered."""


def _no_decision(status: HTTPStatus, reason: str, sentence: str) -> Answer:
    return Answer(status, list(_REFUSAL_HEADERS), _problem(status, reason, sentence).encode())


NOT_FOUND: Final = _no_decision(HTTPStatus.NOT_FOUND, "no_such_path", "Ask for /verify/{gateway}/{organization}.")

NO_ORGANIZATION: Final = _no_decision(
    HTTPStatus.NOT_FOUND, "no_organization_in_url", "The host or path of the request names no organization."
)
PATH_AMBIGUOUS: Final = _no_decision(HTTPStatus.BAD_REQUEST, "ambiguous_path", "The path is ambiguous.")
FORWARDED_AMBIGUOUS: Final = _no_decision(
    HTTPStatus.BAD_REQUEST, "forwarded_ambiguous", "The gateway must send one X-Forwarded-Host and X-Forwarded-Uri."
)
"""For Traefik, which hands them to the client. They depend on the request's URL alone."""

GATEWAY_UNKNOWN: Final = _no_decision(
    HTTPStatus.FORBIDDEN, "gateway_unknown", "The verifier does not know who asks on behalf of the API."
)
"""For whoever asks without the secret: always the same, so that nobody learns what would have been decided."""

UNDECIDABLE: Final = _denied(Reason.UNDECIDABLE)
"""For a fault outside every profile."""
