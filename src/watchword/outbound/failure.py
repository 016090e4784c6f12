"""Why an exchange failed: a closed list of codes. The sentences about them belong to the callers, who know what they
fetch and who reads them.
"""

from __future__ import annotations

from enum import Enum


class Failure(Enum):
    """One reason why a location cannot be used or an exchange failed.

    It contains no text of a server and no detail of the network (address, errno), so that no error can be used to read
    internal services (J-14, J-15).
    """

    # The text of the location.
    LOCATION_MISSING = "location_missing"
    LOCATION_MALFORMED = "location_malformed"
    BLANK_IN_LOCATION = "blank_in_location"
    LOCATION_TOO_LONG = "location_too_long"
    SCHEME_NOT_HTTPS = "scheme_not_https"
    CREDENTIALS_IN_LOCATION = "credentials_in_location"
    FRAGMENT_IN_LOCATION = "fragment_in_location"
    HOST_MALFORMED = "host_malformed"
    PORT_MALFORMED = "port_malformed"
    PORT_REFUSED = "port_refused"

    # The host's name and addresses.
    HOST_NOT_FOUND = "host_not_found"
    NAME_LOOKUP_FAILED = "name_lookup_failed"
    ADDRESS_REFUSED = "address_refused"

    # The connection.
    CONNECTION_FAILED = "connection_failed"
    TIMED_OUT = "timed_out"

    # The operator's proxy.
    PROXY_UNREACHABLE = "proxy_unreachable"
    PROXY_TLS_FAILED = "proxy_tls_failed"
    PROXY_CREDENTIALS_MISSING = "proxy_credentials_missing"
    PROXY_CREDENTIALS_REFUSED = "proxy_credentials_refused"
    PROXY_SIGN_IN_UNSUPPORTED = "proxy_sign_in_unsupported"
    PROXY_FORBIDDEN = "proxy_forbidden"
    PROXY_NO_CONNECTION = "proxy_no_connection"
    PROXY_ANSWER_UNEXPECTED = "proxy_answer_unexpected"
    PROXY_ANSWER_MALFORMED = "proxy_answer_malformed"

    # TLS and the certificate.
    TLS_FAILED = "tls_failed"
    TLS_NOT_SPOKEN = "tls_not_spoken"
    TLS_TOO_OLD = "tls_too_old"
    TLS_HANDSHAKE_REFUSED = "tls_handshake_refused"
    CLIENT_CERTIFICATE_DEMANDED = "client_certificate_demanded"
    HTTP_1_1_NOT_OFFERED = "http_1_1_not_offered"
    HOST_NOT_SERVED = "host_not_served"
    CERTIFICATE_UNKNOWN_AUTHORITY = "certificate_unknown_authority"
    CERTIFICATE_SELF_SIGNED = "certificate_self_signed"
    CERTIFICATE_OTHER_AUTHORITY = "certificate_other_authority"
    AUTHORITY_EXPIRED = "authority_expired"
    AUTHORITY_UNUSABLE = "authority_unusable"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    CERTIFICATE_WRONG_HOST = "certificate_wrong_host"
    CERTIFICATE_REFUSED = "certificate_refused"

    # The HTTP answer.
    HTTP_MALFORMED = "http_malformed"
    REDIRECT_NOT_FOLLOWED = "redirect_not_followed"
    HTTP_REFUSED = "http_refused"
    HTTP_SIGN_IN_DEMANDED = "http_sign_in_demanded"
    HTTP_FORBIDDEN = "http_forbidden"
    HTTP_NOT_FOUND = "http_not_found"
    HTTP_TOO_MANY_REQUESTS = "http_too_many_requests"
    HTTP_SERVER_FAULT = "http_server_fault"
    HTTP_STATUS = "http_status"
    NOT_MODIFIED_UNASKED = "not_modified_unasked"
    CONTENT_ENCODING = "content_encoding"
    TOO_LARGE = "too_large"


class ExchangeFailed(Exception):
    """An exchange failed. Always raised `from None`, because the cause may contain what the server sent.

    Attributes:
        presented: the untrusted certificates in DER that the server presented, if they are the reason.
    """

    def __init__(self, failure: Failure, *, presented: tuple[bytes, ...] = ()) -> None:
        super().__init__(failure.value)
        self.failure = failure
        self.presented = presented
