"""What the settings say for the texts of gateways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.gateways.filling import Values

if TYPE_CHECKING:
    from watchword.settings.control import ControlSettings


def values_of(given: ControlSettings) -> Values:
    return Values(
        routing=given.api_routing,
        domain=given.api_domain,
        verifiers=given.gateway_verifiers,
        grpc_verifiers=given.gateway_grpc_verifiers,
        api=given.api_upstream,
    )
