"""The addresses of the API, and of its reference: the committed OpenAPI document and Swagger UI, which shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import include, path, reverse
from django.views.decorators.http import require_safe
from ninja import NinjaAPI

from watchword.control.api import activity, audit, fleet, organizations, roles, servers
from watchword.control.api.declarations import OPERATIONS
from watchword.control.api.openapi import FILE
from watchword.control.api.strict_requests import GuardedParser

if TYPE_CHECKING:
    from django.http import HttpRequest


__all__ = ["OPERATIONS", "api", "urlpatterns"]
# The operations are complete once the resources are imported, which this module does.


class Api(NinjaAPI):
    """django-ninja, whose errors the middleware turns into problem documents."""

    def on_exception(self, request: HttpRequest, exc: Exception) -> NoReturn:  # type: ignore[override]  # noqa: ARG002
        raise exc


api: Final = Api(
    title="Watchword management API",
    version="1",
    urls_namespace="api",
    openapi_url=None,
    docs_url=None,
    parser=GuardedParser(),
)
_RESOURCES: Final = (servers, roles, audit, activity, organizations, fleet)
for resource in _RESOURCES:
    api.add_router("", resource.router)

_DOCUMENT: Final = FILE.read_bytes()


@require_safe
def openapi_document(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - every view gets it.
    """Return the file as it is. It says nothing about this installation, so it needs no credentials."""
    return HttpResponse(_DOCUMENT, content_type="application/json")


@require_safe
def swagger_ui(request: HttpRequest) -> HttpResponse:
    return render(request, "api/reference.html", {"document": reverse("api-reference:document")})


_REFERENCE: Final = [
    path("v1/openapi.json", openapi_document, name="document"),
    path("docs", swagger_ui, name="swagger-ui"),
]

urlpatterns = [
    path("api/", include((_REFERENCE, "api-reference"))),
    path("api/v1/", api.urls),
]
