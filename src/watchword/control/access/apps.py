from __future__ import annotations

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in


class AccessConfig(AppConfig):
    name = "watchword.control.access"
    label = "access"

    def ready(self) -> None:
        # Django's own receiver would write the time of signing in outside the command's transaction, and once more.
        user_logged_in.disconnect(dispatch_uid="update_last_login")
