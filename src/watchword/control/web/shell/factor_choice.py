"""The choice of a second factor that `sign_in/factor_choice.html` offers."""

from __future__ import annotations

from dataclasses import dataclass

from watchword.control.identity.factors.passkeys import relying_party
from watchword.control.identity.factors.queries import enrolled_factors


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorChoice:
    """What a person can prove who they are with.

    Attributes:
        passkey: a passkey, at this portal's address.
        passkeys_elsewhere: the person has passkeys, but this portal's address is an IP address.
        app: a code of the authenticator app.
        recovery: a recovery code.
        recovering: the person typed a recovery code, which was refused.
        options_url: where the script begins to use a passkey.
    """

    passkey: bool
    passkeys_elsewhere: bool
    app: bool
    recovery: bool
    recovering: bool
    options_url: str

    @classmethod
    def of(cls, person_id: int, options_url: str, *, recovery: bool = True, recovering: bool = False) -> FactorChoice:
        enrolled = enrolled_factors(person_id)
        has_passkeys, possible = bool(enrolled.passkeys), relying_party() is not None
        return cls(
            passkey=has_passkeys and possible,
            passkeys_elsewhere=has_passkeys and not possible,
            app=enrolled.has_app,
            recovery=recovery,
            recovering=recovering,
            options_url=options_url,
        )

    def as_json(self) -> dict[str, object]:
        """For a script that shows the choice."""
        return {"passkey": self.passkey, "app": self.app, "options": self.options_url}
