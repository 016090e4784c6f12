"""Replaces the example values in the gateways' configurations with a provider's values."""

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
"""The example values in the texts."""

SECOND_VERIFIER: Final = "second-verifier:8081"
SECOND_GRPC_VERIFIER: Final = "second-verifier:8085"
"""The second verifier if the provider names only one. No machine has this name, so nothing can answer there."""

_ROUTING: Final = {
    "nginx": 'map "" $watchword_routing { default %s; }',
    "traefik": '{{ $routing := "%s" }}',
    "caddy": "import by-%s ",
    "envoy": 'local ROUTING = "%s"',
    "envoy-grpc": 'local ROUTING = "%s"',
    "haproxy": "presetenv WATCHWORD_ROUTING %s\n",
}
"""The part of a gateway's text that selects where requests name their organization."""

_DOMAIN: Final = re.compile(r"(?<![\w-])api(\\*)\.example(?![\w-]|\.\w)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """A provider's values. The example remains if a value is None.

    Attributes:
        routing: `host`, `path` or `token`.
        domain: the parent domain of the organizations' hosts, or the API's only host.
        verifiers, grpc_verifiers: `host:port` of one or two; a placeholder replaces a missing second one.
        api: `host:port` of the API.
    """

    routing: str = ROUTING
    domain: str | None = None
    verifiers: tuple[str, ...] | None = None
    grpc_verifiers: tuple[str, ...] | None = None
    api: str | None = None


@dataclass(frozen=True, slots=True)
class Filled:
    """A gateway's configuration with the provider's values.

    Attributes:
        gateway: with the values in its texts.
        written: the names of the values that its texts contain, examples included.
    """

    gateway: Gateway
    written: frozenset[str]


def fill(gateway: Gateway, values: Values) -> Filled:
    """Replace the examples in all texts of a gateway with the values."""
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
    # All in one substitution, because a value may equal the example of another one.
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
        # In a pattern the dot follows one or two backslashes.
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
