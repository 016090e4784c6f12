"""The requests of the tab API Keys, and of the console's page of the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.urls import reverse
from django.views.decorators.http import require_safe

from watchword.control.web.api_access.key_dialogs import create_key, revoke_key
from watchword.control.web.api_access.keys_page import ApiKeysPage, OperatorKeysPage, usable_key
from watchword.control.web.shell.page_responses import guarded_by, show
from watchword.control.web.shell.proof_responses import asks_for_proof

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor

_guarded: Final = guarded_by(ApiKeysPage)
_guarded_console: Final = guarded_by(OperatorKeysPage)


@require_safe
@_guarded
def keys(request: HttpRequest, actor: Actor, page: ApiKeysPage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """The API keys and their last use."""
    return show(request, page)


@_guarded
@asks_for_proof
def create(request: HttpRequest, actor: Actor, page: ApiKeysPage) -> HttpResponse:
    """GET opens the dialog, POST creates the key."""
    more = {"choices": page.choices, "save_url": reverse("api_access:create-key", args=[page.organization_id])}
    return create_key(request, actor, page, more)


@_guarded
@asks_for_proof
def revoke(request: HttpRequest, actor: Actor, page: ApiKeysPage, api_key: UUID) -> HttpResponse:
    """GET asks, POST revokes."""
    url = reverse("api_access:revoke-key", args=[page.organization_id, api_key])
    return revoke_key(request, actor, page, usable_key(page.keys, api_key), url=url)


@require_safe
@_guarded_console
def operator_keys(request: HttpRequest, actor: Actor, page: OperatorKeysPage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """The provider's API keys and their last use."""
    return show(request, page)


@_guarded_console
@asks_for_proof
def create_operator_key(request: HttpRequest, actor: Actor, page: OperatorKeysPage) -> HttpResponse:
    """GET opens the dialog, POST creates the key."""
    return create_key(request, actor, page, {"save_url": reverse("console:create-api-key")})


@_guarded_console
@asks_for_proof
def revoke_operator_key(request: HttpRequest, actor: Actor, page: OperatorKeysPage, operator_key: UUID) -> HttpResponse:
    """GET asks, POST revokes."""
    url = reverse("console:revoke-api-key", args=[operator_key])
    return revoke_key(request, actor, page, usable_key(page.keys, operator_key), url=url)
