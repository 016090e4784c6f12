from __future__ import annotations

from django.urls import path

from watchword.control.access import session_views, views

app_name = "access"

urlpatterns = [
    path("", views.start, name="start"),
    path("sign-in", views.sign_in, name="sign-in"),
    path("sign-in/<str:secret>", views.open_link, name="set-password"),
    path("set-password", views.set_password, name="choose-password"),
    path("sign-out", views.sign_out, name="sign-out"),
    path("sessions/", session_views.listing, name="sessions"),
    path("sessions/end-others/", session_views.end_others, name="end-other-sessions"),
    path("sessions/change-password/", session_views.change_password, name="change-password"),
    path("sessions/<uuid:session>/end/", session_views.end, name="end-session"),
]
