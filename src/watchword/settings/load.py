"""Reads the settings of a plane. The only module that knows both: each refuses names that are of neither."""

from __future__ import annotations

from typing import Any, Final

from watchword.settings.control import ControlSettings
from watchword.settings.verifier import VerifierSettings

SETTINGS_NAMES: Final = ControlSettings.names() | VerifierSettings.names()
"""All settings as the file spells them; those of verifiers as `verifier.port`."""

SECRET_NAMES: Final = frozenset({"database_url", "secret_key", "verifier.credential"})
"""Those whose value is a secret; the others name a file with it."""


def load_control_settings(**flags: Any) -> ControlSettings:
    """The settings of portal, worker and commands from `flags`, environment and file.

    Raises:
        SettingsProblem: with a sentence for each wrong value and each unknown name.
    """
    return ControlSettings.load(SETTINGS_NAMES, flags)


def load_verifier_settings(**flags: Any) -> VerifierSettings:
    """The settings of a verifier from `flags`, environment and file.

    Raises:
        SettingsProblem: with a sentence for each wrong value and each unknown name.
    """
    return VerifierSettings.load(SETTINGS_NAMES, flags)
