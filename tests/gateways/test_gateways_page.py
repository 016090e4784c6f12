"""docs/gateways.md says what the other tests here expect, and the shipped files are the tested ones."""

from __future__ import annotations

from pathlib import Path

from kit.gateways import GATEWAYS, Gateway
from watchword.gateways import FILES, gateways

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "gateways.md"


def row(gateway: Gateway) -> str:
    cells = (
        gateway.label,
        gateway.down,
        f"{gateway.frozen} after {gateway.patience} s",
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def test_the_table_tells_what_the_tests_expect() -> None:
    lines = PAGE.read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("| nginx |"))
    assert lines[first : first + len(GATEWAYS)] == [row(gateway) for gateway in GATEWAYS.values()]


def test_every_gateway_that_has_a_configuration_is_run() -> None:
    assert {gateway.name: gateway.label for gateway in gateways()} == {
        name: gateway.label for name, gateway in GATEWAYS.items()
    }


def test_deploy_leads_to_the_files_of_the_package() -> None:
    assert (ROOT / "deploy" / "gateways").resolve() == FILES


def between(text: str, first: str, end: str) -> str:
    found = text.index(first)
    return text[found : text.index(end, found)]


def test_envoys_two_files_differ_only_in_how_they_ask() -> None:
    over_http, over_grpc = ((FILES / "envoy" / name).read_text() for name in ("envoy.yaml", "envoy-grpc.yaml"))
    for first, end in (
        ("static_resources:", 'headers:replace(":path", path .. query)'),
        ("                route_config:", "retry_policy:"),
        ("num_retries: 1", "    # Envoy asks itself"),
        ("    - name: watchword\n", "            - endpoint:"),
    ):
        assert between(over_http, first, end) == between(over_grpc, first, end)
    assert over_http.partition("\n    - name: api\n")[2] == over_grpc.partition("\n    - name: api\n")[2]


def test_envoy_says_aloud_that_it_fails_closed() -> None:
    for name in ("envoy.yaml", "envoy-grpc.yaml"):
        assert (FILES / "envoy" / name).read_text().count("failure_mode_allow: false") == 1
