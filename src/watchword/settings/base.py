"""What the settings of both planes share: their sources, bounds and names, and how a wrong one is reported.

Every process reads its settings by `load_control_settings` and `load_verifier_settings` in load.py, which use only
what is here; `watchword config check` does the same.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, SettingsConfigDict

from watchword.settings.variables import (
    ENVIRONMENT_PREFIX,
    FILE_VARIABLE,
    LOG_FORMAT_VARIABLE,
    LOG_FORMATS,
    OTHER_VARIABLES,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from urllib.parse import SplitResult

    from pydantic_settings import PydanticBaseSettingsSource

DEFAULT_FILE = "watchword.toml"
VERIFIER_TABLE = "verifier"
"""The table of the shared file that only verifiers read; everything outside it belongs to the control plane."""

_SERVICE_LINK: Final = re.compile(r"(?:_SERVICE_HOST|_SERVICE_PORT(_[A-Z0-9_]+)?|_PORT(_[0-9]+_[A-Z]+(_[A-Z]+)?)?)$")
"""How the variables end that Kubernetes sets in every pod for a Service, here one whose name begins "watchword"."""
_SERVICE_ADDRESS: Final = re.compile(r"(tcp|udp|sctp)://")

Port = Annotated[int, Field(ge=1, le=65535)]


class SettingsProblem(Exception):
    """The settings cannot be used. Each of `sentences` names one setting and says how to correct it."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences

    def of_verifier(self) -> SettingsProblem:
        """The same with the verifier named, where both planes are read: they have settings of the same name."""
        return SettingsProblem(*(f"{VERIFIER_TABLE}: {sentence}" for sentence in self.sentences))


def split_at_commas(value: object) -> object:
    """The parts of a list that the environment writes with commas; everything else as it is."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


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

    @classmethod
    def load(cls, names: frozenset[str], flags: Mapping[str, Any]) -> Self:
        """The settings from `flags`, environment and file.

        Args:
            names: of the settings of all planes. A mistyped name would otherwise be ignored, and its default used.
            flags: by the name of the setting.

        Raises:
            SettingsProblem: with a sentence for each wrong value and each unknown name.
        """
        _, document = settings_file()
        sentences = list(problems_with_names(os.environ, document, names))
        try:
            settings = cls(**flags)
        except ValidationError as invalid:
            raise SettingsProblem(*sentences, *_sentences(invalid, flags)) from None
        if sentences:
            raise SettingsProblem(*sentences)
        return settings

    @classmethod
    def names(cls) -> frozenset[str]:
        """Of the settings as the file spells them; those of verifiers as `verifier.port`."""
        return frozenset(name if cls.table is None else f"{cls.table}.{name}" for name in cls.model_fields)


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


def _sentences(invalid: ValidationError, flags: Mapping[str, Any]) -> Iterator[str]:
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


def variable_of(name: str) -> str:
    """The environment variable of a setting: `verifier.port` is WATCHWORD_VERIFIER_PORT."""
    return f"{ENVIRONMENT_PREFIX}{name.replace('.', '_').upper()}"


def problems_with_names(
    environment: Mapping[str, str], document: Mapping[str, Any], names: frozenset[str]
) -> Iterator[str]:
    """A sentence for each name in the environment and the file that is not one of `names`."""
    variables = {variable_of(name) for name in names}
    for variable, value in sorted(environment.items()):
        if not variable.upper().startswith(ENVIRONMENT_PREFIX):
            continue
        in_pod = "KUBERNETES_SERVICE_HOST" in environment
        if in_pod and variable in variables and _SERVICE_ADDRESS.match(value):
            yield (
                f"{variable}: Kubernetes has set it to the address of a Service with this name; "
                "set enableServiceLinks: false in the pod, or rename the Service."
            )
        elif in_pod and variable not in variables and _SERVICE_LINK.search(variable):
            continue
        elif variable not in variables and variable not in OTHER_VARIABLES:
            # Capitals only: parts of a deployment that compare names exactly would overlook any other spelling.
            yield _unknown(ascii(variable)[1:-1], _nearest(_as_name(variable), names), variable_of)
    log_format = environment.get(LOG_FORMAT_VARIABLE)
    if log_format is not None and log_format not in LOG_FORMATS:
        yield f"{LOG_FORMAT_VARIABLE}: must be {' or '.join(LOG_FORMATS)}."
    table = document.get(VERIFIER_TABLE, {})
    for name in [
        *(name for name in document if name != VERIFIER_TABLE),
        *(f"{VERIFIER_TABLE}.{name}" for name in table),
    ]:
        if name not in names:
            yield _unknown(ascii(name)[1:-1], _nearest(name, names), str)


def _as_name(variable: str) -> str:
    name = variable[len(ENVIRONMENT_PREFIX) :].lower()
    in_table = name.removeprefix(f"{VERIFIER_TABLE}_")
    return name if in_table == name else f"{VERIFIER_TABLE}.{in_table}"


def _nearest(name: str, names: frozenset[str]) -> str | None:
    own = name.rpartition(".")[2]
    # The right name in the wrong table is the likelier mistake, however different the two look as a whole.
    for candidate in (name, own, f"{VERIFIER_TABLE}.{own}"):
        if candidate in names:
            return candidate
    return next(iter(get_close_matches(name, sorted(names), n=1)), None)


def _unknown(shown: str, nearest: str | None, spelled: Any) -> str:
    remedy = "remove it or correct its name" if nearest is None else f"did you mean {spelled(nearest)}?"
    return f"{shown}: no such setting; {remedy}".rstrip("?") + ("?" if nearest else ".")


def check_origin(url: str) -> SplitResult:
    """The parts of scheme, host and perhaps port.

    Raises:
        ValueError: it is anything else.
    """
    parts = urlsplit(url)
    # `port` raises for what is no port.
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"} or parts.port == 0:
        raise ValueError("must be an origin such as https://portal.example")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("must be an origin alone, without user, query or fragment")
    return parts


def is_issuer(url: str) -> bool:
    """Whether the text can be the issuer of an OpenID provider: an https URL, without user, query and fragment."""
    try:
        parts = urlsplit(url)
        plain = parts.port != 0 and parts.username is None and not parts.query and not parts.fragment
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and plain and url.isprintable() and " " not in url


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
