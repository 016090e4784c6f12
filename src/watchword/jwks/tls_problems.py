"""What OpenSSL's names for a failed handshake mean to an administrator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchword.jwks.problem import Problem

if TYPE_CHECKING:
    import ssl

_MEANINGS: Final = (
    # Parts of names: OpenSSL puts a version of TLS before each alert, and not the same one in all of its own versions.
    ("NO_APPLICATION_PROTOCOL", Problem.HTTP_1_1_NOT_OFFERED),
    ("PROTOCOL_VERSION", Problem.TLS_TOO_OLD),
    ("UNSUPPORTED_PROTOCOL", Problem.TLS_TOO_OLD),
    ("WRONG_VERSION_NUMBER", Problem.TLS_NOT_SPOKEN),
    ("WRONG_SSL_VERSION", Problem.TLS_NOT_SPOKEN),
    ("HTTP_REQUEST", Problem.TLS_NOT_SPOKEN),
    ("PACKET_LENGTH_TOO_LONG", Problem.TLS_NOT_SPOKEN),
    ("RECORD_LAYER_FAILURE", Problem.TLS_NOT_SPOKEN),
    ("ALERT_HANDSHAKE_FAILURE", Problem.TLS_HANDSHAKE_REFUSED),
    ("INSUFFICIENT_SECURITY", Problem.TLS_HANDSHAKE_REFUSED),
    # This service sends no certificate, so a server that complains of one has demanded it.
    ("ALERT_CERTIFICATE", Problem.CLIENT_CERTIFICATE_DEMANDED),
    ("ALERT_BAD_CERTIFICATE", Problem.CLIENT_CERTIFICATE_DEMANDED),
    ("ALERT_NO_CERTIFICATE", Problem.CLIENT_CERTIFICATE_DEMANDED),
    ("ALERT_UNSUPPORTED_CERTIFICATE", Problem.CLIENT_CERTIFICATE_DEMANDED),
    ("ALERT_UNKNOWN_CA", Problem.CLIENT_CERTIFICATE_DEMANDED),
    ("UNRECOGNIZED_NAME", Problem.HOST_NOT_SERVED),
)


def problem_of_tls(error: ssl.SSLError) -> Problem:
    """The problem that the error stands for. Its words are OpenSSL's own; the server only chooses among them."""
    # Python's list of reasons lacks some, the one for ALPN among them; then only the text has it, in small letters.
    name = error.reason or str(error).upper().replace(" ", "_")
    return next((problem for part, problem in _MEANINGS if part in name), Problem.TLS_FAILED)
