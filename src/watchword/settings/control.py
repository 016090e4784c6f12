"""The settings of the control plane: portal, worker and the commands that open its database."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from watchword.core.jwk import MAX_KEYS, MOST_KEYS
from watchword.core.jwk_material import MIN_RSA_BITS
from watchword.settings.base import PlaneSettings, Port, check_origin, is_loopback, split_at_commas
from watchword.settings.branding import (  # noqa: TC001 - pydantic looks at them.
    FolderUrl,
    LogoFile,
    MenuLabel,
    ProductName,
    SupportContact,
)
from watchword.settings.database import postgresql, sqlite
from watchword.settings.gateways import GatewaySettings
from watchword.settings.operator_sign_in import OperatorSignInSettings
from watchword.settings.secret_files import SECRET_KEY_MIN, read_or_create_secret_key
from watchword.settings.variables import ENVIRONMENT_PREFIX

# NoDecode: in the environment a list is written with commas, not as JSON.
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode]


class _InstallationSettings(PlaneSettings):
    """A part of the control plane's settings: its processes, database, secrets, fetches and pages."""

    data_dir: Path = Path("data")
    """Directory for state: the SQLite database and the secret key."""

    database_url: SecretStr | None = None
    """`postgresql://user:password@host/database`; SQLite in `data_dir` if not set."""

    portal_host: str = "127.0.0.1"
    """Address on which the portal and the feed listen."""

    portal_port: Port = 8080
    """Port of the portal, and of the feed if `feed_port` is not set."""

    feed_port: Port | None = None
    """Port for verifiers alone: feed, unknown keys and usage. A process of its own answers there, so that browsers
    cannot use up its connections; `portal_port` then no longer answers verifiers. Not served if not set."""

    admin_host: str = "127.0.0.1"
    """Address of `/livez`, `/readyz` and `/metrics` of portal and worker. Clients must not be able to reach it."""

    portal_admin_port: Port | None = None
    """Port of the portal's `/livez`, `/readyz` and `/metrics`; not served if not set."""

    feed_admin_port: Port | None = None
    """Port of `/livez`, `/readyz` and `/metrics` of the process behind `feed_port`; not served if not set."""

    worker_admin_port: Port | None = None
    """Port of the worker's `/livez`, `/readyz` and `/metrics`; not served if not set."""

    access_log: bool = False
    """Logs each request to the portal: method, name of the page, status, milliseconds and an id that the response
    repeats as X-Request-Id. No path, query, address or person."""

    public_origin: str = Field(default_factory=lambda given: f"http://127.0.0.1:{given['portal_port']}")
    """How browsers reach the portal; `http://127.0.0.1:` and `portal_port` if not set. The portal answers only to this
    name, and links are made of it alone, never of what a request claims."""

    trusted_proxies: Networks = ()
    """Networks of the proxies in front of the portal, whose X-Forwarded-For is believed. Without them all browsers
    behind a proxy share the proxy's address, and one count of failed sign-ins."""

    secret_key: SecretStr | None = None
    """Signs sessions and receipts, and encrypts the secrets of authenticator apps and identity providers; at least 32
    characters. If not set, one is created and kept in `data_dir`. All portals need the same one."""

    breached_passwords_file: Path | None = None
    """File of leaked passwords that people cannot choose: SHA-1 hashes in ascending order, as the downloader of Have I
    Been Pwned writes them. Portals read a few lines of it for each new password. A short list of common passwords is
    always refused."""

    jwks_allowed_networks: Networks = ()
    """Private networks in which key sets may be fetched and identity providers called."""

    jwks_refused_networks: Networks = ()
    """Public networks in which no key set may be fetched and no identity provider called, such as your own. Wins over
    `jwks_allowed_networks`."""

    jwks_allowed_ports: Annotated[frozenset[Port], NoDecode] = frozenset({443})
    """Ports that a JWKS location and the URLs of an identity provider may name."""

    jwks_ca_file: Path | None = None
    """PEM file of certificate authorities to trust for key servers, identity providers and the proxy, in addition to
    the system's."""

    jwks_proxy: str | None = None
    """`http://host:port` or `https://host:port` of the proxy through which key sets are fetched and identity
    providers called. Nothing else names one: `HTTPS_PROXY` in the environment is not read."""

    jwks_proxy_credentials_file: Path | None = None
    """File with `user:password` in its only line, for the proxy. Other users must not be able to read it."""

    jwks_max_keys: Annotated[int, Field(ge=1, le=MOST_KEYS)] = MAX_KEYS
    """The most keys that a key set may hold."""

    jwks_min_rsa_bits: Annotated[int, Field(ge=MIN_RSA_BITS, le=4096)] = MIN_RSA_BITS
    """The smallest RSA key, in bits, that is accepted in the key sets of authorization servers and identity providers.
    3072 gives the 128 bits of security that OWASP ASVS demands, but many products sign with 2048."""

    refresh_interval: Annotated[int, Field(ge=60, le=3600)] = 300
    """Seconds between two fetches of a key set, before a random variation of 10 %."""

    keys_hard_limit: Annotated[int, Field(ge=3600, le=7 * 86400)] = 86400
    """Seconds after the last successful fetch at which keys stop being trusted."""

    audit_kept_days: Annotated[int, Field(ge=30, le=36525)] = 184
    """Days after which the worker deletes events of the audit log."""

    usage_kept_days: Annotated[int, Field(ge=2, le=366)] = 31
    """Days after which the worker deletes counts of API calls."""

    support_contact: SupportContact | None = None
    """E-mail address or https URL of your support. Pages of a suspended or expired organization and the sign-in name
    it."""

    documentation_url: FolderUrl = "https://github.com/watchword/watchword/blob/main/docs"
    """Where the folder docs of this project can be read; each page of the portal links to its part. Name a copy of your
    own where people cannot reach the internet, or leave it empty to show no links."""

    product_name: ProductName = "Watchword"
    """The name that all pages of the portal show, and by which authenticators know it."""

    logo_file: LogoFile | None = None
    """SVG or PNG of at most 64 KiB that replaces the portal's mark. An SVG may contain shapes, gradients and clip
    paths, but no styles, scripts, text or references to other files. Read once, at the start."""

    menu_administration: MenuLabel = "Administration"
    """Label of the first entry of the menu path to the authorization servers."""

    menu_api_configuration: MenuLabel = "API Configuration"
    """Label of the second entry of that path."""

    menu_legacy_api: MenuLabel = "Legacy API"
    """Label of the third entry of that path."""

    menu_api: MenuLabel = "Internet & SaaS API"
    """Label of the fourth entry of that path, and heading of its page: your name for the API."""

    menu_authorization_servers: MenuLabel = "OAuth 2.0 Authorization Servers"
    """Label of the page's first tab."""

    @field_validator(
        "jwks_allowed_networks", "jwks_refused_networks", "jwks_allowed_ports", "trusted_proxies", mode="before"
    )  # fmt: skip
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        return split_at_commas(value)

    @field_validator("public_origin")
    @classmethod
    def _is_an_origin(cls, origin: str) -> str:
        parts = check_origin(origin)
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            # Over plain http the session cookie could be read on the way, and with it every right of its owner.
            raise ValueError("must be https, except on this machine itself (http://127.0.0.1:8080)")
        return origin.rstrip("/").lower()

    @model_validator(mode="after")
    def _feed_has_a_port_of_its_own(self) -> Self:
        if self.feed_port == self.portal_port:
            # The kernel would share out the connections between both servers (SO_REUSEPORT).
            raise ValueError("feed_port must differ from portal_port; leave it out to serve both on one port")
        return self

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            parts = urlsplit(url.get_secret_value())
            # `port` raises for what is no port.
            if parts.scheme not in {"postgresql", "postgres"} or parts.path in {"", "/"} or parts.port == 0:
                raise ValueError(
                    "must be of the form postgresql://user:password@host/database; leave it out to use SQLite"
                )
        return url

    @field_validator("secret_key")
    @classmethod
    def _is_long(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < SECRET_KEY_MIN:
            raise ValueError(
                f"must have at least {SECRET_KEY_MIN} characters; leave it out and one is created in data_dir"
            )
        return key

    @property
    def management_api_url(self) -> str:
        """The management API's base URL, which is also an audience of its access tokens."""
        return f"{self.public_origin}/api/v1"

    @property
    def port_of_feed(self) -> int:
        """Where verifiers reach the feed."""
        return self.portal_port if self.feed_port is None else self.feed_port

    @property
    def secure(self) -> bool:
        """Whether browsers come by https."""
        return self.public_origin.startswith("https://")

    @property
    def secret_key_file(self) -> Path:
        return self.data_dir / "secret_key"

    @property
    def sqlite_file(self) -> Path:
        """The database if `database_url` is not set."""
        return self.data_dir / "watchword.sqlite3"

    def read_or_create_secret_key(self) -> str:
        """The key that signs sessions and receipts, the same for all processes that share `data_dir`.

        Raises:
            SettingsProblem: the file cannot be read or created, or is too short to be a key.
        """
        if self.secret_key is not None:
            return self.secret_key.get_secret_value()
        return read_or_create_secret_key(self.secret_key_file)

    def database(self) -> dict[str, Any]:
        """The entry of Django's DATABASES."""
        if self.database_url is None:
            return sqlite(self.sqlite_file)
        return postgresql(self.database_url.get_secret_value())


# The settings are shown in the order of the parts from the last one to the first.
class ControlSettings(GatewaySettings, OperatorSignInSettings, _InstallationSettings):
    """The settings of the control plane."""

    model_config = SettingsConfigDict(env_prefix=ENVIRONMENT_PREFIX)
