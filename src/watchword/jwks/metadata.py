"""Authorization server metadata (RFC 8414, OpenID Connect Discovery 1.0): its locations and its content. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from watchword.core.strict_json import JsonRefused, is_absent, parse_object
from watchword.jwks.document import without_mark
from watchword.jwks.findings import ProbeFailed
from watchword.jwks.problem import Problem
from watchword.outbound.address import LocationRefused, parse_location
from watchword.outbound.failure import Failure


class Fault(Enum):
    """A fault of a URL; `predicate` completes a sentence about it."""

    MISSING = "is missing"
    NOT_TEXT = "is not a text"
    TOO_LONG = "is longer than 2,048 characters"
    INVISIBLE = "contains a blank, a line break or an invisible character"
    NOT_HTTPS = "does not begin with https://"
    PLACEHOLDER = "contains a placeholder in braces, which stands for the name of a tenant or a domain"
    FRAGMENT = "has a fragment (#)"
    QUERY = "has a query (?), which an issuer cannot have"
    NOT_FETCHED = "is not a URL that this service fetches"

    def __init__(self, predicate: str) -> None:
        self.predicate = predicate


_OF_FAILURE: Final = {
    Failure.LOCATION_TOO_LONG: Fault.TOO_LONG,
    Failure.BLANK_IN_LOCATION: Fault.INVISIBLE,
    Failure.SCHEME_NOT_HTTPS: Fault.NOT_HTTPS,
    Failure.FRAGMENT_IN_LOCATION: Fault.FRAGMENT,
}


class UrlRefused(Exception):
    """A URL cannot be used; `fault` says why. The message does not contain the URL."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.name)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata of a server. Its form was checked, but not whether it is true.

    Attributes:
        issuer: an https URL, exactly as in the document, because tokens are compared with it.
        jwks_location: the `jwks_uri`, normalised.
    """

    issuer: str
    jwks_location: str

    def stands_at(self, location: str) -> bool:
        """Whether this issuer's metadata belongs at the fetched location (RFC 8414 section 3.3)."""
        return parse_location(location).url in metadata_locations(self.issuer)


@dataclass(frozen=True, slots=True)
class UnusableMetadata:
    """Metadata with a member that cannot be used."""

    member: str
    fault: Fault

    @property
    def sentence(self) -> str:
        return f"The {self.member} in the metadata {self.fault.predicate}."


class MetadataServed(ProbeFailed):
    """The server sent metadata in place of a key set."""

    def __init__(self, reading: Metadata | UnusableMetadata | None) -> None:
        super().__init__(Problem.METADATA)
        self.reading = reading


def read_metadata(untrusted_document: bytes) -> Metadata | UnusableMetadata | None:
    """Read issuer and jwks_uri from a document; None if it is not a JSON object.

    Other members are ignored. Both must be https URLs, because the portal shows them and fills them into a form. A
    document with a jwks_uri and no issuer, such as RFC 9728's, names the keys of something else.
    """
    try:
        members = parse_object(without_mark(untrusted_document))
    except JsonRefused:
        return None
    try:
        jwks_location = https_url(members.get("jwks_uri"))
    except UrlRefused as refused:
        return UnusableMetadata("jwks_uri", refused.fault)
    try:
        issuer = check_issuer(members.get("issuer"))
    except UrlRefused as refused:
        return UnusableMetadata("issuer", refused.fault)
    return Metadata(issuer=issuer, jwks_location=jwks_location)


def check_issuer(value: object) -> str:
    """Return the value if it is an issuer: an https URL without query and fragment (RFC 8414 section 2).

    Raises:
        UrlRefused: with the fault.
    """
    https_url(value)
    issuer = str(value)
    if "?" in issuer:
        raise UrlRefused(Fault.QUERY)
    return issuer


def metadata_locations(issuer: str) -> tuple[str, str]:
    """The two possible locations of an issuer's metadata, the more common one first.

    OpenID Connect Discovery 1.0 section 4 appends to the issuer's path, RFC 8414 section 3.1 inserts before it; both
    remove a trailing slash.

    Raises:
        UrlRefused: it is not an issuer.
    """
    parsed = parse_location(check_issuer(issuer))
    origin, path = f"https://{parsed.host_and_port}", parsed.target.removesuffix("/")
    return (
        f"{origin}{path}/.well-known/openid-configuration",
        f"{origin}/.well-known/oauth-authorization-server{path}",
    )


def https_url(value: object) -> str:
    """The normalised URL, if the value of a member is one.

    Raises:
        UrlRefused: with the fault.
    """
    if is_absent(value):
        raise UrlRefused(Fault.MISSING)
    if not isinstance(value, str):
        raise UrlRefused(Fault.NOT_TEXT)
    # A typed location may have blanks around it, but an issuer is compared with tokens.
    if value != value.strip(" "):
        raise UrlRefused(Fault.INVISIBLE)
    try:
        return parse_location(value).url
    except LocationRefused as refused:
        failure = refused.failure
    fault = _OF_FAILURE.get(failure, Fault.NOT_FETCHED)
    raise UrlRefused(Fault.PLACEHOLDER if fault is Fault.NOT_FETCHED and "{" in value else fault)
