"""Reads the settings of a plane and reports every mistake in them at once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from watchword.settings.base import PlaneSettings, SettingsProblem, settings_file
from watchword.settings.control import ControlSettings
from watchword.settings.names import problems_with_names
from watchword.settings.verifier import VerifierSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

_Settings = TypeVar("_Settings", bound=PlaneSettings)


def load_control_settings(**flags: Any) -> ControlSettings:
    """The settings of portal, worker and commands from `flags`, environment and file.

    Raises:
        SettingsProblem: with a sentence for each wrong value and each unknown name.
    """
    return _load(ControlSettings, flags)


def load_verifier_settings(**flags: Any) -> VerifierSettings:
    """The settings of a verifier from `flags`, environment and file.

    Raises:
        SettingsProblem: with a sentence for each wrong value and each unknown name.
    """
    return _load(VerifierSettings, flags)


def _load(kind: type[_Settings], flags: dict[str, Any]) -> _Settings:
    _, document = settings_file()
    sentences = list(problems_with_names(os.environ, document))
    try:
        settings = kind(**flags)
    except ValidationError as invalid:
        raise SettingsProblem(*sentences, *_sentences(invalid, flags)) from None
    if sentences:
        raise SettingsProblem(*sentences)
    return settings


def _sentences(invalid: ValidationError, flags: dict[str, Any]) -> Iterator[str]:
    """One for each wrong value. Never with the value: it may be a credential or hold a password."""
    for error in invalid.errors(include_input=False):
        if error["type"] == "default_factory_not_called":
            # The mistake is in the setting that the default is made of.
            continue
        if error["type"] == "extra_forbidden" and error["loc"][0] not in flags:
            # An unknown name in the file is reported with a suggestion.
            continue
        message = error["msg"].removeprefix("Value error, ")
        yield f"{error['loc'][0]}: {message}." if error["loc"] else f"{message}."
