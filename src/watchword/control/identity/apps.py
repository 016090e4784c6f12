from __future__ import annotations

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in

from watchword.control.base import hooks


class IdentityConfig(AppConfig):
    name = "watchword.control.identity"
    label = "identity"

    def ready(self) -> None:
        # Django's own receiver would write the time of signing in outside the command's transaction, and once more.
        user_logged_in.disconnect(dispatch_uid="update_last_login")
        from watchword.control.identity import standing  # noqa: PLC0415 - models need the app first.

        hooks.lock_operators.register(standing.lock_operators)
        hooks.current_rights.register(standing.current)
