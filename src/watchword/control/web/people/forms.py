"""The dialogs' forms. They only carry text: what is right or wrong about it is decided by the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms

from watchword.control.base.actor import Permission
from watchword.control.web.shell.form_fields import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import QueryDict

    from watchword.control.identity.queries import RoleRow


class PersonForm(forms.Form):
    """The person to invite, or the changes to a person. Each dialog takes the fields that it shows."""

    name = Text()
    email = Text()
    role = Text()

    def refuse(self, field_errors: Mapping[str, str]) -> None:
        """Put the command's sentences at their fields."""
        for field, sentence in field_errors.items():
            self.add_error(field, sentence)

    def typed(self, name: str) -> str:
        return str(self.cleaned_data[name])


class Permissions(forms.Field):
    """The boxes that were checked. What is no permission is kept, so that the command can refuse it by name."""

    widget = forms.SelectMultiple

    def __init__(self) -> None:
        super().__init__(required=False, initial=())

    def clean(self, value: object) -> frozenset[str]:
        return frozenset(map(str, value)) if isinstance(value, list | tuple) else frozenset()


class RoleForm(forms.Form):
    """The name of a role and its permissions."""

    role = Text()
    permissions = Permissions()
    version = forms.IntegerField(required=False, min_value=1)

    def refuse(self, field_errors: Mapping[str, str]) -> None:
        """Put the command's sentences at their fields."""
        for field, sentence in field_errors.items():
            self.add_error(field, sentence)

    @property
    def name(self) -> str:
        return str(self.cleaned_data["role"])

    @property
    def chosen(self) -> frozenset[str]:
        return frozenset(self.cleaned_data["permissions"])

    @property
    def expected_version(self) -> int:
        """The version that the edit was made from; 0, which no role ever has, if it was tampered with."""
        version = self.cleaned_data.get("version")
        return version if isinstance(version, int) else 0


def received_person(post: QueryDict) -> PersonForm:
    form = PersonForm(post)
    # Fills cleaned_data; the verdict does not matter, the rules are the command's.
    form.is_valid()
    return form


def received_role(post: QueryDict) -> RoleForm:
    form = RoleForm(post)
    form.is_valid()
    return form


def of_role(row: RoleRow | None) -> RoleForm:
    """The form as Edit opens it, or Create for None."""
    if row is None:
        return RoleForm()
    checked = [permission.value for permission in Permission if permission in row.permissions]
    return RoleForm(initial={"role": row.name, "permissions": checked, "version": row.version})
