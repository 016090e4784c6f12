"""The requests of the console's page API Keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.urls import reverse
from django.views.decorators.http import require_safe

from watchword.control.web.api_access.key_dialogs import create_key, revoke_key
from watchword.control.web.api_access.keys_page import OperatorKeysPage, usable_key
from watchword.control.web.shell.page_responses import guarded_by, show

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor

_guarded: Final = guarded_by(OperatorKeysPage)


@require_safe
@_guarded
def keys(request: HttpRequest, actor: Actor, page: OperatorKeysPage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """The provider's API keys and their last use."""
    return show(request, page)


@_guarded
def create(request: HttpRequest, actor: Actor, page: OperatorKeysPage) -> HttpResponse:
    """GET opens the dialog, POST creates the key."""
    return create_key(request, actor, page, {"save_url": reverse("console:create-api-key")})


@_guarded
def revoke(request: HttpRequest, actor: Actor, page: OperatorKeysPage, operator_key: UUID) -> HttpResponse:
    """GET asks, POST revokes."""
    url = reverse("console:revoke-api-key", args=[operator_key])
    return revoke_key(request, actor, page, usable_key(page.keys, operator_key), url=url)
