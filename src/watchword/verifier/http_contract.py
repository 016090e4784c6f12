"""The gateway contract. The only file that knows paths, header names and what each gateway can pass on.

Two modules add to it: `protected_resource.py` serves the one document for clients, and `envoy_grpc.py` translates
Envoy's gRPC requests into paths of this file.

A decision depends on the path's gateway and organization, or the organization that the token names, and on the
Authorization header. The query, the method and headers that a client could set never matter (G-06 to G-08). A setting
allows one exception: Traefik always asks at the same address, so the organization is in the one X-Forwarded-Host or
X-Forwarded-Uri header, which Traefik itself overwrites (`traefik_routing.py`).
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
"""Characters of one identity header, encoded. Longer values are denied: a cut identity may be another user's."""

MAX_SCOPE: Final = 4096
"""The same for the scope, which some authorization servers fill with hundreds of names. A setting changes it."""

RETRY_AFTER_SECONDS: Final = b"1"

IDENTITY_PREFIX: Final = b"x-auth-"
SECRET_HEADER: Final = b"x-watchword-secret"
"""Carries the gateway's secret, if the verifier demands one. The API never sees it."""

CHALLENGE_HEADER: Final = b"www-authenticate"

_REFUSAL_HEADERS: Final = (
    (b"content-type", b"application/problem+json"),
    (b"cache-control", b"no-store"),
    # A page of another origin may read why its request was refused. No response depends on a cookie.
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"WWW-Authenticate, Retry-After"),
)

_UNAUTHORIZED: Final = 401
_UNAVAILABLE: Final = 503

_PLAIN: Final = "(?:[!-$&-~](?:[ -$&-~]*[!-$&-~])?)?"
"""A value that needs no encoding: printable ASCII without `%`, and no space at either end."""

_PLAIN_VALUE: Final = re.compile(_PLAIN)
_PLAIN_IDENTITY: Final = re.compile(f"{_PLAIN}(?:\n{_PLAIN}){{3}}")
"""Four such values in lines. One match for all four takes a third of the time."""

_SAFE: Final = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")

Headers = list[tuple[bytes, bytes]]


@dataclass(slots=True)
class Response:
    """One HTTP response. Never changed after it was made, since most are sent many times.

    Attributes:
        messages: the same as the two ASGI messages that the server sends.
    """

    status: int
    headers: Headers
    body: bytes
    messages: tuple[dict[str, object], dict[str, object]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        start = {"type": "http.response.start", "status": self.status, "headers": self.headers}
        end = {"type": "http.response.body", "body": self.body, "more_body": False}
        self.messages = start, end


class RequestHandler(Protocol):
    """The signature of `app.Verifier.respond`, which all listeners and wrappers share."""

    def __call__(
        self, path: str, authorization: Sequence[str], respond_later: Callable[[Response], None], /
    ) -> Response | None: ...


@dataclass(frozen=True, slots=True)
class GatewayProfile:
    """How the verifier answers one kind of gateway.

    Attributes:
        denials: the response for every reason; it contains only the public reason.
    """

    denials: Mapping[Reason, Response]


def route(path: str) -> tuple[GatewayProfile, str | None] | None:
    """Parse `/verify/{gateway}/{organization}` or `/verify-by-token/{gateway}`, each with any suffix.

    The second has a first segment of its own. So no host label or path segment that a gateway takes for an organization
    can lead there.

    Args:
        path: percent-decoded, without the query. The response names the organization that the verifier decided for, so
            a gateway that reads the path differently cannot mistake it for another.

    Returns:
        The gateway's profile, and the organization of the path; None where the token must name it. None altogether for
        every other path.
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


def allowed(decision: Allow, max_scope: int = MAX_SCOPE) -> Response | Reason:
    """The response that allows a request, with all identity headers; a header is empty if the token lacks the claim.

    Args:
        decision: the decision of the kernel.
        max_scope: characters of the scope, encoded.

    Returns:
        The reason to deny the request if a value is too long for its header.
    """
    claims = decision.claims
    issuer, subject, client_id = claims.issuer or "", claims.subject or "", claims.client_id or ""
    # Checked before encoding too: encoding takes long for a long value and never shortens it.
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
        (b"x-auth-role", (decision.role or "").encode("ascii")),
        (b"cache-control", b"no-store"),
    ]
    return Response(HTTPStatus.OK, headers, b"")


def lacking_scope(denial: Response, scope: str) -> Response:
    """The denial with the missing scope in its challenge (RFC 6750 section 3) and its problem document.

    A new response for each request, because all organizations share the denials.
    """
    problem = denial.body[:-1] + b', "scope": "%s"}' % scope.encode("ascii")
    headers = [(name, problem if value == denial.body else value) for name, value in denial.headers]
    return with_challenge_parameter(Response(denial.status, headers, problem), "scope", scope)


def with_challenge_parameter(response: Response, name: str, value: str) -> Response:
    """The same response with one more parameter in its challenge; `value` has no character that needs an escape."""
    parameter = f', {name}="{value}"'.encode("ascii")
    headers = [
        (header, content + parameter if header == CHALLENGE_HEADER else content) for header, content in response.headers
    ]
    return Response(response.status, headers, response.body)


def encoded(value: str) -> str:
    """The value as printable ASCII: everything else, and `%` itself, percent-encoded as UTF-8 (RFC 3986).

    No two values share an encoding, so a user with the subject `%C3%A9` cannot pass for the subject `é`. For the same
    reason leading and trailing spaces are encoded, which HTTP strips from a header. CR, LF and NUL cannot split a
    response (G-11).
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
    """The `WWW-Authenticate` value of RFC 6750 section 3; None if another token would not help."""
    if reason.error is not None:
        return f'Bearer realm="{REALM}", error="{reason.error}", error_description="{reason.sentence}"'
    # RFC 6750 section 3.1: no error code for a request without a token.
    return f'Bearer realm="{REALM}"' if reason.status == _UNAUTHORIZED else None


def _denied(reason: Reason) -> Response:
    headers = list(_REFUSAL_HEADERS)
    challenge = _challenge(reason)
    if challenge is not None:
        headers.append((CHALLENGE_HEADER, challenge.encode("ascii")))
    if reason.status == _UNAVAILABLE:
        headers.append((b"retry-after", RETRY_AFTER_SECONDS))
    return Response(reason.status, headers, _problem(reason.status, reason.code, reason.sentence).encode())


# nginx' auth_request passes on 2xx, 401 and 403 and turns every other status into 500. The verifier sends the nearest
# refusal that auth_request can carry, and the true status and body in headers. The shipped configuration restores them;
# without it the request is still refused.
_NGINX_STATUS: Final = {400: 401, 401: 401, 403: 403, 503: 403}
_OF_THIS_VERIFIER: Final = frozenset({Reason.TRUST_STALE, Reason.UNDECIDABLE})
"""Another verifier may be able to decide, so nginx gets a true 503 and tries one (`proxy_next_upstream http_503`). An
organization's own stale keys must not cause a 503: an nginx that avoids a verifier after a 503 (`max_fails`, 0 in our
files) would then lose all verifiers to the tokens of one organization."""


def _denied_for_nginx(reason: Reason) -> Response:
    plain = _denied(reason)
    restored = [(b"x-watchword-status", b"%d" % plain.status), (b"x-watchword-problem", plain.body)]
    status = plain.status if reason in _OF_THIS_VERIFIER else _NGINX_STATUS[plain.status]
    return Response(status, plain.headers + restored, plain.body)


def _profile(denied: Callable[[Reason], Response]) -> GatewayProfile:
    """One response object for all reasons that must look the same, down to the last byte."""
    responses = {reason: denied(reason) for reason in Reason}
    return GatewayProfile({reason: responses[reason.public] for reason in Reason})


_UNCHANGED: Final = _profile(_denied)

PROFILES: Final[Mapping[str, GatewayProfile]] = MappingProxyType(
    {
        # For requests by hand, and for an API that asks the verifier itself.
        "plain": _UNCHANGED,
        # auth_request passes the status and the challenge of a 401 to the client, but no body.
        "nginx": _profile(_denied_for_nginx),
        # forward_auth passes every response that is not 2xx to the client: status, headers and body.
        "caddy": _UNCHANGED,
        # forwardAuth does the same, without the hop-by-hop headers.
        "traefik": _UNCHANGED,
        # ext_authz accepts only 200, and passes status, body and the headers listed in its settings to the client.
        "envoy": _UNCHANGED,
        # HAProxy has no subrequests: a short Lua script asks the verifier and returns its whole response.
        "haproxy": _UNCHANGED,
    }
)
"""By the gateway name in the path. The verifier answers no other name."""


def _no_decision(status: HTTPStatus, reason: str, sentence: str) -> Response:
    return Response(status, list(_REFUSAL_HEADERS), _problem(status, reason, sentence).encode())


NOT_FOUND: Final = _no_decision(HTTPStatus.NOT_FOUND, "no_such_path", "Ask for /verify/{gateway}/{organization}.")

NO_ORGANIZATION: Final = _no_decision(
    HTTPStatus.NOT_FOUND, "no_organization_in_url", "The host or path of the request names no organization."
)
PATH_AMBIGUOUS: Final = _no_decision(HTTPStatus.BAD_REQUEST, "ambiguous_path", "The path is ambiguous.")
FORWARDED_AMBIGUOUS: Final = _no_decision(
    HTTPStatus.BAD_REQUEST, "forwarded_ambiguous", "The gateway must send one X-Forwarded-Host and X-Forwarded-Uri."
)
"""For Traefik, which passes them to the client. They depend on the request's URL only."""

GATEWAY_UNKNOWN: Final = _no_decision(
    HTTPStatus.FORBIDDEN, "gateway_unknown", "The verifier does not know who asks on behalf of the API."
)
"""For a request without the secret. Always the same, so that it does not reveal the decision."""

UNDECIDABLE: Final = _denied(Reason.UNDECIDABLE)
"""For a fault before the gateway's profile is known."""
