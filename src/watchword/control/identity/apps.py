from __future__ import annotations

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in

from watchword.control.base import hooks


class IdentityConfig(AppConfig):
    name = "watchword.control.identity"
    label = "identity"

    def ready(self) -> None:
        # Django's own receiver would write the sign-in time a second time, outside the command's transaction.
        user_logged_in.disconnect(dispatch_uid="update_last_login")
        from watchword.control.identity import rights  # noqa: PLC0415 - models need the app first.

        hooks.lock_operators.register(rights.lock_operators)
        hooks.current_rights.register(rights.current_rights)
