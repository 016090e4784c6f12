"""Sentences for administrators about an identity provider that cannot be used.

They are constants: except for the issuer that a document names, they contain no text of a server.
"""

from __future__ import annotations

from typing import Final

from watchword.jwks.problem import Problem
from watchword.outbound.failure import Failure

NOTHING_TYPED: Final = "Enter the issuer of the identity provider."
METADATA_TYPED: Final = (
    "This is the address of metadata and not an issuer. Enter the issuer, which is the part before /.well-known/."
)
NOT_METADATA: Final = "The server answered for this issuer, but not with metadata in JSON. Check the issuer."
OTHER_ISSUER: Final = (
    "The metadata names another issuer: “{named}” and not “{entered}”. Enter the issuer exactly as the identity "
    "provider writes it, also a slash at its end."
)
UNSUPPORTED: Final = "The {member} in the metadata do not contain {value}, which this service needs."
NO_AUTHENTICATION: Final = (
    "The token_endpoint_auth_methods_supported in the metadata contain neither client_secret_basic nor "
    "client_secret_post, and this service knows no other."
)
ENDPOINT_QUERY: Final = "The authorization_endpoint in the metadata already has a parameter that this service sends."

_ASK_OPERATOR: Final = "Ask the operator of this service to allow it."
_TRUST: Final = "Change the server certificate, or ask the operator of this service to trust its authority."

_SENTENCES: Final = {
    Failure.PORT_REFUSED: f"The port in the {{url}} is not allowed. {_ASK_OPERATOR}",
    Failure.HOST_NOT_FOUND: (
        "The host name in the {url} does not exist or has no address. Check its spelling, and that its DNS record is "
        "public."
    ),
    Failure.NAME_LOOKUP_FAILED: (
        "The host name in the {url} could not be looked up. Check the DNS servers of the domain, then try again."
    ),
    Failure.ADDRESS_REFUSED: f"The host in the {{url}} has an address that is not allowed. {_ASK_OPERATOR}",
    Failure.HOST_NOT_SERVED: "The server does not know the host name in the {url}. Check its spelling.",
    Failure.HTTP_REFUSED: (
        "The server has no metadata for this issuer, or does not hand it out (an HTTP status 4xx). Check the issuer."
    ),
    Failure.HTTP_SIGN_IN_DEMANDED: (
        "The server demands a sign-in for the metadata of this issuer (HTTP status 401). Let it serve the metadata "
        "without one; it is public."
    ),
    Failure.HTTP_NOT_FOUND: (
        "The server has no metadata for this issuer: HTTP status 404 or 410 at its /.well-known/openid-configuration. "
        "Check the issuer, and names in it such as a realm or a tenant."
    ),
    Failure.HTTP_FORBIDDEN: (
        "The server does not allow this service to read the metadata of this issuer (HTTP status 403). Allow requests "
        "from this service at the server and at any firewall in front of it."
    ),
    Failure.CERTIFICATE_UNKNOWN_AUTHORITY: f"{Problem.CERTIFICATE_UNKNOWN_AUTHORITY.sentence} {_TRUST}",
    Failure.CERTIFICATE_SELF_SIGNED: f"{Problem.CERTIFICATE_SELF_SIGNED.sentence} {_TRUST}",
}


def described(failure: Failure, url: str) -> str:
    """The sentence about a failed exchange with the server that is named in `url`, such as "issuer"."""
    return _SENTENCES[failure].format(url=url) if failure in _SENTENCES else Problem.of(failure).sentence
