"""How Django finds the person of a session and checks a password."""

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
        """The person, or None: which of unknown, inactive or wrong it was cannot be told, nor timed (P-02)."""
        if email is None or password is None:
            return None
        person = Person.objects.filter(email=email, is_active=True).first()
        if person is None or not person.has_usable_password():
            # Spend the time that checking a password takes, so that the answer's time tells nothing.
            make_password(password)
            return None
        return person if person.check_password(password) else None

    def get_user(self, user_id: int) -> Person | None:
        """The person of a session; one that was deactivated meanwhile is nobody from the next request on."""
        return Person.objects.select_related("organization", "role").filter(pk=user_id, is_active=True).first()
