from __future__ import annotations

from django.urls import path

from watchword.control.access import views

app_name = "access"

urlpatterns = [
    path("", views.start, name="start"),
    path("sign-in", views.sign_in, name="sign-in"),
    path("sign-in/<str:secret>", views.set_password, name="set-password"),
    path("sign-out", views.sign_out, name="sign-out"),
]
