"""A provider's values replace the examples in each gateway's configuration."""

from __future__ import annotations

import re

import pytest

from watchword.gateways import File, Gateway, gateways
from watchword.gateways.filling import (
    API,
    GRPC_VERIFIERS,
    SECOND_GRPC_VERIFIER,
    SECOND_VERIFIER,
    VERIFIERS,
    Values,
    fill,
)

VALUES = Values(
    routing="path",
    domain="orders.provider.test",
    verifiers=("10.0.0.7:18081", "[fd00::2]:18091"),
    grpc_verifiers=("10.0.0.7:18085", "[fd00::2]:18095"),
    api="orders.internal:9000",
)
_ENVOY = (
    'local ROUTING = "path"',
    'local DOMAIN = "orders.provider.test"',
    "- endpoint: { address: { socket_address: { address: 10.0.0.7, port_value: 18081 } } }",
    '- endpoint: { address: { socket_address: { address: "fd00::2", port_value: 18091 } } }',
    "- endpoint: { address: { socket_address: { address: orders.internal, port_value: 9000 } } }",
)
_OVER_GRPC = "- endpoint: { address: { socket_address: { address: %s, port_value: %d } } }"
LINES: dict[str, tuple[str, ...]] = {
    "nginx": (
        'map "" $watchword_routing { default path; }',
        'map "" $watchword_domain { default orders.provider.test; }',
        "server 10.0.0.7:18081 max_fails=0;",
        "server [fd00::2]:18091 max_fails=0;",
        "server orders.internal:9000;",
    ),
    "traefik": (
        '{{ $routing := "path" }}',
        '{{ $domain := "orders.provider.test" }}',
        '{{ $verifiers := list "http://10.0.0.7:18081" "http://[fd00::2]:18091" }}',
        '{{ $api := "http://orders.internal:9000" }}',
    ),
    "caddy": (
        r"import by-path orders\.provider\.test",
        "import watchword 10.0.0.7:18081 [fd00::2]:18091",
        "reverse_proxy orders.internal:9000",
    ),
    "envoy": _ENVOY,
    "envoy-grpc": (
        *_ENVOY,
        _OVER_GRPC % ("10.0.0.7", 18085),
        _OVER_GRPC % ('"fd00::2"', 18095),
    ),
    "haproxy": (
        "presetenv WATCHWORD_ROUTING path",
        "presetenv WATCHWORD_DOMAIN orders.provider.test",
        "server verifier-1 10.0.0.7:18081",
        "server verifier-2 [fd00::2]:18091",
        "server api orders.internal:9000",
    ),
    "python": ('connection = http.client.HTTPConnection("10.0.0.7", 18081, timeout=2)',),
}
"""What a provider would have edited, in the texts of each gateway."""
ALL = frozenset({"routing", "domain", "first verifier", "second verifier", "API"})
WRITTEN: dict[str, frozenset[str]] = {
    "envoy-grpc": ALL | {"first verifier for gRPC", "second verifier for gRPC"},
    "python": frozenset({"first verifier"}),
}
GATEWAYS = {gateway.name: gateway for gateway in gateways()}


def texts(gateway: Gateway) -> str:
    return "\n".join(file.text for file in gateway.files)


def one(text: str, name: str = "haproxy") -> Gateway:
    return Gateway(name, name, "", (File("file", text),))


def filled(text: str, values: Values = VALUES, name: str = "haproxy") -> str:
    return texts(fill(one(text, name), values).gateway)


@pytest.mark.parametrize("name", LINES)
def test_fm_03_each_value_is_where_a_provider_would_edit_it(name: str) -> None:
    result = fill(GATEWAYS[name], VALUES)

    lines = [line.strip() for line in texts(result.gateway).splitlines()]
    assert [line for line in LINES[name] if lines.count(line) != 1] == []
    assert result.written == WRITTEN.get(name, ALL)


@pytest.mark.parametrize("name", GATEWAYS)
def test_fm_03_no_example_value_remains(name: str) -> None:
    result = texts(fill(GATEWAYS[name], VALUES).gateway)

    for example in (*VERIFIERS, *GRPC_VERIFIERS, API):
        host, port = example.split(":")
        assert not re.search(rf'{re.escape(host)}(:|, port_value: |", ){port}\b', result), example
        assert not re.search(r"\b(8081|8091|8085|8095)\b", result)
    assert not re.search(r"\bapi\\*\.example(?!\.com)", result)


@pytest.mark.parametrize("name", GATEWAYS)
def test_without_values_texts_are_as_shipped(name: str) -> None:
    assert fill(GATEWAYS[name], Values()).gateway == GATEWAYS[name]


def test_addresses_are_spelled_as_each_gateway_needs() -> None:
    assert filled("http://127.0.0.1:8081/verify") == "http://10.0.0.7:18081/verify"
    assert filled("{ address: 127.0.0.1, port_value: 8081 }") == "{ address: 10.0.0.7, port_value: 18081 }"
    assert filled("{ address: 127.0.0.1, port_value: 8091 }") == '{ address: "fd00::2", port_value: 18091 }'
    assert filled('("127.0.0.1", 8091)') == '("fd00::2", 18091)'
    assert filled("your-api:8000, 127.0.0.1:8085") == "orders.internal:9000, 10.0.0.7:18085"


def test_patterns_keep_their_backslashes() -> None:
    assert filled(r"^([a-z]+)\.api\.example$ api\\.example") == (
        r"^([a-z]+)\.orders\.provider\.test$ orders\\.provider\\.test"
    )


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1:80811", "10.127.0.0.1:8081", "api.example.com", "my-api.example", "api.examples", "apixexample",
        "not-your-api:8000", "0.0.0.0:8088",
    ],
)  # fmt: skip
def test_text_similar_to_an_example_is_not_replaced(text: str) -> None:
    assert filled(text) == text


def test_replaced_values_are_not_replaced_again() -> None:
    swapped = Values(verifiers=tuple(reversed(VERIFIERS)), api=VERIFIERS[0])
    text = f"{VERIFIERS[0]} {VERIFIERS[1]} {API}"
    assert filled(text, swapped) == f"{VERIFIERS[1]} {VERIFIERS[0]} {VERIFIERS[0]}"


def test_missing_second_verifier_gets_a_placeholder() -> None:
    alone = Values(verifiers=("10.0.0.7:18081",), grpc_verifiers=("10.0.0.7:18085",))
    assert filled("127.0.0.1:8081 127.0.0.1:8091", alone) == f"10.0.0.7:18081 {SECOND_VERIFIER}"
    assert filled("127.0.0.1:8085 127.0.0.1:8095", alone) == f"10.0.0.7:18085 {SECOND_GRPC_VERIFIER}"


@pytest.mark.parametrize("name", GATEWAYS)
def test_only_verifier_is_named_once(name: str) -> None:
    result = texts(fill(GATEWAYS[name], Values(verifiers=("10.0.0.7:18081",))).gateway)
    port = SECOND_VERIFIER.partition(":")[2]
    assert len(re.findall(r"10\.0\.0\.7\D+18081", result)) == 1
    assert len(re.findall(rf"second-verifier\D+{port}", result)) == (name != "python")


def test_only_values_in_a_text_count_as_filled() -> None:
    assert fill(one("bind :8088"), VALUES).written == frozenset()
    assert fill(one("presetenv WATCHWORD_ROUTING host\n", "envoy"), VALUES).written == frozenset()
