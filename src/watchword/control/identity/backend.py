"""Django's authentication backend: finds the person of a session and checks a password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.hashers import make_password

from watchword.control.identity.models import Person

if TYPE_CHECKING:
    from django.http import HttpRequest


class PasswordBackend:
    """E-mail address and password."""

    def authenticate(
        self,
        request: HttpRequest | None,  # noqa: ARG002 - the signature is Django's.
        email: str | None = None,
        password: str | None = None,
    ) -> Person | None:
        """Return the person, or None; neither the result nor the time shows why it is None (P-02)."""
        if email is None or password is None:
            return None
        person = Person.objects.filter(email=email, is_active=True).first()
        if person is None or not person.has_usable_password():
            # Takes as long as checking a password, so that the response time does not show that the account exists.
            make_password(password)
            return None
        return person if person.check_password(password) else None

    def get_user(self, user_id: int) -> Person | None:
        """Return the person of a session; None from the first request after a deactivation on."""
        return Person.objects.select_related("organization", "role").filter(pk=user_id, is_active=True).first()
