"""The Add and Edit dialog: what it shows around the form, and whether Save is in it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.urls import reverse

from watchword.control.identity.api_queries import api_role_names
from watchword.control.servers.ca_bundle import canonical, described, fingerprints
from watchword.control.servers.receipt import ReceiptRefused, read
from watchword.control.servers.shared_servers import shared_server_at
from watchword.control.servers.sources import KeySource
from watchword.control.web.activity.presentation import spoken_use
from watchword.core.named_organization import scope_of
from watchword.outbound.address import LocationRefused, parse_location

if TYPE_CHECKING:
    from watchword.control.servers.queries import ServerDetail
    from watchword.control.servers.rules import ServerFields
    from watchword.control.web.servers.forms import RegistrationForm
    from watchword.control.web.servers.page import ServersPage

TEMPLATE: Final = "servers/dialogs/edit.html"

_CAUTION: Final = (
    "This configuration is enabled and in use: a change may disrupt the API service. Make sure that the authorization "
    "server and the client applications are configured accordingly."
)

_BUTTONS: Final = ("validate", "trust", "find", "fill")

_LABELS: Final = {
    "enabled": "Enable",
    "name": "Name",
    "description": "Description",
    "jwks_location": "OAuth 2.0 JWKS Location",
    "verify_certificate": "JWKS Server Certificate Validation",
    "authority": "CA certificate",
    "audience": "Audience URI",
    "issuer": "Issuer URI",
    "client_id": "Client ID",
    "accepts_bound_tokens": "Accept tokens bound to a key or certificate",
    "required_role": "Required API Role",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A field whose stored value is not what was typed; both as people read them."""

    label: str
    stored: str
    typed: str


def context(page: ServersPage, form: RegistrationForm, detail: ServerDetail | None) -> dict[str, Any]:
    """What the dialog shows. `detail` is the server as it is stored now; None for a new one."""
    arguments = [page.organization_id] if detail is None else [page.organization_id, detail.id]
    suffix = "" if detail is None else "-edit"
    urls = {f"{name}_url": reverse(f"servers:{name}{suffix}", args=arguments) for name in _BUTTONS}
    authority = str(form["authority"].value() or "")
    return {
        "form": form,
        "title": "Add Authorization Server" if detail is None else "Edit Authorization Server",
        "save_url": reverse("servers:add" if detail is None else "servers:edit", args=arguments),
        **urls,
        "authority": authority,
        "shared": shared_server_at(str(form["jwks_location"].value() or "")),
        "filled": _filled(form),
        "attached": described(authority, page.frame.now),
        "detail": detail,
        "caution": _caution(page, detail) if detail is not None and detail.enabled else None,
        "displaced": page.enabled_besides(None if detail is None else detail.id),
        **_role(page, form),
    }


def _role(page: ServersPage, form: RegistrationForm) -> dict[str, Any]:
    """The roles to choose from. Without a cloud name none can be required, only a stored one kept or removed."""
    cloud_name, chosen = settings.WATCHWORD.cloud_name, str(form["required_role"].value() or "")
    names = [] if cloud_name is None else api_role_names(page.organization_id)
    return {
        "roles": names if chosen in {"", *names} else [*names, chosen],
        "scope_begin": None if cloud_name is None else scope_of(cloud_name, page.organization_id, ""),
    }


def again(page: ServersPage, form: RegistrationForm, detail: ServerDetail | None) -> dict[str, Any]:
    """What the dialog shows as the answer to a post, with everything typed and the validation that still holds.

    To be called before sentences are put at the fields: Django drops a field's value from the form with its first one.
    """
    fields, receipt = form.typed(), form.receipt_text
    validated = still_validated(page.organization_id, fields, receipt)
    return context(page, form, detail) | {
        "again": True,
        "validated": validated,
        "receipt": receipt if validated else None,
        "may_save": validated or (detail is not None and keeps_source(fields, detail)),
    }


def _filled(form: RegistrationForm) -> tuple[Difference, ...] | None:
    """What metadata has replaced in the form; None if nothing was filled in."""
    if not form.is_bound or form.replaced is None:
        return None
    pairs = ((_LABELS[name], before, str(form[name].value() or "")) for name, before in form.replaced.items())
    return tuple(Difference(label, before or "blank", now or "blank") for label, before, now in pairs if before != now)


def _caution(page: ServersPage, detail: ServerDetail) -> str:
    use = page.use_of(detail.id)
    return _CAUTION if use is None else f"{_CAUTION} {spoken_use(use)}"


def keeps_source(fields: ServerFields, detail: ServerDetail) -> bool:
    """Whether an edit leaves JWKS location, certificate setting and authority alone: it needs no new validation."""
    return _source(fields) == KeySource.named(
        detail.jwks_location, verify_certificate=detail.verify_certificate, ca_bundle=detail.authority or None
    )


def still_validated(organization_id: str, fields: ServerFields, receipt: str) -> bool:
    """Whether Save may stay in the dialog. Only for what is shown: the command checks the receipt again, and more."""
    try:
        proof = read(receipt, now=time.time())
    except ReceiptRefused:
        return False
    source = _source(fields)
    return proof.organization == organization_id and source is not None and source.is_of(proof)


def differences(fields: ServerFields, detail: ServerDetail) -> tuple[Difference, ...]:
    """The fields whose stored values differ from the typed ones."""
    pairs = ((name, label, getattr(detail, name), getattr(fields, name)) for name, label in _LABELS.items())
    return tuple(
        Difference(label, _read(name, stored), _read(name, typed))
        for name, label, stored, typed in pairs
        if stored != typed
    )


def _read(name: str, value: str | bool) -> str:  # noqa: FBT001 - a field's value, not a switch of this function.
    if name == "authority":
        return fingerprints(str(value) or None) or "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return value or "blank"


def _source(fields: ServerFields) -> KeySource | None:
    try:
        location = parse_location(fields.jwks_location).url
    except LocationRefused:
        return None
    return KeySource.named(
        location, verify_certificate=fields.verify_certificate, ca_bundle=canonical(fields.authority)
    )
