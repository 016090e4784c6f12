"""Everything that can be wrong with a JWKS location, as one closed table that administrators read."""

from __future__ import annotations

from enum import Enum

_SHOW_LOCATION = "Copy the JWKS location from the authorization server's metadata, where it is called jwks_uri."
_ASK_OPERATOR = "Publish the key set at a public address, or ask the operator of this service to allow this one."
_CHECK_SERVER = (
    "Check that the authorization server is running, speaks TLS 1.2 or later on this port and can be reached from the "
    "Internet, then try again."
)
_ASK_ABOUT_PROXY = "Ask the operator of this service to check the proxy and its settings."
_CHECK_BEHIND_PROXY = (
    "Check the spelling of the host name, and that the authorization server is running, speaks TLS 1.2 or later on "
    "this port and can be reached from the Internet. If so, ask the operator of this service to check the proxy."
)
_CHECK_ENDPOINT = "Check that the location is the JWKS endpoint of the authorization server and works without sign-in."
# What keeps the connection safe comes first, what gives that up last.
_THREE_REMEDIES = (
    'Attach the certificate of the server\'s own authority under "CA certificate": validation stays on. Or change the '
    "server certificate to one signed by a recognized authority. Disable certificate validation using the option "
    '"JWKS Server Certificate Validation" only if neither is possible.'
)
_ATTACH_PRESENT = (
    'Attach the certificate of its present authority under "CA certificate", or change the server certificate. '
    'Disable certificate validation using the option "JWKS Server Certificate Validation" only if neither is possible.'
)
_CHANGE_CERTIFICATE = (
    "Change the server certificate. Disable certificate validation using the option "
    '"JWKS Server Certificate Validation" only if that is not possible.'
)


class Problem(Enum):
    """One way in which a JWKS location fails.

    The sentences are constants: nothing that a remote server sent (body, banner, header, status text) and no detail
    of the network (address, errno) is ever part of them, so that no error text can be used to read internal
    services (CASES J-14, J-15).

    Attributes:
        code: stable, snake_case; stored with a key set and shown by the API.
        sentence: what is wrong.
        fix: what the administrator can do about it.
    """

    # The text of the location.
    LOCATION_MALFORMED = ("location_malformed", "The JWKS location is not a well-formed URL.", _SHOW_LOCATION)
    LOCATION_TOO_LONG = (
        "location_too_long", "The JWKS location is longer than 2,048 characters.", _SHOW_LOCATION,
    )  # fmt: skip
    SCHEME_NOT_HTTPS = (
        "scheme_not_https", "The JWKS location does not begin with https://.",
        "Use the https:// location of the key set; keys are never fetched over an unprotected connection.",
    )  # fmt: skip
    CREDENTIALS_IN_LOCATION = (
        "credentials_in_location", "The JWKS location contains a user name or password.",
        "Remove everything before and including the @; a key set is public and needs no sign-in.",
    )  # fmt: skip
    FRAGMENT_IN_LOCATION = (
        "fragment_in_location", "The JWKS location contains a fragment.",
        "Remove the # and everything after it; it is never sent to a server.",
    )  # fmt: skip
    HOST_MALFORMED = (
        "host_malformed", "The host name in the JWKS location is not valid.",
        "Write the host as a name such as login.example.com, or as an IP address in its usual form.",
    )  # fmt: skip
    PORT_REFUSED = (
        "port_refused", "The port in the JWKS location is not allowed.",
        "Serve the key set on port 443, or ask the operator of this service to allow the port.",
    )  # fmt: skip

    # The host's name and addresses.
    HOST_NOT_FOUND = (
        "host_not_found", "The host name in the JWKS location does not exist.",
        "Check the spelling of the host name, and that its DNS record is public.",
    )  # fmt: skip
    NAME_LOOKUP_FAILED = (
        "name_lookup_failed", "The host name in the JWKS location could not be looked up.",
        "Check the DNS servers of the domain, then try again.",
    )  # fmt: skip
    ADDRESS_REFUSED = (
        "address_refused", "The host in the JWKS location has an address that is not public.", _ASK_OPERATOR,
    )  # fmt: skip

    # The connection.
    CONNECTION_FAILED = ("connection_failed", "No connection to the server could be made or kept.", _CHECK_SERVER)
    TIMED_OUT = (
        "timed_out", "The server did not answer completely within the time allowed.",
        "Check that the authorization server answers quickly and completely, then try again.",
    )  # fmt: skip

    # The operator's proxy. Its address and what it says are not the administrator's business.
    PROXY_UNREACHABLE = (
        "proxy_unreachable", "This service could not connect to its own proxy.", _ASK_ABOUT_PROXY,
    )  # fmt: skip
    PROXY_TLS_FAILED = (
        "proxy_tls_failed", "No secure connection to this service's own proxy could be set up.", _ASK_ABOUT_PROXY,
    )  # fmt: skip
    PROXY_CREDENTIALS_MISSING = (
        "proxy_credentials_missing", "This service's proxy demands a user name and a password.",
        "Ask the operator of this service to configure them.",
    )  # fmt: skip
    PROXY_CREDENTIALS_REFUSED = (
        "proxy_credentials_refused", "This service's proxy does not accept this service's user name and password.",
        "Ask the operator of this service to correct them.",
    )  # fmt: skip
    PROXY_SIGN_IN_UNSUPPORTED = (
        "proxy_sign_in_unsupported",
        "This service's proxy demands a sign-in other than by user name and password (HTTP Basic).",
        "Ask the operator of this service to let it use the proxy with Basic authentication or without a sign-in.",
    )  # fmt: skip
    PROXY_FORBIDDEN = (
        "proxy_forbidden", "This service's proxy does not allow connections to this host and port.",
        "Ask the operator of this service to allow them at the proxy.",
    )  # fmt: skip
    PROXY_NO_CONNECTION = (
        "proxy_no_connection", "No secure connection to the server could be made through this service's proxy.",
        _CHECK_BEHIND_PROXY,
    )  # fmt: skip
    PROXY_ANSWER_UNEXPECTED = (
        "proxy_answer_unexpected", "This service's proxy did not accept the request for a connection.",
        _ASK_ABOUT_PROXY,
    )  # fmt: skip
    PROXY_ANSWER_MALFORMED = (
        "proxy_answer_malformed", "This service's proxy did not answer with well-formed HTTP.", _ASK_ABOUT_PROXY,
    )  # fmt: skip

    # TLS and the certificate.
    TLS_FAILED = (
        "tls_failed", "No secure connection could be set up with the server.",
        "Check that the server speaks TLS 1.2 or later on this port.",
    )  # fmt: skip
    CERTIFICATE_UNKNOWN_AUTHORITY = (
        "certificate_unknown_authority",
        "The SSL certificate of the server is signed by an unrecognized Certificate Authority (CA).", _THREE_REMEDIES,
    )  # fmt: skip
    CERTIFICATE_SELF_SIGNED = (
        "certificate_self_signed",
        "The SSL certificate of the server is signed by itself, not by a recognized Certificate Authority (CA).",
        _THREE_REMEDIES,
    )  # fmt: skip
    CERTIFICATE_OTHER_AUTHORITY = (
        "certificate_other_authority",
        "The SSL certificate of the server is signed neither by a recognized nor by the attached authority.",
        _ATTACH_PRESENT,
    )  # fmt: skip
    AUTHORITY_EXPIRED = (
        "authority_expired", "The CA certificate attached to this registration has expired.",
        'Attach the certificate that succeeds it under "CA certificate", or change the server certificate.',
    )  # fmt: skip
    AUTHORITY_UNUSABLE = (
        "authority_unusable", "The CA certificate attached to this registration is not acceptable (any more).",
        'Attach another one under "CA certificate", or remove it.',
    )  # fmt: skip
    CERTIFICATE_EXPIRED = (
        "certificate_expired", "The SSL certificate of the server has expired.", _CHANGE_CERTIFICATE,
    )  # fmt: skip
    CERTIFICATE_NOT_YET_VALID = (
        "certificate_not_yet_valid", "The SSL certificate of the server is not valid yet.", _CHANGE_CERTIFICATE,
    )  # fmt: skip
    CERTIFICATE_WRONG_HOST = (
        "certificate_wrong_host", "The SSL certificate of the server was issued for another host.",
        "Use the host name that the certificate was issued for, or change the server certificate.",
    )  # fmt: skip
    CERTIFICATE_REFUSED = (
        "certificate_refused", "The SSL certificate of the server is not acceptable.", _CHANGE_CERTIFICATE,
    )  # fmt: skip

    # The HTTP answer.
    HTTP_MALFORMED = (
        "http_malformed", "The server's answer is not complete, well-formed HTTP.", _CHECK_ENDPOINT,
    )  # fmt: skip
    REDIRECT_NOT_FOLLOWED = (
        "redirect_not_followed", "The server redirects to another location; redirects are not followed.",
        "Enter the location at which the key set is served directly.",
    )  # fmt: skip
    HTTP_REFUSED = (
        "http_refused", "The server has no key set at this location, or does not hand it out (an HTTP status 4xx).",
        _CHECK_ENDPOINT,
    )  # fmt: skip
    HTTP_SERVER_FAULT = (
        "http_server_fault", "The server reports a fault of its own (an HTTP status 5xx).",
        "Look into the authorization server's own log, then try again.",
    )  # fmt: skip
    HTTP_STATUS = ("http_status", "The server did not answer with HTTP status 200.", _CHECK_ENDPOINT)
    NOT_MODIFIED_UNASKED = (
        "not_modified_unasked", "The server answered that nothing has changed, although that was not asked.",
        "Check the cache or proxy in front of the authorization server.",
    )  # fmt: skip
    CONTENT_ENCODING = (
        "content_encoding", "The server's answer is compressed, although that was not asked.",
        "Serve the key set without compression, at least when the request says Accept-Encoding: identity.",
    )  # fmt: skip
    TOO_LARGE = ("too_large", "The server's answer is larger than allowed (256 KiB).", _CHECK_ENDPOINT)

    # The document.
    HTML_PAGE = (
        "html_page", "The server answered with a web page instead of a key set.",
        "Check that the location is the JWKS endpoint, not its documentation, and that no sign-in page guards it.",
    )  # fmt: skip
    NOT_JSON = ("not_json", "The server's answer is not JSON.", _CHECK_ENDPOINT)
    NOT_A_KEY_SET = (
        "not_a_key_set", 'The server\'s answer is JSON but not a JSON Web Key Set: it has no list "keys".',
        "Enter the jwks_uri itself, not the location of the metadata that names it.",
    )  # fmt: skip
    EMPTY_KEY_SET = (
        "empty_key_set", "The key set is empty.",
        "Create or publish a signing key at the authorization server.",
    )  # fmt: skip
    TOO_MANY_KEYS = (
        "too_many_keys", "The key set holds more keys than this service reads.",
        "Remove keys at the authorization server that are not in use, or ask the operator of this service for more.",
    )  # fmt: skip
    PRIVATE_KEY_MATERIAL = (
        "private_key_material",
        "DANGER: the key set publishes PRIVATE key material. Anyone who reads it can forge access tokens.",
        "Replace these keys at the authorization server at once and publish public keys only. Nothing was stored.",
    )  # fmt: skip
    KID_REUSED = (
        "kid_reused", "The key set holds different keys under the same key ID (kid).",
        "Give every key at the authorization server a key ID of its own.",
    )  # fmt: skip
    NO_USABLE_KEY = (
        "no_usable_key", "The key set holds no key that can verify access tokens.",
        "Publish an RSA (2,048 to 8,192 bits), EC (P-256, P-384, P-521) or Ed25519 public key for signatures.",
    )  # fmt: skip

    def __init__(self, code: str, sentence: str, fix: str) -> None:
        self.code = code
        self.sentence = sentence
        self.fix = fix


class ProbeFailed(Exception):
    """A step failed. Always raised `from None`: the cause may hold what the remote server sent.

    Attributes:
        presented: the certificates in DER that the server presented, if they are why; untrusted.
    """

    def __init__(self, problem: Problem, *, presented: tuple[bytes, ...] = ()) -> None:
        super().__init__(problem.code)
        self.problem = problem
        self.presented = presented
