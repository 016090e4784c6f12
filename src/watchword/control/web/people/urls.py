from __future__ import annotations

from django.urls import include, path

from watchword.control.web.people import people_views, roles_views, session_views
from watchword.control.web.sign_in import sign_in_again, views

app_name = "access"

_ADMINISTRATORS = [
    path("", people_views.administrators, name="administrators"),
    path("invite/", people_views.invite, name="invite"),
    path("<int:person>/sign-in-link/", people_views.sign_in_link, name="sign-in-link"),
    path("<int:person>/change-role/", people_views.change_role, name="change-role"),
    path("<int:person>/rename/", people_views.rename, name="rename"),
    path("<int:person>/deactivate/", people_views.deactivate, name="deactivate"),
    path("<int:person>/reactivate/", people_views.reactivate, name="reactivate"),
]

_ROLES = [
    path("", roles_views.roles, name="roles"),
    path("create/", roles_views.create, name="create-role"),
    path("<int:role>/edit/", roles_views.edit, name="edit-role"),
    path("<int:role>/delete/", roles_views.delete, name="delete-role"),
]

urlpatterns = [
    path("", views.start, name="start"),
    path("sign-in", views.sign_in, name="sign-in"),
    path("sign-in-again", sign_in_again.sign_in_again, name="sign-in-again"),
    path("sign-in/<str:secret>", views.open_link, name="set-password"),
    path("set-password", views.set_password, name="choose-password"),
    path("sign-out", views.sign_out, name="sign-out"),
    path("<slug:organization>/administration/administrators/", include(_ADMINISTRATORS)),
    path("<slug:organization>/administration/role-management/", include(_ROLES)),
    path("sessions/", session_views.listing, name="sessions"),
    path("sessions/end-others/", session_views.end_others, name="end-other-sessions"),
    path("sessions/change-password/", session_views.change_password, name="change-password"),
    path("sessions/<uuid:session>/end/", session_views.end, name="end-session"),
]
