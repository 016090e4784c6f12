"""The control plane's settings: from flags, environment and file, checked before anything starts."""

from __future__ import annotations

import ipaddress
import os
import secrets
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, InitSettingsSource, NoDecode, SettingsConfigDict

from watchword.jwks.address import Network  # noqa: TC001 - pydantic evaluates the annotation.
from watchword.jwks.fetch import FetchPolicy

if TYPE_CHECKING:
    from pydantic_settings import PydanticBaseSettingsSource

ENVIRONMENT_PREFIX = "WATCHWORD_"
FILE_VARIABLE = "WATCHWORD_CONFIG"
OTHER_TABLES = frozenset({"verifier"})
"""Tables of the shared file that belong to other processes."""

SECRET_KEY_BYTES = 48
SECRET_KEY_MIN = 32

Port = Annotated[int, Field(ge=1, le=65535)]


class SettingsProblem(Exception):
    """The settings cannot be used. Each of `sentences` names one setting and how to mend it."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


class ControlSettings(BaseSettings):
    """All that portal and worker are told.

    Attributes:
        data_dir: where state lives: the SQLite database and the secret key.
        database_url: `postgresql://…`, or None for SQLite in `data_dir`.
        portal_host, portal_port: where the portal and the feed listen.
        admin_host: where /livez, /readyz and /metrics of portal and worker are answered; no client may reach it.
        portal_admin_port, worker_admin_port: the port of each, None for nowhere.
        public_origin: how browsers reach the portal; the only name it answers to. Links are made of it alone, never
            of what a request claims.
        trusted_proxies: networks of the proxies before the portal, whose X-Forwarded-For is believed. Without them
            every browser behind a proxy seems to come from the proxy's address, and they share one count of failed
            sign-ins.
        secret_key: signs sessions and receipts; without it one is made and kept in `data_dir`.
        jwks_allowed_networks: private networks in which key sets may be fetched.
        jwks_refused_networks: public networks in which they may not, such as the service's own; wins over allowed.
        jwks_allowed_ports: ports that a JWKS location may name.
        jwks_ca_file: PEM file of further authorities for key servers.
        refresh_interval: seconds between two fetches of a key set, before jitter.
        keys_hard_limit: seconds after the last good fetch from which keys are no longer believed.
        audit_kept_days: days after which the worker purges events of the audit log; six months by default.
        usage_kept_days: days after which the worker purges what was counted of API calls.
    """

    model_config = SettingsConfigDict(env_prefix=ENVIRONMENT_PREFIX, extra="forbid", frozen=True)

    data_dir: Path = Path("data")
    database_url: SecretStr | None = None
    portal_host: str = "127.0.0.1"
    portal_port: Port = 8080
    admin_host: str = "127.0.0.1"
    portal_admin_port: Port | None = None
    worker_admin_port: Port | None = None
    public_origin: str = "http://127.0.0.1:8080"
    secret_key: SecretStr | None = None
    # NoDecode: in the environment a list is written with commas, not as JSON.
    jwks_allowed_networks: Annotated[tuple[Network, ...], NoDecode] = ()
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = ()
    jwks_refused_networks: Annotated[tuple[Network, ...], NoDecode] = ()
    jwks_allowed_ports: Annotated[frozenset[Port], NoDecode] = frozenset({443})
    jwks_ca_file: Path | None = None
    refresh_interval: Annotated[int, Field(ge=60, le=3600)] = 300
    keys_hard_limit: Annotated[int, Field(ge=3600, le=7 * 86400)] = 86400
    audit_kept_days: Annotated[int, Field(ge=30, le=36525)] = 184
    usage_kept_days: Annotated[int, Field(ge=2, le=366)] = 31

    @field_validator(
        "jwks_allowed_networks", "jwks_refused_networks", "jwks_allowed_ports", "trusted_proxies", mode="before"
    )
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("public_origin")
    @classmethod
    def _is_an_origin(cls, origin: str) -> str:
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"}:
            raise ValueError("must be an origin such as https://portal.example")
        if parts.query or parts.fragment or parts.username is not None:
            raise ValueError("must be an origin alone, without user, query or fragment")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            # Over plain http the session cookie could be read on the way, and with it every right of its owner.
            raise ValueError("must be https, except on this machine itself (http://127.0.0.1:8080)")
        return origin.rstrip("/").lower()

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            parts = urlsplit(url.get_secret_value())
            if parts.scheme not in {"postgresql", "postgres"} or parts.path in {"", "/"}:
                raise ValueError(
                    "must be of the form postgresql://user:password@host/database; leave it out to use SQLite"
                )
        return url

    @field_validator("secret_key")
    @classmethod
    def _is_long(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < SECRET_KEY_MIN:
            raise ValueError(
                f"must have at least {SECRET_KEY_MIN} characters; leave it out and one is made in data_dir"
            )
        return key

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not read: a stray .env must not change whom we trust
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the secret key has a file of its own
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags win over the environment, the environment over the file."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=_file_table())

    @property
    def secure(self) -> bool:
        """Whether browsers come by https."""
        return self.public_origin.startswith("https://")

    def fetch_policy(self) -> FetchPolicy:
        """The limits for fetching key sets.

        Raises:
            SettingsProblem: `jwks_ca_file` cannot be read or holds no certificate.
        """
        authorities = None
        if self.jwks_ca_file is not None:
            try:
                authorities = self.jwks_ca_file.read_text(encoding="ascii")
            except (OSError, ValueError) as failure:
                raise SettingsProblem(f"jwks_ca_file: cannot be read ({type(failure).__name__}).") from None
        try:
            return FetchPolicy(
                allowed_networks=self.jwks_allowed_networks,
                refused_networks=self.jwks_refused_networks,
                allowed_ports=self.jwks_allowed_ports,
                extra_authorities=authorities,
            )
        except ValueError:
            raise SettingsProblem("jwks_ca_file: holds no PEM certificate.") from None

    def read_or_create_secret_key(self) -> str:
        """The key that signs sessions and receipts, the same for all processes that share `data_dir`.

        Raises:
            SettingsProblem: the file cannot be read, cannot be made, or is too short to be a key.
        """
        if self.secret_key is not None:
            return self.secret_key.get_secret_value()
        path = self.data_dir / "secret_key"
        try:
            # The database and the key in it are nobody else's business on this machine.
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            key = _read_or_create(path)
        except (OSError, ValueError) as failure:
            raise SettingsProblem(
                f"data_dir: the secret key {path} cannot be read or made ({type(failure).__name__})."
            ) from None
        if len(key) < SECRET_KEY_MIN:
            raise SettingsProblem(f"data_dir: {path} is too short to be a secret key; delete it and a new one is made.")
        return key

    def database(self) -> dict[str, Any]:
        """The entry of Django's DATABASES."""
        if self.database_url is None:
            return sqlite(self.data_dir / "watchword.sqlite3")
        return postgresql(self.database_url.get_secret_value())


def sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            # A transaction that reads first and writes later would fail at once when another one wrote in between;
            # taking the write lock at the start makes it wait instead, and is what FOR UPDATE is on PostgreSQL.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            # FULL, not NORMAL: a suspension that was acknowledged must still be there after a power cut.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
        },
    }


def postgresql(url: str) -> dict[str, Any]:
    """Read a libpq URL. Its query, such as `sslmode=verify-full` or `host=/run/postgresql`, goes to the driver."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.removeprefix("/")),
        "USER": unquote(parts.username or query.pop("user", "")),
        "PASSWORD": unquote(parts.password or query.pop("password", "")),
        "HOST": unquote(parts.hostname or query.pop("host", "")),
        "PORT": str(parts.port or query.pop("port", "")),
        "OPTIONS": {"connect_timeout": 5, **query},
    }


def load(**flags: Any) -> ControlSettings:
    """Return the settings from `flags`, environment and file.

    Raises:
        SettingsProblem: with a sentence for each wrong setting.
    """
    try:
        return ControlSettings(**flags)
    except ValidationError as invalid:
        raise SettingsProblem(*(_sentence(error["loc"], error["msg"]) for error in invalid.errors())) from None


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    # The value itself is left out: it may be the secret key or hold the database's password.
    message = message.removeprefix("Value error, ")
    if message == "Extra inputs are not permitted":
        message = "no such setting; remove it or mend its name"
    return f"{location[0]}: {message}."


def _read_or_create(path: Path) -> str:
    try:
        # O_EXCL: of two processes that start at once exactly one makes the key, and nobody follows a planted link.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(SECRET_KEY_BYTES))
    return path.read_text(encoding="ascii").strip()


def _file_table() -> dict[str, Any]:
    named = os.environ.get(FILE_VARIABLE)
    path = Path(named or "watchword.toml")
    if named is None and not path.exists():
        return {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as failure:
        raise SettingsProblem(f"{path}: cannot be read as TOML ({type(failure).__name__}: {failure}).") from None
    return {name: value for name, value in document.items() if name not in OTHER_TABLES}


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
