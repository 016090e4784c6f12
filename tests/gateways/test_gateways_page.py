"""docs/gateways.md says what the other tests here expect."""

from __future__ import annotations

from pathlib import Path

from kit.deployed import FOLDER, shared_files
from kit.gateways import GATEWAYS, Gateway
from watchword.control.servers.snippets import snippets

PAGE = Path(__file__).parents[2] / "docs" / "gateways.md"


def row(gateway: Gateway) -> str:
    problem = {
        (False, False): "no",
        (True, False): "yes, but not of a 503",
        (True, True): "yes",
    }[gateway.problem, gateway.says_why_undecidable]
    cells = (
        gateway.label,
        gateway.malformed,
        gateway.undecidable,
        gateway.down,
        f"{gateway.frozen} after {gateway.patience} s",
        problem,
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def test_the_table_tells_what_the_tests_expect() -> None:
    lines = PAGE.read_text().splitlines()
    first = lines.index("| nginx | 401 | 403 | 500 | 500 after 2 s | no |")
    assert lines[first : first + len(GATEWAYS)] == [row(gateway) for gateway in GATEWAYS.values()]


def test_every_gateway_that_has_settings_is_run() -> None:
    shown = {snippet.gateway: snippet.label for snippet in snippets("acme") if snippet.gateway != "curl"}
    run = {name: gateway.label for name, gateway in GATEWAYS.items()}
    assert shown.items() <= run.items()
    assert run.keys() - shown.keys() == {"nginx-files", "envoy-grpc"}


def test_the_shipped_files_are_what_the_portal_shows() -> None:
    assert {path: path.read_text() for path in shared_files()} == shared_files(), (
        "`python -m kit.deployed` in tests writes them anew"
    )


def test_nothing_else_is_shipped() -> None:
    others = {"README.md", "nginx/*.md", "nginx/*.conf", "envoy/envoy-grpc.yaml"}
    shipped = {path for path in FOLDER.rglob("*") if path.is_file()}
    assert shipped - shared_files().keys() == {path for other in others for path in FOLDER.glob(other)}


def without(text: str, first: str, end: str) -> str:
    """Leave out what stands from the last `first` up to the next `end`."""
    before, found, rest = text.rpartition(first)
    assert found, first
    return before + end + rest.partition(end)[2]


def test_envoys_two_files_differ_only_in_how_they_ask() -> None:
    over_http, over_grpc = ((FOLDER / "envoy" / name).read_text() for name in ("envoy.yaml", "envoy-grpc.yaml"))
    filter_after = "                  - name: envoy.filters.http.router"
    over_http = without(over_http, "                      http_service:", filter_after)
    over_grpc = without(over_grpc, "                      grpc_service:", filter_after)
    over_grpc = without(over_grpc, "    - name: watchword-grpc", "    - name: api\n")
    organization = "                          typed_per_filter_config:"
    over_grpc = without(over_grpc, organization, "                          # The token ends here")
    assert over_grpc.partition("\n")[2] == over_http


def test_envoy_says_aloud_that_it_fails_closed() -> None:
    for name in ("envoy.yaml", "envoy-grpc.yaml"):
        assert (FOLDER / "envoy" / name).read_text().count("failure_mode_allow: false") == 1
