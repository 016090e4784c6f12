"""The addresses of the API and of its reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from django.urls import include, path
from ninja import NinjaAPI

from watchword.control.api import activity, audit, fleet, organizations, publication, reference, roles, servers
from watchword.control.api.declarations import OPERATIONS
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
_RESOURCES: Final = (servers, roles, audit, activity, publication, organizations, fleet)
for resource in _RESOURCES:
    api.add_router("", resource.router)

_REFERENCE: Final = [
    path("v1/openapi.json", reference.openapi_document, name="document"),
    path("docs", reference.swagger_ui, name="swagger-ui"),
]

urlpatterns = [
    path("api/", include((_REFERENCE, "api-reference"))),
    path("api/v1/", api.urls),
]
