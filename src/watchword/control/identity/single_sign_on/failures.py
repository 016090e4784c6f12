"""Why a sign-in by single sign-on fails: one closed table. No sentence holds text of a provider or of a token."""

from __future__ import annotations

from enum import Enum


class SignInFailure(Enum):
    """Every reason, with its stable code and the sentence for the person who signs in.

    Attributes:
        code: stable, snake_case; the audit log has it.
        sentence: what happened, and whom to ask.
    """

    UNKNOWN = (
        "single_sign_on_unknown",
        (
            "Single sign-on is not set up for this address. Sign in in another way, or ask an administrator of your "
            "organization."
        ),
    )
    BUSY = ("single_sign_on_busy", "Too many people are signing in at the moment. Try again in a few seconds.")
    PROVIDER_UNAVAILABLE = (
        "provider_unavailable",
        (
            "The identity provider of your organization could not be reached, or is not set up as expected. Ask the "
            "administrators of that provider."
        ),
    )
    EXPIRED = (
        "ceremony_expired",
        "This sign-in took too long, has been completed before, or began in another browser. Start again.",
    )
    DENIED = (
        "provider_denied",
        "The identity provider did not sign you in. Start again, or ask its administrators to give you access.",
    )
    RESPONSE_REFUSED = (
        "provider_response_refused",
        (
            "The response of the identity provider could not be verified. Start again. If that does not help, ask the "
            "administrators of that provider."
        ),
    )
    EMAIL_UNVERIFIED = (
        "email_unverified",
        "The identity provider does not say that your e-mail address is verified. Ask its administrators.",
    )
    EMAIL_OUTSIDE = (
        "email_outside_domains",
        "Your e-mail address is in no domain that is assigned to your organization. Ask its administrators.",
    )
    PERSON_TAKEN = (
        "person_taken",
        "Your e-mail address belongs to another account of this portal. Ask an administrator of your organization.",
    )
    NO_ROLE = (
        "no_role",
        "The identity provider gives you no role in this portal. Ask the administrators of your organization.",
    )
    DEACTIVATED = (
        "person_deactivated",
        "Your account in this portal is deactivated. Ask an administrator of your organization.",
    )
    NO_OPERATOR = ("no_operator", "No operator has your e-mail address. Ask another operator to invite you.")
    NOT_RECENT = (
        "sign_in_not_recent",
        "The identity provider did not ask you to sign in again, so it is not confirmed that it is you.",
    )
    OTHER_PERSON = ("other_person", "You signed in at the identity provider as another person than in this portal.")

    def __init__(self, code: str, sentence: str) -> None:
        self.code = code
        self.sentence = sentence


class SignInFailed(Exception):
    """The sign-in failed, and nothing was changed.

    Attributes:
        failure: the entry of the table.
        detail: the code of the step that failed, for the audit log; that of `failure` where there is no closer one.
        email: of the person concerned, if it is known and verified; "" otherwise.
    """

    def __init__(self, failure: SignInFailure, *, detail: str = "", email: str = "") -> None:
        self.failure = failure
        self.detail = detail or failure.code
        self.email = email
        super().__init__(self.detail)
