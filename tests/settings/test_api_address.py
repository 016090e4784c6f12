"""Where the API and the verifiers are, for the texts that the portal shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from watchword.settings.base import SettingsProblem
from watchword.settings.load import load_control_settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory of its own, and none of the settings of these tests."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATA_DIR", "DATABASE_URL", "CONFIG"):
        monkeypatch.delenv(f"WATCHWORD_{name}", raising=False)


def problem(**flags: object) -> str:
    with pytest.raises(SettingsProblem) as found:
        load_control_settings(**flags)
    return str(found.value)


def test_without_settings_the_verifier_is_on_this_machine_and_the_api_is_not_known() -> None:
    settings = load_control_settings()

    assert settings.gateway_verifiers == ("127.0.0.1:8081",)
    assert settings.api_routing == "host"
    assert settings.api_url is settings.api_domain is settings.api_url_of("acme") is settings.api_upstream is None


@pytest.mark.parametrize(
    ("routing", "url", "domain", "of_acme"),
    [
        ("host", "https://{organization}.api.example", "api.example", "https://acme.api.example"),
        ("host", "https://{organization}.api.example:8443/v1/", "api.example", "https://acme.api.example:8443/v1"),
        ("host", "http://{organization}.localhost:8088", "localhost", "http://acme.localhost:8088"),
        ("path", "https://api.example/o/{organization}", "api.example", "https://api.example/o/acme"),
        ("path", "http://127.0.0.1:8088/o/{organization}/v1", "127.0.0.1", "http://127.0.0.1:8088/o/acme/v1"),
        ("token", "https://api.example/", "api.example", "https://api.example"),
    ],
)
def test_an_organization_has_its_own_address_of_the_api(routing: str, url: str, domain: str, of_acme: str) -> None:
    settings = load_control_settings(api_url=url, api_routing=routing, cloud_name="orders")

    assert settings.api_domain == domain
    assert settings.api_url_of("acme") == of_acme


@pytest.mark.parametrize(
    "url",
    [
        "", "api.example", "ftp://{organization}.api.example", "https://", "https://user@{organization}.api.example",
        "https://{organization}.api.example?x=1", "https://{organization}.api.example#x",
        "https://{organization}.API.example", "https://{organization}.api.example:0",
        "https://{organization}.api.example:65536", "https://{organization}.api.example/a b",
        "https://{organization}.api.example/$(id)", "https://{organization}.api.example/'", "https://{org}.api.example",
        "https://{organization}.api.example\n", "https://{organization}..example", "https://{organization}.api_1.example",
        "https://{organization}.api.example//x", 'https://{organization}.api.example/"',
    ],
)  # fmt: skip
def test_invalid_api_url_is_refused(url: str) -> None:
    assert (
        problem(api_url=url) == "api_url: must be the https URL of the API, such as https://{organization}.api.example."
    )


@pytest.mark.parametrize("host", ["api.example", "localhost.example", "10.0.0.7"])
def test_plain_http_api_url_of_another_machine_is_refused(host: str) -> None:
    assert "must be https" in problem(api_url=f"http://{host}/o/{{organization}}", api_routing="path")


@pytest.mark.parametrize(
    ("routing", "url", "said"),
    [
        ("host", "https://api.example/o/{organization}", "api_routing is host"),
        ("host", "https://api.example", "api_routing is host"),
        ("host", "https://x-{organization}.api.example", "api_routing is host"),
        ("host", "https://x.{organization}.api.example", "api_routing is host"),
        ("host", "https://{organization}.api.example/{organization}", "api_routing is host"),
        ("path", "https://{organization}.api.example", "api_routing is path"),
        ("path", "https://api.example/{organization}", "api_routing is path"),
        ("path", "https://api.example/v1/o/{organization}", "api_routing is path"),
        ("path", "https://api.example/o/{organization}x", "api_routing is path"),
        ("path", "https://api.example/o/{organization}/{organization}", "api_routing is path"),
        ("token", "https://{organization}.api.example", "api_routing is token"),
        ("token", "https://api.example/o/{organization}", "api_routing is token"),
    ],
)
def test_organization_must_be_where_the_routing_expects_it(routing: str, url: str, said: str) -> None:
    assert said in problem(api_url=url, api_routing=routing, cloud_name="orders")


def test_routing_by_token_needs_the_cloud_name() -> None:
    assert problem(api_routing="token") == "api_routing = token needs cloud_name."


def test_verifiers_are_written_with_commas_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_GATEWAY_VERIFIERS", "10.0.0.7:8081, [fd00::2]:8091")
    monkeypatch.setenv("WATCHWORD_GATEWAY_GRPC_VERIFIERS", "10.0.0.7:8085,verifier-2.internal:8095")
    settings = load_control_settings()

    assert settings.gateway_verifiers == ("10.0.0.7:8081", "[fd00::2]:8091")
    assert settings.gateway_grpc_verifiers == ("10.0.0.7:8085", "verifier-2.internal:8095")


@pytest.mark.parametrize(
    "address",
    [
        "", "10.0.0.7", "10.0.0.7:", "10.0.0.7:0", "10.0.0.7:65536", "http://10.0.0.7:8081", "10.0.0.7:8081/", "a b:1",
        "Verifier:8081", "fd00::2:8081", "[fd00::2]", "[x]:8081", "[::::]:8081", "-a:1", "a;b:1",
        "10.0.0.7:8081\n", 'a":1',
    ],
)  # fmt: skip
def test_invalid_host_and_port_is_refused(address: str) -> None:
    for setting in ("gateway_verifiers", "gateway_grpc_verifiers"):
        assert problem(**{setting: (address,)}).startswith(f"{setting}: must be of the form host:port")
    assert problem(api_upstream=address).startswith("api_upstream: must be of the form host:port")


@pytest.mark.parametrize("verifiers", [(), ("a:1", "b:1", "c:1")])
def test_there_are_one_or_two_verifiers(verifiers: tuple[str, ...]) -> None:
    assert problem(gateway_verifiers=verifiers) == "gateway_verifiers must name one verifier or two."


def test_each_verifier_has_a_port_for_grpc_or_none_has() -> None:
    two = ("a:8081", "b:8081")
    assert "as many verifiers" in problem(gateway_verifiers=two, gateway_grpc_verifiers=("a:8085",))
    assert "as many verifiers" in problem(gateway_grpc_verifiers=two)
