"""docs/gateways.md says what the other tests here expect."""

from __future__ import annotations

from pathlib import Path

from kit.gateways import GATEWAYS, Gateway
from watchword.control.servers.snippets import snippets

PAGE = Path(__file__).parents[2] / "docs" / "gateways.md"


def row(label: str, gateway: Gateway) -> str:
    problem = {
        (False, False): "no",
        (True, False): "yes, but not of a 503",
        (True, True): "yes",
    }[gateway.problem, gateway.says_why_undecidable]
    cells = (
        label,
        gateway.malformed,
        gateway.undecidable,
        gateway.down,
        f"{gateway.frozen} after {gateway.patience} s",
        problem,
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def test_the_table_tells_what_the_tests_expect() -> None:
    labels = {snippet.gateway: snippet.label for snippet in snippets("acme")}
    lines = PAGE.read_text().splitlines()
    first = lines.index("| nginx | 401 | 403 | 500 | 500 after 2 s | no |")
    assert lines[first : first + len(GATEWAYS)] == [row(labels[name], gateway) for name, gateway in GATEWAYS.items()]


def test_every_gateway_that_has_settings_is_run() -> None:
    assert {snippet.gateway for snippet in snippets("acme")} == GATEWAYS.keys() | {"curl"}
