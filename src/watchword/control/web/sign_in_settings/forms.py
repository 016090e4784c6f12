"""What is typed into the dialogs. What is right about it, the commands decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from watchword.control.identity.single_sign_on.rules import ROLE_VALUES_MAX
from watchword.control.web.shell.form_fields import WHOLE_NUMBER, Text, Typed

if TYPE_CHECKING:
    from django.http import QueryDict

    from watchword.control.identity.single_sign_on.queries import Configuration

SPARE_ROWS = 3
"""Rows for further values that the dialog offers. Saving and opening it again offers more."""


class ProviderForm(Typed):
    """The identity provider.

    Attributes:
        rows: value and role of each row, blank ones too.
    """

    issuer = Text()
    client_id = Text()
    client_secret = Text()
    role_claim = Text()
    default_role = Text()
    version = Text()

    rows: tuple[tuple[str, str], ...] = ()

    @classmethod
    def received(cls, post: QueryDict) -> Self:
        form = super().received(post)
        form.rows = tuple(
            (post.get(f"value_{number}", ""), post.get(f"role_{number}", "")) for number in range(ROLE_VALUES_MAX)
        )
        return form

    @classmethod
    def of(cls, configuration: Configuration | None) -> Self:
        """The form as the dialog opens it, never with the stored secret."""
        if configuration is None:
            return cls(initial={"version": "0"})
        form = cls(
            initial={
                "issuer": configuration.issuer,
                "client_id": configuration.client_id,
                "role_claim": configuration.role_claim,
                "default_role": configuration.default_role,
                "version": str(configuration.version),
            }
        )
        form.rows = configuration.role_values
        return form

    @property
    def role_values(self) -> tuple[tuple[str, str], ...]:
        """The rows that are not blank."""
        return tuple(row for row in self.rows if row != ("", ""))

    @property
    def shown_rows(self) -> tuple[tuple[str, str], ...]:
        """What the dialog shows: the rows in use, and blank ones."""
        spare = min(SPARE_ROWS, ROLE_VALUES_MAX - len(self.role_values))
        return self.role_values + (("", ""),) * spare

    @property
    def expected_version(self) -> int:
        return version_in(self.text("version"))

    def ask_for_secret_again(self) -> None:
        """Say that a typed secret is lost: the dialog never contains one, and blank would keep the stored one."""
        if self.text("client_secret") and "client_secret" not in self.errors:
            self.add_error("client_secret", "Enter the client secret again: it was not saved.")

    def command_fields(self) -> dict[str, Any]:
        """The arguments of `ConfigureSingleSignOn`, without the organization."""
        return {
            "issuer": self.text("issuer"),
            "client_id": self.text("client_id"),
            "client_secret": self.text("client_secret"),
            "role_claim": self.text("role_claim"),
            "role_values": self.role_values,
            "default_role": self.text("default_role"),
            "expected_version": self.expected_version,
        }


class OnlyForm(Typed):
    """Single sign-on only: the emergency administrator."""

    emergency_person = Text()
    version = Text()

    @property
    def person_id(self) -> int | None:
        typed = self.text("emergency_person")
        return int(typed) if WHOLE_NUMBER.fullmatch(typed) else None


def version_in(typed: str) -> int:
    """The version that a dialog showed; -1, which nothing ever has, if it was tampered with."""
    return int(typed) if WHOLE_NUMBER.fullmatch(typed) else -1
