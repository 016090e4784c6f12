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
        "yes" if gateway.says_why_undecidable else "yes, but not of a 503",
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


def without(text: str, first: str, end: str) -> str:
    """Leave out what stands from the last `first` up to the next `end`."""
    before, found, rest = text.rpartition(first)
    assert found, first
    return before + end + rest.partition(end)[2]


def test_envoys_two_files_differ_only_in_how_they_ask() -> None:
    over_http, over_grpc = ((FILES / "envoy" / name).read_text() for name in ("envoy.yaml", "envoy-grpc.yaml"))
    filter_after = "                  - name: envoy.filters.http.router"
    over_http = without(over_http, "                      http_service:", filter_after)
    over_grpc = without(over_grpc, "                      grpc_service:", filter_after)
    over_grpc = without(over_grpc, "    - name: watchword-grpc", "    - name: api\n")
    organization = "                          typed_per_filter_config:"
    over_grpc = without(over_grpc, organization, "                          # The token ends here")
    assert over_grpc.partition("\n")[2] == over_http


def test_envoy_says_aloud_that_it_fails_closed() -> None:
    for name in ("envoy.yaml", "envoy-grpc.yaml"):
        assert (FILES / "envoy" / name).read_text().count("failure_mode_allow: false") == 1
