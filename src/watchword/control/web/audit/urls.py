from __future__ import annotations

from django.urls import path

from watchword.control.web.audit import views

app_name = "audit"

urlpatterns = [
    path("<slug:organization>/administration/audit-logs/", views.listing, name="list"),
    path("<slug:organization>/administration/audit-logs/export/", views.export, name="export"),
    path("operator-console/audit-logs/", views.provider_listing, name="provider"),
    path("operator-console/audit-logs/export/", views.provider_export, name="provider-export"),
]
