"""The API and the verifiers behind a gateway in a test, and how requests name their organization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from kit.orders_api import OrdersApi

Routing = Literal["host", "path", "token"]
ROUTINGS: Final[tuple[Routing, ...]] = ("host", "path", "token")
DOMAIN: Final = "api.example"
CLOUD: Final = "orders"
"""The cloud name in the scopes of tokens that name their organization."""


@dataclass(frozen=True)
class Behind:
    """An API, and where verifiers are or ought to be.

    Attributes:
        api: the API.
        verifiers: the ports of the first and the second verifier for HTTP; one that is alone stands there twice.
        grpc: their ports for Envoy over gRPC.
        secret: that they require of gateways.
    """

    api: OrdersApi
    verifiers: tuple[int, int]
    grpc: tuple[int, int]
    secret: str = ""
