"""The settings of a verifier."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from watchword.core.verify import LIMITS, Limits
from watchword.settings.api_address import NOT_IN_A_URL, ORGANIZATION, CloudName, is_domain, require_https
from watchword.settings.base import (
    VERIFIER_TABLE,
    PlaneSettings,
    Port,
    SettingsProblem,
    check_origin,
    is_loopback,
)
from watchword.settings.secret_files import read_secret
from watchword.settings.variables import ENVIRONMENT_PREFIX


class VerifierSettings(PlaneSettings):
    model_config = SettingsConfigDict(env_prefix=f"{ENVIRONMENT_PREFIX}{VERIFIER_TABLE.upper()}_")
    table = VERIFIER_TABLE

    feed_url: str = "http://127.0.0.1:8080"
    """Origin of the portal, which serves the feed, such as `https://portal.example`; that of its `feed_port` if that is
    set."""

    feed_over_plain_http: bool = False
    """Allows http to another machine for `feed_url`. The feed decides whose tokens every API behind this verifier
    accepts; an attacker who can change it on the way can let anyone in."""

    feed_ca_file: Path | None = None
    """PEM file of certificate authorities to trust for `feed_url`, in addition to the system's."""

    credential: SecretStr | None = None
    """The secret that `watchword verifier create` printed."""

    credential_file: Path | None = None
    """File that holds the credential. Use instead of `credential`."""

    host: str = "127.0.0.1"
    """Address on which the verifier answers gateways."""

    port: Port = 8081
    """Port for gateways. It refuses connections while the verifier cannot decide."""

    grpc_port: Port | None = None
    """Port for Envoy over gRPC, which is open whenever `port` is; needs the extra `grpc`. Not served if not set."""

    gateway_secret_file: Path | None = None
    """File with the secret that gateways must send, or with two while it is being replaced."""

    tls_certificate_file: Path | None = None
    """PEM file of the verifier's certificate. With it, gateways must use TLS 1.3."""

    tls_key_file: Path | None = None
    """PEM file of the certificate's private key."""

    gateway_ca_file: Path | None = None
    """PEM file of the certificate authorities of which a gateway must present a certificate. Needs
    `tls_certificate_file` and `tls_key_file`."""

    cloud_name: CloudName | None = None
    """Lets tokens name their organization in `scope`, `scp` or `roles`, as
    `<cloud name>::<organization>::<API role>`; compared exactly. Without it, `/verify-by-token/` is not answered, and
    tokens of a registration that requires an API role are refused.
    `watchword serve` without a role takes the portal's if this is not set."""

    traefik_routing: Literal["host", "path"] | None = None
    """Where Traefik's requests name their organization: the host `<organization>.<api_domain>`, or the path
    `/o/<organization>/`. Traefik must never have `trustForwardHeader: true`. Other gateways do not need it."""

    api_domain: str | None = None
    """The domain below which each organization has its host, such as `api.example`. Needed if `traefik_routing` is
    `host`. `watchword serve` without a role takes that of the portal's `api_url` if this is not set."""

    api_url: str | None = None
    """The API as its clients know it, such as `https://api.example/o/{organization}`; https or http as for the portal's
    `api_url`. With it, the verifier tells clients where to get a token (RFC 9728). `watchword serve` without a role
    takes the portal's if this is not set."""

    api_name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """The API's display name in the document that tells clients where to get a token. Needs `api_url`."""

    admin_host: str = "127.0.0.1"
    """Address of `/livez`, `/readyz` and `/metrics`. Clients must not be able to reach it."""

    admin_port: Port = 9081
    """Port of `/livez`, `/readyz` and `/metrics`."""

    state_file: Path = Path("data/verifier/snapshot.json")
    """The last good copy of what the verifier decides by; it starts from this copy. Each verifier needs a folder of
    its own for it: a second one with the same folder does not start."""

    node: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")] = Field(
        default_factory=lambda: socket.gethostname()[:64]
    )
    """Name of this verifier in the operator console; the host name if not set."""

    token_max_bytes: Annotated[int, Field(ge=4096, le=49_152)] = LIMITS.max_token_bytes
    """The longest token that is accepted. All headers of a request may have 65536 bytes; docs/gateways.md says how much
    of it each gateway passes on."""

    leeway: Annotated[int, Field(ge=0, le=300)] = LIMITS.leeway
    """Seconds by which the clock of an authorization server may differ: a token counts as valid that much before its
    `nbf` and `iat`, and that much after its `exp`."""

    scope_max_characters: Annotated[int, Field(ge=256, le=16_384)] = 4096
    """The longest scope that is passed to the API in `X-Auth-Scope`, percent-encoded. A token with a longer one is
    refused. docs/gateways.md says what each gateway can pass on."""

    token_cache_bytes: Annotated[int, Field(ge=0, le=2**36)] = 64 * 2**20
    """Memory in bytes for verified tokens, so that a token that comes again need not be verified again; 0 for none."""

    snapshot_soft_limit: Annotated[int, Field(ge=30, le=7 * 86400)] = 300
    """Seconds without an answer from the control plane after which `/readyz` and `/metrics` warn."""

    snapshot_hard_limit: Annotated[int, Field(ge=60, le=7 * 86400)] = 86400
    """Seconds without an answer from the control plane after which nothing is decided any more, and the gateway port
    closes until there is one."""

    stop_delay: Annotated[int, Field(ge=0, le=60)] = 0
    """Seconds for which a verifier still answers after SIGTERM, while `/readyz` says that it is leaving; as
    long as a load balancer needs to notice. Then it closes its gateway port."""

    @field_validator("feed_url")
    @classmethod
    def _is_an_origin(cls, feed_url: str) -> str:
        check_origin(feed_url)
        return feed_url.rstrip("/")

    @field_validator("api_url")
    @classmethod
    def _is_a_resource(cls, api_url: str | None) -> str | None:
        """A resource identifier has no fragment and should have no query (RFC 9728 section 1.2)."""
        if api_url is None:
            return None
        parts = urlsplit(api_url.replace(ORGANIZATION, "organization"))
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be the https URL of the API, such as https://{organization}.api.example")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("must be a URL without user, query or fragment")
        require_https(parts.scheme, parts.hostname)
        if api_url.count(ORGANIZATION) > 1 or NOT_IN_A_URL.search(api_url.replace(ORGANIZATION, "")):
            raise ValueError("may hold {organization} once, and otherwise only the characters of a URL")
        return api_url

    @field_validator("api_domain")
    @classmethod
    def _is_a_domain(cls, api_domain: str | None) -> str | None:
        if api_domain is not None and not is_domain(api_domain):
            raise ValueError("must be a domain in lower-case letters, without port or final dot, such as api.example")
        return api_domain

    @model_validator(mode="after")
    def _fits_together(self) -> VerifierSettings:
        parts = urlsplit(self.feed_url)
        if parts.scheme == "http" and not self.feed_over_plain_http and not is_loopback(parts.hostname or ""):
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
            # Without TLS the verifier could not demand a certificate, and would answer every client.
            raise ValueError("gateway_ca_file needs tls_certificate_file and tls_key_file")
        if self.traefik_routing == "host" and self.api_domain is None:
            raise ValueError("traefik_routing = host needs api_domain")
        if self.api_name is not None and self.api_url is None:
            raise ValueError("api_name needs api_url")
        if self.credential is not None and self.credential_file is not None:
            raise ValueError("credential and credential_file are both set; keep one of them")
        return self

    @property
    def limits(self) -> Limits:
        return Limits(max_token_bytes=self.token_max_bytes, leeway=self.leeway)

    def read_credential(self) -> SecretStr:
        """Return the verifier's secret.

        Raises:
            SettingsProblem: there is none, or its file cannot be read, or other users can read it.
        """
        if self.credential is not None:
            return self.credential
        if self.credential_file is None:
            raise SettingsProblem(
                "credential: missing; run `watchword verifier create` and set credential or credential_file."
            )
        secret = read_secret("credential_file", self.credential_file).strip()
        if not secret:
            raise SettingsProblem("credential_file: is empty.")
        return SecretStr(secret)
