from __future__ import annotations

from django.urls import include, path

from watchword.control.web.calling import views as calling_views
from watchword.control.web.servers import metadata_views, row_views, views

app_name = "servers"

_PAGE = (
    "<slug:organization>/administration/api-configuration/legacy-api/internet-saas-api/oauth-2-0-authorization-servers/"
)

_ROUTES = [
    path("", views.listing, name="list"),
    path("call-the-api/", calling_views.calling, name="calling"),
    path("add/", views.add, name="add"),
    path("validate/", views.validate_location, name="validate"),
    path("<uuid:server>/validate/", views.validate_location, name="validate-edit"),
    path("trust/", views.trust, name="trust"),
    path("<uuid:server>/trust/", views.trust, name="trust-edit"),
    path("find/", metadata_views.find, name="find"),
    path("<uuid:server>/find/", metadata_views.find, name="find-edit"),
    path("fill/", metadata_views.fill, name="fill"),
    path("<uuid:server>/fill/", metadata_views.fill, name="fill-edit"),
    path("<uuid:server>/edit/", views.edit, name="edit"),
    path("<uuid:server>/delete/", row_views.delete, name="delete"),
    path("<uuid:server>/enable/", row_views.enable, name="enable"),
    path("<uuid:server>/disable/", row_views.disable, name="disable"),
    path("<uuid:server>/refresh/", row_views.refresh, name="refresh"),
    path("<uuid:server>/fetch/", row_views.fetch, name="fetch"),
]

urlpatterns = [path(_PAGE, include(_ROUTES))]
