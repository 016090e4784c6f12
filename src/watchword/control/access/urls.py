from __future__ import annotations

from django.urls import path

from watchword.control.access import views

app_name = "access"

urlpatterns = [
    path("", views.start, name="start"),
    path("sign-in", views.sign_in, name="sign-in"),
    path("sign-in/<str:secret>", views.open_link, name="set-password"),
    path("set-password", views.set_password, name="choose-password"),
    path("sign-out", views.sign_out, name="sign-out"),
]
