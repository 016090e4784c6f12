"""The closed table of problems with a JWKS location, with sentences for administrators."""

from __future__ import annotations

from enum import Enum

from watchword.jwks import remedies
from watchword.outbound.failure import Failure


class Problem(Enum):
    """One problem with a JWKS location.

    The sentences are constants: they contain no text of a server and no detail of the network (address, errno), so that
    no error can be used to read internal services (J-14, J-15). Each `Failure` of an exchange has a problem here.

    Attributes:
        code: stable, snake_case; stored with a key set and shown by the API.
        sentence: what is wrong.
        fix: what the administrator can do.
    """

    # The text of the location.
    LOCATION_MISSING = ("location_missing", "The JWKS location is empty.", remedies.SHOW_LOCATION)
    LOCATION_MALFORMED = (
        "location_malformed",
        "The JWKS location contains a character that a URL cannot contain, or a % code that is not allowed.",
        f"Replace placeholders such as {{tenant}} with their values. {remedies.SHOW_LOCATION}",
    )  # fmt: skip
    BLANK_IN_LOCATION = (
        "blank_in_location", "The JWKS location contains a blank, a line break or an invisible character.",
        f"Remove it. {remedies.SHOW_LOCATION}",
    )  # fmt: skip
    LOCATION_TOO_LONG = (
        "location_too_long", "The JWKS location is longer than 2,048 characters.", remedies.SHOW_LOCATION,
    )  # fmt: skip
    SCHEME_NOT_HTTPS = (
        "scheme_not_https", "The JWKS location does not begin with https://.",
        "Use the https:// location of the key set; keys are never fetched over an unprotected connection.",
    )  # fmt: skip
    CREDENTIALS_IN_LOCATION = (
        "credentials_in_location", "The JWKS location contains an @ before the host, as for a user name or password.",
        "Remove everything before and including the @; a key set is public and needs no sign-in.",
    )  # fmt: skip
    FRAGMENT_IN_LOCATION = (
        "fragment_in_location", "The JWKS location contains a fragment.",
        "Remove the # and everything after it; it is never sent to a server.",
    )  # fmt: skip
    HOST_MALFORMED = (
        "host_malformed", "The JWKS location has no host name, or one that is not valid.", remedies.WRITE_HOST,
    )  # fmt: skip
    PORT_MALFORMED = (
        "port_malformed", "The port in the JWKS location is not a number from 1 to 65535.",
        "Correct the port, or leave it and its colon out for port 443.",
    )  # fmt: skip
    PORT_REFUSED = (
        "port_refused", "The port in the JWKS location is not allowed.",
        "Serve the key set on port 443, or ask the operator of this service to allow the port.",
    )  # fmt: skip

    # The host's name and addresses.
    HOST_NOT_FOUND = (
        "host_not_found", "The host name in the JWKS location does not exist or has no address.",
        "Check the spelling of the host name, and that its DNS record is public.",
    )  # fmt: skip
    NAME_LOOKUP_FAILED = (
        "name_lookup_failed", "The host name in the JWKS location could not be looked up.", remedies.CHECK_DNS,
    )  # fmt: skip
    ADDRESS_REFUSED = (
        "address_refused",
        "This service does not connect to this host: its name or one of its addresses is not public or not allowed.",
        remedies.ASK_OPERATOR,
    )  # fmt: skip

    # The connection.
    CONNECTION_FAILED = (
        "connection_failed", "No connection to the server could be made or kept.", remedies.CHECK_SERVER,
    )  # fmt: skip
    TIMED_OUT = (
        "timed_out", "The server did not answer completely within the time allowed.",
        "Check that the authorization server answers quickly and completely, then try again.",
    )  # fmt: skip

    # The operator's proxy. The sentences reveal neither its address nor its responses.
    PROXY_UNREACHABLE = (
        "proxy_unreachable", "This service could not connect to its own proxy.", remedies.ASK_ABOUT_PROXY,
    )  # fmt: skip
    PROXY_TLS_FAILED = (
        "proxy_tls_failed", "No secure connection to this service's own proxy could be set up.",
        remedies.ASK_ABOUT_PROXY,
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
        remedies.CHECK_BEHIND_PROXY,
    )  # fmt: skip
    PROXY_ANSWER_UNEXPECTED = (
        "proxy_answer_unexpected", "This service's proxy did not accept the request for a connection.",
        remedies.ASK_ABOUT_PROXY,
    )  # fmt: skip
    PROXY_ANSWER_MALFORMED = (
        "proxy_answer_malformed", "This service's proxy did not answer with well-formed HTTP.",
        remedies.ASK_ABOUT_PROXY,
    )  # fmt: skip

    # TLS and the certificate.
    TLS_FAILED = (
        "tls_failed", "No secure connection could be set up or kept with the server.",
        "Check the TLS settings and the log of the server. It must speak TLS 1.2 or later on this port.",
    )  # fmt: skip
    TLS_NOT_SPOKEN = (
        "tls_not_spoken", "What answers on this port of the server does not speak TLS.",
        "Check the port: it may be one for plain HTTP or for another protocol.",
    )  # fmt: skip
    TLS_TOO_OLD = (
        "tls_too_old", "The server speaks only versions of TLS that are too old to be safe.",
        "Enable TLS 1.2 or later at the server.",
    )  # fmt: skip
    TLS_HANDSHAKE_REFUSED = (
        "tls_handshake_refused",
        "The server refused TLS: it shares no cipher suite with this service, or demands a client certificate.",
        remedies.ALLOW_CIPHERS,
    )  # fmt: skip
    CLIENT_CERTIFICATE_DEMANDED = (
        "client_certificate_demanded", "The server demands a client certificate, and this service has none.",
        "Serve the key set without demanding a client certificate; it is public.",
    )  # fmt: skip
    HTTP_1_1_NOT_OFFERED = (
        "http_1_1_not_offered", "The server does not offer HTTP/1.1.",
        "Enable HTTP/1.1 beside HTTP/2 at the server, or put a gateway before it that offers both.",
    )  # fmt: skip
    HOST_NOT_SERVED = (
        "host_not_served", "The server does not know the host name in the JWKS location.",
        "Check the spelling of the host name, and configure the server for it.",
    )  # fmt: skip
    CERTIFICATE_UNKNOWN_AUTHORITY = (
        "certificate_unknown_authority",
        "The SSL certificate of the server is signed by an unrecognized Certificate Authority (CA).",
        remedies.THREE_REMEDIES,
    )  # fmt: skip
    CERTIFICATE_SELF_SIGNED = (
        "certificate_self_signed",
        "The SSL certificate of the server is signed by itself, not by a recognized Certificate Authority (CA).",
        remedies.THREE_REMEDIES,
    )  # fmt: skip
    CERTIFICATE_OTHER_AUTHORITY = (
        "certificate_other_authority",
        "The SSL certificate of the server is signed neither by a recognized nor by the attached authority.",
        remedies.ATTACH_PRESENT,
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
        "certificate_expired", "The SSL certificate of the server, or one that it was issued under, has expired.",
        f"{remedies.CHANGE_CERTIFICATE} {remedies.CHECK_CLOCKS}",
    )  # fmt: skip
    CERTIFICATE_NOT_YET_VALID = (
        "certificate_not_yet_valid",
        "The SSL certificate of the server, or one that it was issued under, is not valid yet.",
        f"{remedies.CHANGE_CERTIFICATE} {remedies.CHECK_CLOCKS}",
    )  # fmt: skip
    CERTIFICATE_WRONG_HOST = (
        "certificate_wrong_host", "The SSL certificate of the server was issued for another host.",
        "Use the host name that the certificate was issued for, or change the server certificate.",
    )  # fmt: skip
    CERTIFICATE_REFUSED = (
        "certificate_refused", "The SSL certificate of the server is not acceptable.", remedies.CHANGE_CERTIFICATE,
    )  # fmt: skip

    # The HTTP answer.
    HTTP_MALFORMED = (
        "http_malformed", "The server's answer is not complete, well-formed HTTP/1.1, or its header is too long.",
        "Check that a web server with HTTP/1.1 answers on this port, and that its header is shorter than 24 KiB.",
    )  # fmt: skip
    REDIRECT_NOT_FOLLOWED = (
        "redirect_not_followed", "The server redirects to another location; redirects are not followed.",
        remedies.FOLLOW_REDIRECT,
    )  # fmt: skip
    HTTP_REFUSED = (
        "http_refused", "The server has no key set at this location, or does not hand it out (an HTTP status 4xx).",
        remedies.CHECK_ENDPOINT,
    )  # fmt: skip
    HTTP_SIGN_IN_DEMANDED = (
        "http_sign_in_demanded", "The server demands a sign-in for this location (HTTP status 401).",
        "Let the server serve the key set without sign-in; it is public.",
    )  # fmt: skip
    HTTP_FORBIDDEN = (
        "http_forbidden", "The server does not allow this service to read this location (HTTP status 403).",
        "Allow requests from this service at the server and at any firewall in front of it.",
    )  # fmt: skip
    HTTP_NOT_FOUND = (
        "http_not_found", "There is nothing at this location of the server (HTTP status 404 or 410).",
        f"Check the path, and names in it such as a realm or a tenant. {remedies.SHOW_LOCATION}",
    )  # fmt: skip
    HTTP_TOO_MANY_REQUESTS = (
        "http_too_many_requests", "The server answers that it received too many requests (HTTP status 429).",
        "Try again later, and allow this service one request a minute for this location.",
    )  # fmt: skip
    HTTP_SERVER_FAULT = (
        "http_server_fault", "The server, or a gateway in front of it, reports a fault (an HTTP status 5xx).",
        "Look into the log of the authorization server and of its gateway, then try again.",
    )  # fmt: skip
    HTTP_STATUS = ("http_status", "The server did not answer with HTTP status 200.", remedies.CHECK_ENDPOINT)
    NOT_MODIFIED_UNASKED = (
        "not_modified_unasked", "The server answered that nothing has changed, although that was not asked.",
        "Check the cache or proxy in front of the authorization server.",
    )  # fmt: skip
    CONTENT_ENCODING = (
        "content_encoding", "The server's answer has a Content-Encoding header, although the request asked for none.",
        remedies.NO_ENCODING,
    )  # fmt: skip
    TOO_LARGE = ("too_large", "The server's answer is larger than allowed (256 KiB).", remedies.CHECK_ENDPOINT)

    # The document.
    HTML_PAGE = ("html_page", "The server answered with a web page instead of a key set.", remedies.NOT_A_PAGE)
    XML_DOCUMENT = (
        "xml_document", "The server answered with XML, such as SAML metadata, instead of a key set.",
        f"{remedies.CHECK_ENDPOINT} {remedies.SHOW_LOCATION}",
    )  # fmt: skip
    DECLARED_AS_HTML = (
        "declared_as_html", "The server declares its answer as a web page in the Content-Type.",
        f"Serve the key set with the Content-Type application/json. {remedies.CHECK_ENDPOINT}",
    )  # fmt: skip
    EMPTY_ANSWER = ("empty_answer", "The server's answer is empty.", remedies.CHECK_ENDPOINT)
    NOT_JSON = (
        "not_json", "The server's answer is not JSON in UTF-8.",
        f"{remedies.CHECK_ENDPOINT} A certificate in PEM or a signed token is not a key set.",
    )  # fmt: skip
    JSON_AMBIGUOUS = (
        "json_ambiguous",
        "The server's answer is JSON with a repeated name, too deep nesting, or a number or text of doubtful meaning.",
        "Correct the document at the authorization server.",
    )  # fmt: skip
    METADATA = (
        "metadata", "The server answered with the authorization server's metadata, not with its key set.",
        "Enter the location that the metadata names as jwks_uri.",
    )  # fmt: skip
    SINGLE_KEY = (
        "single_key", "The server answered with a single key, not with a key set.",
        'Publish the key in a list "keys", or enter the location that the metadata of the server names as jwks_uri.',
    )  # fmt: skip
    NOT_A_KEY_SET = (
        "not_a_key_set", 'The server\'s answer is JSON but not a JSON Web Key Set: it has no list "keys".',
        remedies.CHECK_ENDPOINT,
    )  # fmt: skip
    EMPTY_KEY_SET = (
        "empty_key_set", "The key set is empty.",
        "Create or choose a signing key at the authorization server, so that it publishes the key.",
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
    NO_USABLE_KEY = ("no_usable_key", "The key set holds no key that can verify access tokens.", remedies.SEE_REASONS)

    def __init__(self, code: str, sentence: str, fix: str) -> None:
        self.code = code
        self.sentence = sentence
        self.fix = fix

    @classmethod
    def of(cls, failure: Failure) -> Problem:
        """The problem of a failed exchange, which has the same code."""
        return _OF_FAILURE[failure]


_OF_FAILURE = {failure: next(each for each in Problem if each.code == failure.value) for failure in Failure}
