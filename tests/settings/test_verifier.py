from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit.secret_file import secret_file
from watchword.settings.base import SettingsProblem
from watchword.settings.load import load_control_settings, load_verifier_settings
from watchword.settings.verifier import VerifierSettings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WATCHWORD_CONFIG", raising=False)


def refused(**flags: object) -> str:
    with pytest.raises(SettingsProblem) as raised:
        load_verifier_settings(**flags)
    return "\n".join(raised.value.sentences)


def test_the_defaults_suit_one_machine() -> None:
    settings = load_verifier_settings()
    assert settings.feed_url == "http://127.0.0.1:8080"
    assert (settings.port, settings.admin_port) == (8081, 9081)
    assert settings.snapshot_hard_limit == 86400
    assert 1 <= len(settings.node) <= 64


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "watchword.toml").write_text("[verifier]\nport = 1001\nadmin_port = 1002\nnode = 'from-file'\n")
    monkeypatch.setenv("WATCHWORD_VERIFIER_ADMIN_PORT", "2002")
    monkeypatch.setenv("WATCHWORD_VERIFIER_NODE", "from-environment")
    settings = load_verifier_settings(node="from-flag")
    assert (settings.port, settings.admin_port, settings.node) == (1001, 2002, "from-flag")


def test_the_file_may_be_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.toml").write_text("portal_port = 1\n[verifier]\nport = 1003\n")
    monkeypatch.setenv("WATCHWORD_CONFIG", str(tmp_path / "other.toml"))
    assert load_verifier_settings().port == 1003


@pytest.mark.parametrize("content", [None, b"port = ", b"\xff", b"verifier = 1\n"])
def test_a_file_that_is_named_but_unusable_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    path = tmp_path / "other.toml"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("WATCHWORD_CONFIG", str(path))
    assert str(path) in refused()


def test_a_misspelled_setting_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "watchword.toml").write_text("[verifier]\nprot = 1\n")
    assert "prot" in refused()
    (tmp_path / "watchword.toml").unlink()
    monkeypatch.setenv("WATCHWORD_VERIFIER_PROT", "1")
    assert "WATCHWORD_VERIFIER_PROT" in refused()


@pytest.mark.parametrize(
    "origin",
    [
        "portal.example",
        "ftp://portal.example",
        "https://",
        "https://portal.example/feed",
        "https://portal.example/?a",
        "https://portal.example#a",
        "https://alice@portal.example",
        "https://portal.example:0",
        "https://portal.example:65536",
        "https://portal.example:a",
    ],
)
def test_the_feed_url_is_an_origin(origin: str) -> None:
    assert refused(feed_url=origin).startswith("feed_url: ")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example",
        "api.example",
        "https://",
        "https://alice@api.example/",
        "https://api.example/?a",
        "https://api.example/#a",
        "https://api.example/{organization}/{organization}",
        "https://api.example/{tenant}",
        'https://api.example/"',
        "https://api.example/a b",
        "https://api.example/\\",
        "https://api.example/\r\nX-Auth-Subject: alice",
        "https://api.example/caf\u00e9",
    ],
)
def test_the_api_url_is_a_resource_identifier(url: str) -> None:
    assert refused(api_url=url).startswith("api_url: ")


@pytest.mark.parametrize(
    ("routing", "url"),
    [
        ("host", "http://{organization}.localhost:8088"),
        ("token", "http://localhost:8088"),
        ("path", "http://127.0.0.1:8088/o/{organization}"),
        ("token", "http://127.1.2.3"),
    ],
)
def test_portal_and_verifier_accept_an_api_url_over_http_on_this_machine(routing: str, url: str) -> None:
    control = load_control_settings(api_url=url, api_routing=routing, cloud_name="orders")
    assert control.api_url == load_verifier_settings(api_url=url).api_url == url


@pytest.mark.parametrize("host", ["api.example", "localhost.example", "xlocalhost", "10.0.0.7", "128.0.0.1"])
def test_portal_and_verifier_refuse_an_api_url_over_http_to_another_machine(host: str) -> None:
    with pytest.raises(SettingsProblem) as portal:
        load_control_settings(api_url=f"http://{host}", api_routing="token", cloud_name="orders")
    assert refused(api_url=f"http://{host}") == str(portal.value)
    assert str(portal.value).startswith("api_url: must be https, except on this machine itself")


@pytest.mark.parametrize(
    "url", ["https://api.example", "https://api.example/{organization}/mcp", "https://{organization}.api.example/"]
)
def test_the_api_url_may_hold_the_organization(url: str) -> None:
    assert load_verifier_settings(api_url=url).api_url == url


@pytest.mark.parametrize("name", ["a", "Example", "api.example", "a_b-c.9", "x" * 64])
def test_the_cloud_name_may_be(name: str) -> None:
    assert load_verifier_settings(cloud_name=name).cloud_name == name


@pytest.mark.parametrize(
    "name", ["", "a::b", "a:b", "a b", " a", "a\n", ".a", "a.", "-a", "a-", "_", "a/b", 'a"', "caf\u00e9", "x" * 65]
)
def test_the_cloud_name_cannot_be(name: str) -> None:
    assert refused(cloud_name=name).startswith("cloud_name: ")


@pytest.mark.parametrize("domain", ["api.example", "localhost", "a", "a-b.9.example", f"{'x' * 63}.example"])
def test_the_api_domain_may_be(domain: str) -> None:
    assert load_verifier_settings(api_domain=domain).api_domain == domain


@pytest.mark.parametrize(
    "domain",
    [
        "",
        "API.example",
        "api.example.",
        ".api.example",
        "api..example",
        "-api.example",
        "api-.example",
        "api.example:443",
        "https://api.example",
        "api.example/",
        "*.api.example",
        "api_1.example",
        "api.example\n",
        "caf\u00e9.example",
        f"{'x' * 64}.example",
        ".".join(["x" * 63] * 4),
    ],
)
def test_the_api_domain_cannot_be(domain: str) -> None:
    assert refused(api_domain=domain).startswith("api_domain: ")


def test_traefik_is_routed_by_host_or_path() -> None:
    assert load_verifier_settings(traefik_routing="path").traefik_routing == "path"
    assert load_verifier_settings(traefik_routing="host", api_domain="api.example").traefik_routing == "host"
    assert refused(traefik_routing="token").startswith("traefik_routing: ")
    assert "api_domain" in refused(traefik_routing="host")


def test_plain_http_feed_url_of_another_machine_needs_a_setting() -> None:
    assert "feed_over_plain_http" in refused(feed_url="http://portal.example")
    assert "feed_over_plain_http" in refused(feed_url="http://10.0.0.7:8080")
    assert load_verifier_settings(feed_url="http://portal.example", feed_over_plain_http=True).feed_over_plain_http
    for loopback in ("http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1/"):
        assert load_verifier_settings(feed_url=loopback).feed_url == loopback.rstrip("/")


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"port": 9081}, "admin_port"),
        ({"node": ""}, "node"),
        ({"node": "a b"}, "node"),
        ({"node": "n" * 65}, "node"),
        ({"snapshot_hard_limit": 0}, "snapshot_hard_limit"),
        ({"snapshot_soft_limit": 0}, "snapshot_soft_limit"),
        ({"snapshot_soft_limit": 601, "snapshot_hard_limit": 600}, "snapshot_soft_limit"),
        ({"credential": "a", "credential_file": "b"}, "credential_file"),
        ({"grpc_port": 0}, "grpc_port"),
        ({"grpc_port": 8081}, "grpc_port"),
        ({"grpc_port": 9081}, "grpc_port"),
        ({"tls_certificate_file": "a.pem"}, "tls_key_file"),
        ({"tls_key_file": "a.pem"}, "tls_certificate_file"),
        ({"gateway_ca_file": "a.pem"}, "gateway_ca_file"),
        ({"api_name": "Orders"}, "api_url"),
        ({"api_name": "", "api_url": "https://api.example"}, "api_name"),
    ],
)
def test_a_wrong_setting_is_named(flags: dict[str, object], names: str) -> None:
    assert names in refused(**flags)


def test_a_wrong_value_is_not_repeated() -> None:
    assert "s3cret" not in refused(credential=["s3cret"], port="s3cret")


def test_the_credential_comes_from_a_setting_or_a_file(tmp_path: Path) -> None:
    assert VerifierSettings(credential="wwv_a").read_credential().get_secret_value() == "wwv_a"  # type: ignore[arg-type]
    file = secret_file(tmp_path / "credential", "wwv_b\n")
    assert load_verifier_settings(credential_file=file).read_credential().get_secret_value() == "wwv_b"


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xc3\xa9"])
def test_unusable_credential_is_reported(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "credential"
    if content is not None:
        secret_file(file, content)
    with pytest.raises(SettingsProblem, match="credential_file"):
        load_verifier_settings(credential_file=file).read_credential()
    with pytest.raises(SettingsProblem, match="watchword verifier create"):
        load_verifier_settings().read_credential()


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o620, 0o602])
def test_credential_that_other_users_can_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    file = secret_file(tmp_path / "credential", "wwv_b\n")
    file.chmod(mode)
    with pytest.raises(SettingsProblem, match=f"^credential_file: other users .*; run chmod 0600 {file}"):
        load_verifier_settings(credential_file=file).read_credential()


def test_the_credential_is_not_shown() -> None:
    assert "wwv_a" not in repr(load_verifier_settings(credential="wwv_a"))


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [("token_max_bytes", 4096, 49_152), ("leeway", 0, 300), ("scope_max_characters", 256, 16_384)],
)
def test_fg_01_limits_have_bounds(name: str, lowest: int, highest: int) -> None:
    for value in (lowest, highest):
        assert getattr(load_verifier_settings(**{name: value}), name) == value
    for value in (lowest - 1, highest + 1):
        assert name in refused(**{name: value})
