"""The settings about the provider's API and the gateways in front of it, for pages and for the texts of gateways."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import field_validator, model_validator
from pydantic_settings import NoDecode

from watchword.settings.api_address import (
    ORGANIZATION,
    CloudName,
    Routing,
    check_api_url,
    domain_of,
    is_host_and_port,
    routing_problem,
)
from watchword.settings.base import PlaneSettings, split_at_commas

Addresses = Annotated[tuple[str, ...], NoDecode]

MOST_VERIFIERS = 2
"""As many as the texts for gateways name."""


class GatewaySettings(PlaneSettings):
    """A part of the control plane's settings."""

    api_url: str | None = None
    """The API as its clients know it, with `{organization}` where `api_routing` expects it:
    `https://{organization}.api.example`, `https://api.example/o/{organization}` or `https://api.example`. It must be
    https; http is allowed for a loopback address, `localhost` and names below `localhost`. Pages for organizations and
    the texts for gateways name it; give verifiers the same one."""

    api_routing: Routing = "host"
    """Where requests name their organization: in the host, in the path, or in the scope of their token."""

    cloud_name: CloudName | None = None
    """The first part of the scope by which a token names its organization, as in
    `<cloud name>::<organization>::<API role>`. Needed if `api_routing` is `token`, or if registrations shall require an
    API role; give verifiers the same one."""

    api_upstream: str | None = None
    """`host:port` where gateways reach the API. The texts for gateways name it."""

    gateway_verifiers: Addresses = ("127.0.0.1:8081",)
    """`host:port` of one or two verifiers, as gateways reach them. The texts for gateways name them; with one,
    they have a placeholder for the second, which a gateway asks when the first one fails."""

    gateway_grpc_verifiers: Addresses = ()
    """The same for Envoy over gRPC, as many as `gateway_verifiers`; if not set, Envoy's text for gRPC shows
    examples."""

    @field_validator("gateway_verifiers", "gateway_grpc_verifiers", mode="before")
    @classmethod
    def _split_addresses(cls, value: object) -> object:
        return split_at_commas(value)

    @field_validator("api_url")
    @classmethod
    def _is_an_api(cls, url: str | None) -> str | None:
        return None if url is None else check_api_url(url)

    @field_validator("api_upstream", "gateway_verifiers", "gateway_grpc_verifiers")
    @classmethod
    def _can_be_reached(cls, given: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        addresses = (given,) if isinstance(given, str) else given or ()
        if not all(is_host_and_port(address) for address in addresses):
            raise ValueError("must be of the form host:port in lower case, such as 10.0.0.7:8081")
        return given

    @model_validator(mode="after")
    def _gateways_find_the_organization(self) -> Self:
        problem = None if self.api_url is None else routing_problem(self.api_url, self.api_routing)
        if problem is not None:
            raise ValueError(problem)
        if self.api_routing == "token" and self.cloud_name is None:
            raise ValueError("api_routing = token needs cloud_name")
        if not 1 <= len(self.gateway_verifiers) <= MOST_VERIFIERS:
            raise ValueError("gateway_verifiers must name one verifier or two")
        if len(self.gateway_grpc_verifiers) not in {0, len(self.gateway_verifiers)}:
            raise ValueError("gateway_grpc_verifiers must name as many verifiers as gateway_verifiers")
        return self

    @property
    def api_domain(self) -> str | None:
        """The host of `api_url`, without the organization."""
        return None if self.api_url is None else domain_of(self.api_url)

    def api_url_of(self, organization: str) -> str | None:
        """Where clients of an organization reach the API."""
        return None if self.api_url is None else self.api_url.replace(ORGANIZATION, organization)
