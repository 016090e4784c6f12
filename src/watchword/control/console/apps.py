from __future__ import annotations

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "watchword.control.console"
    label = "console"
