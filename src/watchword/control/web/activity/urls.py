from __future__ import annotations

from django.urls import path

from watchword.control.web.activity import views

app_name = "activity"

urlpatterns = [
    path("<slug:organization>/administration/activity/", views.listing, name="list"),
]
