"""Advice for administrators about problems with a JWKS location, for the table in `problem`."""

from __future__ import annotations

SHOW_LOCATION = "Copy the JWKS location from the authorization server's metadata, where it is called jwks_uri."
ASK_OPERATOR = "Publish the key set at a public address, or ask the operator of this service to allow this one."
CHECK_SERVER = (
    "Check that the authorization server is running, can be reached from this service, speaks TLS 1.2 or later on this "
    "port and demands no client certificate, then try again."
)
ASK_ABOUT_PROXY = "Ask the operator of this service to check the proxy and its settings."
CHECK_BEHIND_PROXY = (
    "Check the spelling of the host name, and that the authorization server is running, speaks TLS 1.2 or later on "
    "this port and can be reached from the Internet. If so, ask the operator of this service to check the proxy."
)
CHECK_ENDPOINT = "Check that the location is the JWKS endpoint of the authorization server and works without sign-in."
CHECK_CLOCKS = "If its dates are right, ask the operator of this service to check its clock."
# The safe remedies come first, and the one that switches validation off last.
THREE_REMEDIES = (
    "If the authority is a recognized one, let the server send its intermediate certificates. "
    'Attach the certificate of the server\'s own authority under "CA certificate": validation stays on. Or change the '
    "server certificate to one signed by a recognized authority. Disable certificate validation using the option "
    '"JWKS Server Certificate Validation" only if neither is possible.'
)
ATTACH_PRESENT = (
    'Attach the certificate of its present authority under "CA certificate", or change the server certificate. '
    'Disable certificate validation using the option "JWKS Server Certificate Validation" only if neither is possible.'
)
CHANGE_CERTIFICATE = (
    "Change the server certificate. Disable certificate validation using the option "
    '"JWKS Server Certificate Validation" only if that is not possible.'
)
WRITE_HOST = (
    "Write the host as a name such as login.example.com (letters, digits, hyphens and dots; other scripts in the "
    "form xn--…), or as an IP address in its usual form (IPv6 in brackets)."
)
CHECK_DNS = (
    "Check the DNS servers of the domain, then try again. If they answer, ask the operator of this service to check "
    "its own."
)
ALLOW_CIPHERS = (
    "Enable a cipher suite with forward secrecy (ECDHE) at the server, and demand no client certificate for the key "
    "set."
)
FOLLOW_REDIRECT = (
    "Enter the location at which the key set is served directly. If the server redirects to a sign-in page, let it "
    "serve the key set without sign-in."
)
NO_ENCODING = (
    "Serve the key set without compression when the request says Accept-Encoding: identity. If the answer is not "
    "compressed, remove the header; a character set such as utf-8 belongs in Content-Type."
)
NOT_A_PAGE = "Check that the location is the JWKS endpoint, not its documentation, and that no sign-in page guards it."
SEE_REASONS = (
    "See the reason for each key. Publish an RSA (2,048 to 8,192 bits), EC (P-256, P-384, P-521) or Ed25519 public "
    "key for signatures."
)
