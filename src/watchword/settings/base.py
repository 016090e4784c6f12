"""What the settings of both planes share: where they are read, their bounds, and how a wrong one is reported."""

from __future__ import annotations

import ipaddress
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field
from pydantic_settings import BaseSettings, InitSettingsSource, SettingsConfigDict

from watchword.settings.variables import FILE_VARIABLE

if TYPE_CHECKING:
    from pydantic_settings import PydanticBaseSettingsSource

DEFAULT_FILE = "watchword.toml"
VERIFIER_TABLE = "verifier"
"""The table of the shared file that only verifiers read; everything outside it belongs to the control plane."""

Port = Annotated[int, Field(ge=1, le=65535)]


class SettingsProblem(Exception):
    """The settings cannot be used. Each of `sentences` names one setting and says how to correct it."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


class PlaneSettings(BaseSettings):
    """The settings of one plane."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    table: ClassVar[str | None] = None
    """The table of the file that holds these settings, None for the top of the file."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not read: a stray .env must not change whom we trust
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - secrets have files of their own, by name
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags win over the environment, the environment over the file."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=_entries(cls.table))


def settings_file() -> tuple[Path, dict[str, Any]]:
    """The path of the settings file, and what it holds: nothing if the default file does not exist.

    Raises:
        SettingsProblem: the file was named but does not exist, or it cannot be read.
    """
    named = os.environ.get(FILE_VARIABLE)
    path = Path(named or DEFAULT_FILE)
    if named is None and not path.exists():
        return path, {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as failure:
        raise SettingsProblem(f"{path}: cannot be read as TOML ({type(failure).__name__}: {failure}).") from None
    if not isinstance(document.get(VERIFIER_TABLE, {}), dict):
        raise SettingsProblem(f"{path}: [{VERIFIER_TABLE}] must be a table.")
    return path, document


def _entries(table: str | None) -> dict[str, Any]:
    _, document = settings_file()
    if table is None:
        return {name: value for name, value in document.items() if name != VERIFIER_TABLE}
    entries: dict[str, Any] = document.get(table, {})
    return entries


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
