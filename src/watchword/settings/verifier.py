"""The verifier's settings: from arguments, environment and file, checked before anything starts."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, SettingsConfigDict

if TYPE_CHECKING:
    from pydantic_settings import PydanticBaseSettingsSource

ENVIRONMENT_PREFIX = "WATCHWORD_VERIFIER_"
FILE_VARIABLE = "WATCHWORD_CONFIG"
FILE_TABLE = "verifier"

ORGANIZATION = "{organization}"
"""Stands for the organization's id in `api_url`."""

_NOT_IN_A_URL = re.compile(r"[^!#-;=?-\[\]_a-z~]")
"""All that RFC 3986 leaves out; so what is said in a challenge needs no escape (RFC 9110 section 5.6.4)."""

Port = Annotated[int, Field(ge=1, le=65535)]


class SettingsRefused(Exception):
    """The settings cannot be used. Each sentence of `sentences` names one setting and how to mend it."""

    def __init__(self, sentences: tuple[str, ...]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


class VerifierSettings(BaseSettings):
    """All that one verifier process is told.

    Attributes:
        feed_url: origin of the portal that serves the feed, such as `https://portal.example`.
        feed_over_plain_http: must be said aloud to use http to another machine. The feed decides whom every API
            behind this verifier trusts; whoever can change it on the way can let anybody in.
        feed_ca_file: PEM file of further authorities to trust for `feed_url`, None for the system's alone.
        credential: the secret printed once by `watchword verifier create`.
        credential_file: a file that holds it, instead of `credential`.
        host, port: where gateways ask.
        grpc_port: where Envoy asks over gRPC, None for nowhere; needs the extra `grpc`.
        gateway_secret_file: a file with the secret that gateways must send, or two while it is being replaced.
        tls_certificate_file, tls_key_file: PEM files; gateways then ask over TLS 1.3 alone.
        gateway_ca_file: PEM file of the authorities of which a gateway must have a certificate. Needs the other two.
        api_url: the API as its clients know it, such as `https://api.example/{organization}`; with it they are told
            where to get a token (RFC 9728).
        api_name: the API's name for people, in the same document.
        admin_host, admin_port: where /livez, /readyz and /metrics are answered; never to be reachable by clients.
        state_file: the last-good copy of the snapshot, from which a restart serves.
        node: name shown in the operators' console.
        token_cache_bytes: memory for tokens that were verified, so that one that comes again need not be; 0 for none.
        snapshot_soft_limit: seconds without word from the control plane after which /readyz and /metrics warn.
        snapshot_hard_limit: seconds without word from the control plane after which every request is denied.
        stop_delay: seconds for which a verifier that was asked to stop still takes requests, while /readyz says that
            it is leaving; as long as a load balancer may need to notice.
    """

    model_config = SettingsConfigDict(env_prefix=ENVIRONMENT_PREFIX, extra="forbid", frozen=True)

    feed_url: str = "http://127.0.0.1:8080"
    feed_over_plain_http: bool = False
    feed_ca_file: Path | None = None
    credential: SecretStr | None = None
    credential_file: Path | None = None
    host: str = "127.0.0.1"
    port: Port = 8081
    grpc_port: Port | None = None
    gateway_secret_file: Path | None = None
    tls_certificate_file: Path | None = None
    tls_key_file: Path | None = None
    gateway_ca_file: Path | None = None
    api_url: str | None = None
    api_name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    admin_host: str = "127.0.0.1"
    admin_port: Port = 9081
    state_file: Path = Path("data/verifier/snapshot.json")
    node: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")] = Field(
        default_factory=lambda: socket.gethostname()[:64]
    )
    token_cache_bytes: Annotated[int, Field(ge=0, le=2**36)] = 64 * 2**20
    snapshot_soft_limit: Annotated[int, Field(ge=30, le=7 * 86400)] = 300
    snapshot_hard_limit: Annotated[int, Field(ge=60, le=7 * 86400)] = 86400
    stop_delay: Annotated[int, Field(ge=0, le=60)] = 0

    @field_validator("feed_url")
    @classmethod
    def _is_an_origin(cls, feed_url: str) -> str:
        parts = urlsplit(feed_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"}:
            raise ValueError("must be the origin of the portal, such as https://portal.example")
        if parts.query or parts.fragment or parts.username is not None:
            raise ValueError("must be an origin alone, without user, query or fragment")
        return feed_url.rstrip("/")

    @field_validator("api_url")
    @classmethod
    def _is_a_resource(cls, api_url: str | None) -> str | None:
        """A resource identifier has no fragment and should have no query (RFC 9728 section 1.2)."""
        if api_url is None:
            return None
        parts = urlsplit(api_url.replace(ORGANIZATION, "organization"))
        if parts.scheme != "https" or not parts.hostname or parts.username is not None or parts.query or parts.fragment:
            raise ValueError("must be an https URL without user, query or fragment")
        if api_url.count(ORGANIZATION) > 1 or _NOT_IN_A_URL.search(api_url.replace(ORGANIZATION, "")):
            raise ValueError("may hold {organization} once, and otherwise only the characters of a URL")
        return api_url

    @model_validator(mode="after")
    def _fits_together(self) -> VerifierSettings:
        parts = urlsplit(self.feed_url)
        if parts.scheme == "http" and not self.feed_over_plain_http and not _is_loopback(parts.hostname or ""):
            raise ValueError(
                "feed_url is plain http to another machine; use https, "
                "or set feed_over_plain_http = true if that network is trusted as the portal itself"
            )
        if self.snapshot_soft_limit > self.snapshot_hard_limit and "snapshot_soft_limit" in self.model_fields_set:
            raise ValueError("snapshot_soft_limit is above snapshot_hard_limit, so it would warn too late")
        if (self.host, self.port) == (self.admin_host, self.admin_port):
            raise ValueError("port and admin_port are the same; the admin listener needs a port of its own")
        if self.grpc_port is not None and self.grpc_port in {self.port, self.admin_port}:
            raise ValueError("grpc_port is the port of another listener; it needs one of its own")
        if (self.tls_certificate_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_certificate_file and tls_key_file belong together; set both or neither")
        if self.gateway_ca_file is not None and self.tls_certificate_file is None:
            # Without TLS nobody would be asked for a certificate, and everybody let in.
            raise ValueError("gateway_ca_file needs tls_certificate_file and tls_key_file")
        if self.api_name is not None and self.api_url is None:
            raise ValueError("api_name is told only together with api_url")
        if self.credential is not None and self.credential_file is not None:
            raise ValueError("credential and credential_file are both set; keep one of them")
        return self

    def read_credential(self) -> SecretStr:
        """Return the verifier's secret.

        Raises:
            SettingsRefused: when there is none, or its file cannot be read.
        """
        if self.credential is not None:
            return self.credential
        if self.credential_file is None:
            raise SettingsRefused(
                ("credential: missing; run `watchword verifier create` and set credential or credential_file.",)
            )
        try:
            secret = self.credential_file.read_text(encoding="ascii").strip()
        except (OSError, ValueError) as failure:
            raise SettingsRefused((f"credential_file: cannot be read ({type(failure).__name__}).",)) from None
        if not secret:
            raise SettingsRefused(("credential_file: is empty.",))
        return SecretStr(secret)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not read: a stray .env must not change whom we trust
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - credential_file does this by name
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags win over the environment, the environment over the file."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=_file_table())


def load_settings(**flags: Any) -> VerifierSettings:
    """Return the settings from `flags`, environment and file.

    Raises:
        SettingsRefused: with a sentence for each wrong setting.
    """
    unknown = sorted(
        name
        for name in os.environ
        if name.startswith(ENVIRONMENT_PREFIX)
        and name.removeprefix(ENVIRONMENT_PREFIX).lower() not in VerifierSettings.model_fields
    )
    if unknown:
        raise SettingsRefused(tuple(f"{name}: no such setting; remove it or mend its name." for name in unknown))
    try:
        return VerifierSettings(**flags)
    except ValidationError as invalid:
        raise SettingsRefused(tuple(_sentence(error["loc"], error["msg"]) for error in invalid.errors())) from None


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    # The value itself is left out: it may be the credential.
    message = message.removeprefix("Value error, ")
    return f"{location[0]}: {message}." if location else f"{message}."


def _file_table() -> dict[str, Any]:
    named = os.environ.get(FILE_VARIABLE)
    path = Path(named or "watchword.toml")
    if named is None and not path.exists():
        return {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as failure:
        raise SettingsRefused((f"{path}: cannot be read as TOML ({type(failure).__name__}: {failure}).",)) from None
    table = document.get(FILE_TABLE, {})
    if not isinstance(table, dict):
        raise SettingsRefused((f"{path}: [{FILE_TABLE}] must be a table.",))
    return table


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
