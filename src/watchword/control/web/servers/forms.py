"""The Add and Edit dialog's form. It only carries text: what is right or wrong about it is decided by the command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms

from watchword.control.servers.acceptance import CONFIRMED_BY, AcceptedTokens
from watchword.control.servers.rules import ServerFields
from watchword.control.web.shell.form_fields import Text
from watchword.outbound.ca_bundle import holds_private_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import QueryDict

    from watchword.control.servers.queries import ServerDetail

PRIVATE_KEY: Final = "-----BEGIN PRIVATE KEY-----"
"""What a pasted private key is replaced by on its way to the command, which refuses it by this alone."""

FILLED: Final = ("jwks_location", "issuer")
"""The fields that metadata fills in."""


class RegistrationForm(forms.Form):
    """What was typed.

    Every field is optional and nothing is trimmed or cut off here, so that everything typed can be shown again
    beside the sentence about it.
    """

    enabled = forms.BooleanField(required=False)
    name = Text()
    description = Text()
    jwks_location = Text()
    verify_certificate = forms.BooleanField(required=False)
    authority = Text()
    audience = Text()
    issuer = Text()
    client_id = Text()
    accept_any = forms.BooleanField(required=False)
    accept_anybody = forms.BooleanField(required=False)
    accepts_bound_tokens = forms.BooleanField(required=False)
    required_role = Text()
    receipt = Text()
    version = forms.IntegerField(required=False, min_value=1)
    # What stood in the two fields before they were filled in from metadata: in the form, so that it can be put back.
    filled = forms.BooleanField(required=False)
    replaced_jwks_location = Text()
    replaced_issuer = Text()

    private_key_pasted = False

    def refuse(self, field_errors: Mapping[str, str]) -> None:
        """Put the command's sentences at their fields; a sentence for a field the form lacks stays with the form."""
        for field, sentence in field_errors.items():
            self.add_error(field if field in self.fields else None, sentence)

    def typed(self) -> ServerFields:
        return ServerFields(
            enabled=self._on("enabled"),
            name=self._text("name"),
            description=self._text("description"),
            jwks_location=self._text("jwks_location"),
            verify_certificate=self._on("verify_certificate"),
            audience=self._text("audience"),
            issuer=self._text("issuer"),
            client_id=self._text("client_id"),
            accept_any=self._confirmed("accept_any"),
            accept_anybody=self._confirmed("accept_anybody"),
            accepts_bound_tokens=self._confirmed("accepts_bound_tokens"),
            required_role=self._text("required_role"),
            authority=PRIVATE_KEY if self.private_key_pasted else self._text("authority"),
        )

    @property
    def replaced(self) -> dict[str, str] | None:
        """What stood in the fields that were filled in from metadata; None if none were."""
        if not self._on("filled"):
            return None
        return {name: self._text(f"replaced_{name}") for name in FILLED}

    @property
    def receipt_text(self) -> str:
        return self._text("receipt")

    @property
    def expected_version(self) -> int:
        """The version that the edit was made from; 0, which no server ever has, if it was tampered with."""
        version = self.cleaned_data.get("version")
        return version if isinstance(version, int) else 0

    def _text(self, name: str) -> str:
        return str(self.cleaned_data[name])

    def _on(self, name: str) -> bool:
        return bool(self.cleaned_data.get(name))

    def _confirmed(self, name: str) -> bool:
        # What a checked box sends and nothing else: to Django, a box that sends "off" is checked.
        return self.data.get(name) == "on"


def blank(*, enabled: bool) -> RegistrationForm:
    return RegistrationForm(initial={"enabled": enabled, "verify_certificate": True})


def of(detail: ServerDetail) -> RegistrationForm:
    """The form as Edit opens it. Earlier confirmations that tokens of others are accepted stay checked."""
    accepted = AcceptedTokens.of(
        detail.jwks_location, audience=detail.audience, issuer=detail.issuer, client_id=detail.client_id
    )
    values: dict[str, Any] = {
        "enabled": detail.enabled,
        "name": detail.name,
        "description": detail.description,
        "jwks_location": detail.jwks_location,
        "verify_certificate": detail.verify_certificate,
        "authority": detail.authority,
        "audience": detail.audience,
        "issuer": detail.issuer,
        "client_id": detail.client_id,
        "accepts_bound_tokens": detail.accepts_bound_tokens,
        "required_role": detail.required_role,
        **{field: accepted.confirmed_by == field for field in CONFIRMED_BY.values()},
        "version": detail.version,
    }
    return RegistrationForm(initial=values)


def received(post: QueryDict, **instead: str) -> RegistrationForm:
    """The form as it was sent; `instead` replaces what was in these fields."""
    typed = post.copy()
    for name, value in instead.items():
        typed[name] = value
    # Browsers send a text area's line breaks as CR LF; the person did not type the CR.
    for area in ("description", "authority"):
        typed[area] = typed.get(area, "").replace("\r\n", "\n")
    private_key_pasted = holds_private_key(str(typed["authority"]))
    if private_key_pasted:
        # The one thing typed that is not shown again. It goes no further than this: not into a page, a command, a log.
        typed["authority"] = ""
    form = RegistrationForm(typed)
    form.private_key_pasted = private_key_pasted
    # Fills cleaned_data; the verdict does not matter, the rules are the command's.
    form.is_valid()
    return form


def filled(post: QueryDict, values: Mapping[str, str]) -> RegistrationForm:
    """The form as it was sent, with values of metadata in it; what they replace goes along."""
    before = {f"replaced_{name}": post.get(name, "") for name in values}
    return received(post, **values, **before, filled="on")


def restored(post: QueryDict) -> RegistrationForm:
    """The form as it was before values of metadata were put into it."""
    replaced = received(post).replaced
    return received(post) if replaced is None else received(post, **replaced, filled="")
