"""Writes a provider's own values into the texts, where the examples stand."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from watchword.gateways import File, Gateway

VERIFIERS: Final = ("127.0.0.1:8081", "127.0.0.1:8091")
GRPC_VERIFIERS: Final = ("127.0.0.1:8085", "127.0.0.1:8095")
DOMAIN: Final = "api.example"
API: Final = "your-api:8000"
ROUTING: Final = "host"
"""The examples in the texts."""

SECOND_VERIFIER: Final = "second-verifier:8081"
SECOND_GRPC_VERIFIER: Final = "second-verifier:8085"
"""What stands for the second verifier if only one is named. No machine has this name, so nothing can answer there."""

_ROUTING: Final = {
    "nginx": 'map "" $watchword_routing { default %s; }',
    "traefik": '{{ $routing := "%s" }}',
    "caddy": "import by-%s ",
    "envoy": 'local ROUTING = "%s"',
    "envoy-grpc": 'local ROUTING = "%s"',
    "haproxy": "presetenv WATCHWORD_ROUTING %s\n",
}
"""What says in a gateway's texts where requests name their organization."""

_DOMAIN: Final = re.compile(r"(?<![\w-])api(\\*)\.example(?![\w-]|\.\w)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What a provider has to say. The examples remain where a value is None.

    Attributes:
        routing: `host`, `path` or `token`.
        domain: below which each organization has its host, or the API's only host.
        verifiers, grpc_verifiers: `host:port` of one or two; a placeholder stands for a second one that is missing.
        api: `host:port` of the API.
    """

    routing: str = ROUTING
    domain: str | None = None
    verifiers: tuple[str, ...] | None = None
    grpc_verifiers: tuple[str, ...] | None = None
    api: str | None = None


@dataclass(frozen=True, slots=True)
class Filled:
    """A gateway's texts with the provider's values.

    Attributes:
        gateway: with the values in its texts.
        written: the names of the values that stand in its texts now, examples included.
    """

    gateway: Gateway
    written: frozenset[str]


def fill(gateway: Gateway, values: Values) -> Filled:
    """Write the values into all texts of a gateway, each wherever its example stands."""
    written: set[str] = set()
    files = tuple(_filled(file, gateway.name, values, written) for file in gateway.files)
    return Filled(replace(gateway, files=files), frozenset(written))


def _filled(file: File, gateway: str, values: Values, written: set[str]) -> File:
    text = file.text
    addresses = {
        "first verifier": (VERIFIERS[0], _first(values.verifiers)),
        "second verifier": (VERIFIERS[1], _second(values.verifiers, SECOND_VERIFIER)),
        "first verifier for gRPC": (GRPC_VERIFIERS[0], _first(values.grpc_verifiers)),
        "second verifier for gRPC": (GRPC_VERIFIERS[1], _second(values.grpc_verifiers, SECOND_GRPC_VERIFIER)),
        "API": (API, values.api),
    }
    # At once: a value may be the example of another one.
    spellings = {
        spell(example): (name, spell(value or example))
        for name, (example, value) in addresses.items()
        for spell in (str, _in_envoy, _in_python)
    }
    pattern = re.compile("|".join(rf"(?<![\w.-]){re.escape(spelling)}(?!\d)" for spelling in spellings))

    def address(found: re.Match[str]) -> str:
        name, spelled = spellings[found[0]]
        written.add(name)
        return spelled

    def domain(found: re.Match[str]) -> str:
        written.add("domain")
        # In a pattern a backslash, or two, stands before the dot.
        return (values.domain or DOMAIN).replace(".", f"{found[1]}.")

    text = _DOMAIN.sub(domain, pattern.sub(address, text))
    routing = _ROUTING.get(gateway)
    if routing is not None and routing % ROUTING in text:
        written.add("routing")
        text = text.replace(routing % ROUTING, routing % values.routing)
    return replace(file, text=text)


def _first(addresses: tuple[str, ...] | None) -> str | None:
    return addresses[0] if addresses else None


def _second(addresses: tuple[str, ...] | None, placeholder: str) -> str | None:
    if not addresses:
        return None
    return addresses[1] if len(addresses) > 1 else placeholder


def _in_envoy(address: str) -> str:
    host, port = _parts(address)
    quote = '"' if ":" in host else ""
    return f"address: {quote}{host}{quote}, port_value: {port}"


def _in_python(address: str) -> str:
    host, port = _parts(address)
    return f'"{host}", {port}'


def _parts(address: str) -> tuple[str, str]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), port
