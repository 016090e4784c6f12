"""Sentences for administrators about failed discovery of an issuer's metadata.

The sentences of `Problem` are about a key set and its location, so some problems need other sentences here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchword.jwks.metadata import Fault
from watchword.jwks.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

OTHER_ISSUER: Final = (
    "The metadata names another issuer: “{named}” and not “{typed}”. Nothing was filled in. Enter the issuer exactly "
    "as the authorization server writes it, also a slash at its end."
)
METADATA_TYPED: Final = (
    "This is the address of metadata and not an issuer. Enter it as JWKS location and press Validate, which shows the "
    "issuer."
)
_NOTHING_TYPED: Final = "Enter the Issuer URI first: its metadata names the JWKS location."
_NOT_FOUND_AT_BOTH: Final = (
    "The server has no metadata for this issuer: HTTP status 404 or 410 at its /.well-known/openid-configuration and "
    "its /.well-known/oauth-authorization-server. Check the Issuer URI, and names in it such as a realm or a tenant, "
    "or enter the JWKS location yourself."
)
_CHECK_ISSUER: Final = "Check the Issuer URI, or enter the JWKS location yourself."

_SENTENCES: Final = {
    Problem.PORT_REFUSED: "The port in the Issuer URI is not allowed. Ask the operator of this service to allow it.",
    Problem.HOST_NOT_FOUND: (
        "The host name in the Issuer URI does not exist or has no address. Check its spelling, and that its DNS record "
        "is public."
    ),
    Problem.NAME_LOOKUP_FAILED: (
        "The host name in the Issuer URI could not be looked up. Check the DNS servers of the domain, then try again."
    ),
    Problem.ADDRESS_REFUSED: f"{Problem.ADDRESS_REFUSED.sentence} Ask the operator of this service to allow it.",
    Problem.TLS_HANDSHAKE_REFUSED: (
        f"{Problem.TLS_HANDSHAKE_REFUSED.sentence} Enable a cipher suite with forward secrecy (ECDHE) at the server, "
        "and demand no client certificate for the metadata."
    ),
    Problem.CLIENT_CERTIFICATE_DEMANDED: (
        f"{Problem.CLIENT_CERTIFICATE_DEMANDED.sentence} Serve the metadata without demanding one; it is public."
    ),
    Problem.HOST_NOT_SERVED: (
        "The server does not know the host name in the Issuer URI. Check its spelling, and configure the server for it."
    ),
    Problem.REDIRECT_NOT_FOLLOWED: f"{Problem.REDIRECT_NOT_FOLLOWED.sentence} {_CHECK_ISSUER}",
    Problem.HTTP_NOT_FOUND: _NOT_FOUND_AT_BOTH,
    Problem.HTTP_REFUSED: (
        f"The server has no metadata for this issuer, or does not hand it out (an HTTP status 4xx). {_CHECK_ISSUER}"
    ),
    Problem.HTTP_SIGN_IN_DEMANDED: (
        "The server demands a sign-in for the metadata of this issuer (HTTP status 401). Let it serve the metadata "
        "without one; it is public."
    ),
    Problem.HTTP_TOO_MANY_REQUESTS: f"{Problem.HTTP_TOO_MANY_REQUESTS.sentence} Try again later.",
    Problem.HTTP_STATUS: f"{Problem.HTTP_STATUS.sentence} {_CHECK_ISSUER}",
    Problem.CONTENT_ENCODING: (
        f"{Problem.CONTENT_ENCODING.sentence} Serve the metadata without compression when the request says "
        "Accept-Encoding: identity."
    ),
    Problem.TOO_LARGE: f"{Problem.TOO_LARGE.sentence} {_CHECK_ISSUER}",
    Problem.NOT_JSON: f"The server answered for this issuer, but not with metadata in JSON. {_CHECK_ISSUER}",
}

_SAYS_LITTLE: Final = {Problem.HTTP_REFUSED: 1, Problem.HTTP_NOT_FOUND: 2}
"""Most servers have metadata at only one of the two locations."""


def described(failures: Sequence[Problem]) -> str:
    """The sentence about the most specific of the failures at the two locations."""
    problem = min(failures, key=lambda each: _SAYS_LITTLE.get(each, 0))
    return _SENTENCES.get(problem) or f"{problem.sentence} {problem.fix}"


def described_issuer(fault: Fault) -> str:
    """The sentence about an invalid issuer."""
    return _NOTHING_TYPED if fault is Fault.MISSING else f"The Issuer URI {fault.predicate}."
