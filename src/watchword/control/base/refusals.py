"""Why the control plane refuses a request: one closed table for the portal, the API and the command line."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from watchword.control.base.actor import Permission, Privilege
from watchword.control.base.times import spoken

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from watchword.control.base.actor import Actor, Required


class RefusalReason(Enum):
    """Every reason, with its stable code, its HTTP status and its sentence.

    Attributes:
        code: stable, snake_case; API clients and tests depend on it.
        status: HTTP status: 401 no longer signed in, 403 not allowed, 404 not found, 409 conflicts with the present
            state, 422 invalid input, 429 too often or too many at once.
        template: the sentence, with placeholders that the code that raises it must fill.
    """

    PERMISSION_MISSING = ("permission_missing", 403, "{sentence}")
    SESSION_ENDED = ("session_ended", 401, "Your session has ended. Sign in again.")
    PROOF_REQUIRED = ("proof_required", 403, "Confirm that it is you, then try again. Nothing was changed.")
    SUBSCRIPTION_INACTIVE = ("subscription_inactive", 403, "{banner}")
    ORGANIZATION_SUSPENDED = ("organization_suspended", 403, "{banner}")
    NOT_FOUND = ("not_found", 404, "Not found.")
    VERSION_STALE = (
        "version_stale", 409,
        "{who} changed this on {when}, after you opened it. Nothing was saved; what you typed is still here.",
    )  # fmt: skip
    SLOTS_USED_UP = (
        "slots_used_up", 409,
        "An organization can have at most two authorization servers. Delete one to add another.",
    )  # fmt: skip
    NAME_TAKEN = ("name_taken", 409, "The name “{name}” is already taken.")
    ALREADY_SUSPENDED = ("already_suspended", 409, "The organization is already suspended.")
    NOT_SUSPENDED = ("not_suspended", 409, "The organization is not suspended.")
    LAST_ADMINISTRATOR = (
        "last_administrator",
        409,
        (
            "This is the last active administrator who holds every permission. Give another administrator a role with "
            "every permission first. Invited administrators count once they have set a password."
        ),
    )
    LAST_OPERATOR = (
        "last_operator",
        409,
        (
            "This is the last active operator. Invite another one first. Invited operators count once they have set a "
            "password."
        ),
    )
    EMERGENCY_ADMINISTRATOR = (
        "emergency_administrator",
        409,
        (
            "This is the emergency administrator, who can sign in while single sign-on does not work, and needs every "
            "permission for it. Choose another one under Sign-In Settings first."
        ),
    )
    SECOND_FACTOR_NEEDED = ("second_factor_needed", 409, "{sentence}")
    SINGLE_SIGN_ON_NEEDED = ("single_sign_on_needed", 409, "{sentence}")
    DOMAIN_ASSIGNED = ("domain_assigned", 409, "{domain} is already assigned to {who}.")
    OWN_ACCOUNT = (
        "own_account", 409,
        "You cannot deactivate or reactivate yourself. Ask another person with this permission.",
    )  # fmt: skip
    ROLE_IN_USE = ("role_in_use", 409, "The role is still assigned to {who}. Assign them another role first.")
    ROLE_GIVEN_BY_PROVIDER = (
        "role_given_by_provider", 409,
        "Single sign-on gives this role to people. Choose another role under Sign-In Settings first.",
    )  # fmt: skip
    API_ROLES_USED_UP = (
        "api_roles_used_up", 409, "An organization can have at most {most} API roles. Delete one to add another.",
    )  # fmt: skip
    API_ROLE_REQUIRED = (
        "api_role_required", 409,
        "Tokens must carry this API role, because {who} requires it. Change the required API role there first.",
    )  # fmt: skip
    API_KEYS_USED_UP = (
        "api_keys_used_up", 409, "There can be at most {most} API keys in use. Revoke one to create another.",
    )  # fmt: skip
    API_KEY_UNUSABLE = ("api_key_unusable", 401, "The API key {why}.")
    INSUFFICIENT_SCOPE = ("insufficient_scope", 403, "{sentence}")
    NO_OTHER_SESSIONS = ("no_other_sessions", 409, "You have no other sessions to end.")
    NOT_SUBSCRIBED = ("not_subscribed", 409, "There is no API subscription to renew or change. Set one first.")
    LINK_UNUSABLE = ("link_unusable", 404, "This sign-in link has been used, has expired or was never valid.")
    SIGN_IN_EXPIRED = (
        "sign_in_expired", 401, "Your sign-in took too long, or your account was changed meanwhile. Sign in again.",
    )  # fmt: skip
    SECOND_FACTOR_REQUIRED = ("second_factor_required", 403, "Your sign-in needs a second factor.")
    SECOND_FACTOR_WRONG = ("second_factor_wrong", 422, "{sentence}")
    SINGLE_SIGN_ON_REQUIRED = (
        "single_sign_on_required", 403, "Your organization requires single sign-on. Sign in with it instead.",
    )  # fmt: skip
    CEREMONY_EXPIRED = ("ceremony_expired", 422, "This took too long, or was answered before. Try again.")
    PASSKEY_REFUSED = ("passkey_refused", 422, "The passkey could not be verified. Try again, or use another one.")
    PASSKEYS_USED_UP = (
        "passkeys_used_up", 409, "You can have at most {most} passkeys. Remove one to add another.",
    )  # fmt: skip
    SECOND_FACTOR_EXISTS = (
        "second_factor_exists", 409, "A second factor was added to your account meanwhile. Sign in again with it.",
    )  # fmt: skip
    LAST_FACTOR = (
        "last_factor", 409, "This is your last second factor, and you must have one. Add another one first.",
    )  # fmt: skip
    OWN_FACTORS = (
        "own_factors", 409, "You cannot reset your own second factors. Ask another person with this permission.",
    )  # fmt: skip
    TOO_MANY_REQUESTS = ("too_many_requests", 429, "Too many attempts. Try again in {seconds} seconds.")
    PASSWORDS_BUSY = (
        "passwords_busy", 429, "Too many people are signing in at the moment. Try again in {seconds} seconds.",
    )  # fmt: skip
    VALIDATION_FAILED = (
        "validation_failed", 422, "The JWKS location could not be validated, so nothing was saved.",
    )  # fmt: skip
    VALIDATION_MISSING = ("validation_missing", 422, "Validate the JWKS location before saving.")
    VALIDATION_EXPIRED = ("validation_expired", 422, "The validation is older than ten minutes. Validate again.")
    VALIDATION_FOR_OTHER_LOCATION = (
        "validation_for_other_location", 422,
        "The JWKS location or how its certificate is checked differs from what was validated. Validate again.",
    )  # fmt: skip
    TOKENS_OF_OTHERS = ("tokens_of_others", 422, "{sentence}")
    FIELDS_INVALID = ("fields_invalid", 422, "Nothing was saved: some fields need your attention.")

    def __init__(self, code: str, status: int, template: str) -> None:
        self.code = code
        self.status = status
        self.template = template


class Refusal(Exception):
    """The request is refused and nothing was changed.

    Attributes:
        reason: the entry of the table; `code`, `status` and `sentence` follow from it.
        details: the values of the sentence's placeholders.
        field_errors: one sentence for each invalid field, by the field's name.
        above_fields: the sentence of a dialog that shows `field_errors` at its fields.
    """

    def __init__(
        self, reason: RefusalReason, *, field_errors: Mapping[str, str] | None = None, **details: object
    ) -> None:
        self.reason = reason
        self.code = reason.code
        self.status = reason.status
        self.sentence = reason.template.format(**details)
        self.details = details
        self.field_errors = dict(field_errors or {})
        # The fields show their own sentences, so this one does not repeat them.
        self.above_fields = RefusalReason.FIELDS_INVALID.template if self.field_errors else self.sentence
        super().__init__(self.sentence)


def changed_meanwhile(by: str | None, at: datetime | None) -> Refusal:
    """Return the refusal of a change that was made from an older version: who changed it since, and when.

    Both are None for what was never changed. Then the version was tampered with, and there is no editor to name.
    """
    who, when = ("Another person", "an unknown date") if by is None or at is None else (by, spoken(at))
    return Refusal(RefusalReason.VERSION_STALE, who=who, when=when)


def name_taken(name: str, *, field: str = "name") -> Refusal:
    """Return the refusal of a name that is in use, with its sentence at the field."""
    sentence = Refusal(RefusalReason.NAME_TAKEN, name=name).sentence
    return Refusal(RefusalReason.NAME_TAKEN, name=name, field_errors={field: sentence})


def right_missing(actor: Actor, required: Required, *, viewing: bool = False) -> Refusal:
    """Return the refusal of an actor without a right. It names the permission only where a role can have it."""
    if required is Privilege.OPERATOR:
        sentence = "Only the provider's operators may do this."
    elif actor.operator and required is Permission.API_KEY_MANAGEMENT:
        sentence = "Operators cannot change an organization's authorization servers."
    else:
        name = actor.right_name(required, viewing=viewing)
        sentence = f"Your role does not have the “{name}” permission."
        return Refusal(RefusalReason.PERMISSION_MISSING, sentence=sentence, permission=name)
    return Refusal(RefusalReason.PERMISSION_MISSING, sentence=sentence)


class AccessLost(Exception):
    """The actor has lost the session or the permission since the request began, or must prove again who acts.

    Nothing was changed.

    Not a Refusal: views show a refusal in the form, while this leads away from the page.

    Attributes:
        refusal: what was lost: session_ended, proof_required, permission_missing or not_found.
    """

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.sentence)
