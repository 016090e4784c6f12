from __future__ import annotations

from django.apps import AppConfig

from watchword.control.base import hooks


class FleetConfig(AppConfig):
    name = "watchword.control.fleet"
    label = "fleet"

    def ready(self) -> None:
        from watchword.control.fleet.publish import publish_trust  # noqa: PLC0415 - models need the app first.

        hooks.publish_trust.register(publish_trust)
