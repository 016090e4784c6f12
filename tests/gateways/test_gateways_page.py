"""docs/gateways.md says what the other tests here expect, and the shipped files are the tested ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kit.gateways import GATEWAYS, PATIENCE_SECONDS, WITHOUT_VERIFIER
from watchword.gateways import FILES, gateways
from watchword.gateways import Gateway as Files

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "gateways.md"


def test_guide_states_the_responses_without_a_verifier() -> None:
    page = " ".join(PAGE.read_text().split())
    labels = [gateway.label for gateway in GATEWAYS.values()]
    named = f"{', '.join(labels[:-1])} and {labels[-1]}"
    assert (
        f"Without any verifier, clients of {named} get {WITHOUT_VERIFIER.value}, after {PATIENCE_SECONDS} s if the "
        "verifiers do not answer." in page
    )


def test_every_shipped_configuration_is_run() -> None:
    assert {gateway.name: gateway.label for gateway in gateways()} == {
        name: gateway.label for name, gateway in GATEWAYS.items()
    }


def test_deploy_links_to_the_packages_files() -> None:
    assert (ROOT / "deploy" / "gateways").resolve() == FILES


def between(text: str, first: str, end: str) -> str:
    found = text.index(first)
    return text[found : text.index(end, found)]


def test_envoys_two_files_differ_only_in_how_they_ask() -> None:
    over_http, over_grpc = ((FILES / "envoy" / name).read_text() for name in ("envoy.yaml", "envoy-grpc.yaml"))
    for first, end in (
        ("static_resources:", 'headers:replace(":path", path .. query)'),
        ("                route_config:", "retry_policy:"),
        ("num_retries: 1", "    # Envoy sends requests to itself"),
        ("    - name: watchword\n", "            - endpoint:"),
    ):
        assert between(over_http, first, end) == between(over_grpc, first, end)
    assert over_http.partition("\n    - name: api\n")[2] == over_grpc.partition("\n    - name: api\n")[2]


def test_envoy_sets_failure_mode_explicitly() -> None:
    for name in ("envoy.yaml", "envoy-grpc.yaml"):
        assert (FILES / "envoy" / name).read_text().count("failure_mode_allow: false") == 1


MARK = re.compile(r"\bEDIT: ")
VALUES = ("127.0.0.1:8081", "127.0.0.1:8091", "your-api:8000", "host", "api.example", "8088")


@pytest.mark.parametrize("gateway", [one for one in gateways() if one.name != "python"], ids=lambda one: one.name)
def test_each_value_to_edit_is_marked(gateway: Files) -> None:
    lines = "\n".join(file.text for file in gateway.files).replace("\\.", ".").splitlines()
    # After the mark come the rest of its sentence and one or two lines with the value.
    marked = [
        line for number, line in enumerate(lines) for above in lines[max(0, number - 5) : number] if MARK.search(above)
    ]
    for value in VALUES:
        spelled = value.replace(":", "(:|, port_value: )")
        assert any(re.search(rf"\b{spelled}\b", line) for line in marked if "#" not in line), value


@pytest.mark.parametrize("gateway", gateways(), ids=lambda one: one.name)
def test_filled_text_does_not_ask_for_edits(gateway: Files) -> None:
    for file in gateway.files:
        assert not re.search("(?i)edit (the|these|five|six) ", file.text), file.name


def test_all_gateways_listen_on_loopback_as_shipped() -> None:
    for gateway in gateways():
        text = "\n".join(file.text for file in gateway.files)
        if gateway.name == "caddy":
            assert re.search(r"\n:8088 \{\n\tbind 127\.0\.0\.1\n", text)
        elif gateway.name != "python":
            assert re.findall(r"(\S+?)(?::|, port_value: )8088", text) in (["127.0.0.1"], ['"127.0.0.1'])


def test_shipped_readmes_have_no_links() -> None:
    for file in FILES.rglob("*.md"):
        assert "](" not in file.read_text(), file
