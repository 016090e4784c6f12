"""The closed tables of problems of a sign-in, with sentences for administrators and the audit log.

The sentences are constants. A provider's own error text is never shown or logged, because its sender is unknown.
"""

from __future__ import annotations

from enum import Enum


class _Problem(Enum):
    """Attributes:
    code: stable, snake_case.
    sentence: what is wrong.
    """

    def __init__(self, code: str, sentence: str) -> None:
        self.code = code
        self.sentence = sentence


class ResponseProblem(_Problem):
    """A problem with an authorization response."""

    PARAMETER_REPEATED = ("parameter_repeated", "The response contains a parameter more than once.")
    STATE_MISSING = ("state_missing", "The response does not belong to any request: it has no state.")
    STATE_MISMATCH = ("state_mismatch", "The response belongs to another request: its state is another one.")
    ISSUER_MISSING = ("issuer_missing", "The response does not say which identity provider it is from.")
    ISSUER_MISMATCH = ("issuer_mismatch", "The response is from another identity provider.")
    CODE_MISSING = ("code_missing", "The response has no code that could be exchanged.")
    ACCESS_DENIED = ("access_denied", "The person or the identity provider cancelled the sign-in.")
    SIGN_IN_NEEDED = ("sign_in_needed", "The identity provider would have had to ask the person.")
    UNAVAILABLE = ("unavailable", "The identity provider reports that it cannot sign people in at the moment.")
    REQUEST_REFUSED = (
        "request_refused",
        "The identity provider refuses the request: check the client ID, its redirect URI and its scopes there.",
    )


class TokenProblem(_Problem):
    """A problem with the exchange of a code for an ID token."""

    NOT_REACHED = ("token_endpoint_failed", "The token endpoint of the identity provider could not be used.")
    CLIENT_REFUSED = ("client_refused", "The identity provider refuses the client ID or the client secret.")
    CODE_REFUSED = (
        "code_refused",
        "The identity provider refuses the code: it has expired, was used before, or is for another client.",
    )
    REQUEST_REFUSED = ("token_request_refused", "The identity provider refuses to exchange the code.")
    ANSWER_MALFORMED = ("token_answer_malformed", "The answer of the token endpoint is not JSON as it must be.")
    ID_TOKEN_MISSING = ("id_token_missing", "The answer of the token endpoint has no ID token.")
    TOKEN_TYPE = ("token_type", "The answer of the token endpoint has another token type than Bearer.")


class IdTokenProblem(_Problem):
    """A problem with an ID token."""

    MALFORMED = ("id_token_malformed", "The ID token is not a well-formed signed JWT, or too long.")
    ALGORITHM = ("id_token_algorithm", "The ID token is not signed, or by an algorithm that is not accepted.")
    TYPE = ("id_token_type", "The token is not an ID token.")
    HEADER = ("id_token_header", "The ID token demands special processing.")
    KEY = ("id_token_key", "The ID token is not signed by a key that the identity provider publishes now.")
    SIGNATURE = ("id_token_signature", "The signature of the ID token is not valid.")
    TIMES = ("id_token_times", "A time in the ID token is missing or malformed.")
    EXPIRED = ("id_token_expired", "The ID token has expired.")
    FROM_FUTURE = ("id_token_from_future", "The ID token is not valid yet. Check the clocks.")
    TOO_OLD = ("id_token_too_old", "The ID token was not issued just now.")
    ISSUER = ("id_token_issuer", "The ID token names another issuer.")
    AUDIENCE = ("id_token_audience", "The ID token is for another client.")
    AUTHORIZED_PARTY = ("id_token_azp", "The ID token was issued to another client.")
    NONCE = ("id_token_nonce", "The ID token is for another sign-in: its nonce is another one.")
    SUBJECT = ("id_token_subject", "The ID token names no person, or in a form that is not accepted.")
    AUTHENTICATION_TIME = ("id_token_auth_time", "The ID token does not show that the person signed in just now.")
