"""FE-01: the proxy from its settings to the page, the refresh and `config check`."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from kit import registrations, sample_portal
from kit.certificates import authority_pem
from kit.command_line import CommandLine
from kit.connect_proxy import ConnectProxy
from kit.forge import ec_key, key_set
from kit.key_server import Canary, KeyServer, serves
from kit.registrations import SETTINGS, add, make_due, stored_jwks
from watchword.control.base.fetch_policy import fetch_policy, read_proxy
from watchword.control.servers.key_set_commands import claim_due
from watchword.control.servers.models import KeySetState
from watchword.outbound.proxy import Proxy
from watchword.settings.base import SettingsProblem
from watchword.settings.load import load_control_settings
from watchword.settings.secret_files import MAX_CHARACTERS
from watchword.worker.loop import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword.control.identity.models import Person
    from watchword.settings.control import ControlSettings

ADDRESS = "http://proxy.example:3128"
BEHIND = "127.0.0.2"


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def credentials() -> Path:
    path = Path("proxy.credentials")
    path.write_text("watchword:s3cr3t\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def refusal(address: str | None, path: Path | None) -> str:
    with pytest.raises(SettingsProblem) as refused:
        read_proxy(address, path)
    assert "s3cr3t" not in str(refused.value)
    return str(refused.value)


def test_fe_01_credentials_are_read_from_their_file(credentials: Path) -> None:
    expected = Proxy(host="proxy.example", port=3128, credentials="watchword:s3cr3t")
    assert read_proxy(ADDRESS, credentials) == expected
    credentials.write_bytes(b"\xef\xbb\xbfwatchword:s3cr3t\r\n")
    assert read_proxy(ADDRESS, credentials) == expected
    assert read_proxy(ADDRESS, None) == Proxy(host="proxy.example", port=3128)
    assert read_proxy(None, None) is None


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o601, 0o620, 0o666, 0o644])
def test_fe_01_others_must_not_read_or_change_the_credentials(credentials: Path, mode: int) -> None:
    credentials.chmod(mode)
    assert f"chmod 0600 {credentials}" in refusal(ADDRESS, credentials)


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o600, 0o640])
def test_fe_01_its_owner_and_group_may_read_them(credentials: Path, mode: int) -> None:
    credentials.chmod(mode)
    assert read_proxy(ADDRESS, credentials) is not None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"s3cr3t", "user:password"),
        (b"", "user:password"),
        (b"watchword:s3cr3t\nwatchword:other\n", "one line"),
        (b"watchword:s3cr3t\xff", "cannot be read (UnicodeDecodeError)"),
        (b"watchword:" + b"s3cr3t" * MAX_CHARACTERS, f"more than {MAX_CHARACTERS} characters"),
    ],
)
def test_fe_01_invalid_credentials_file_is_refused(credentials: Path, content: bytes, words: str) -> None:
    credentials.write_bytes(content)
    sentence = refusal(ADDRESS, credentials)
    assert sentence.startswith("jwks_proxy_credentials_file: ")
    assert words in sentence


def test_fe_01_a_file_that_is_not_there() -> None:
    assert "cannot be read (FileNotFoundError)" in refusal(ADDRESS, Path("nowhere"))
    assert "cannot be read (IsADirectoryError)" in refusal(ADDRESS, Path())


def test_fe_01_credentials_without_a_proxy_are_a_mistake(credentials: Path) -> None:
    assert "used only together with jwks_proxy" in refusal(None, credentials)


@pytest.mark.parametrize("address", ["", "proxy.example:3128", "http://watchword:s3cr3t@proxy.example:3128"])
def test_fe_01_config_check_reports_a_wrong_proxy(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("WATCHWORD_JWKS_PROXY", address)
    outcome = CommandLine().run("config", "check", "--offline", "--json")
    assert outcome.exit_code == 2
    (problem,) = outcome.json()["problems"]
    assert problem.startswith("jwks_proxy: must be http://HOST:PORT or https://HOST:PORT")
    assert "s3cr3t" not in outcome.stdout + outcome.stderr


def test_fe_01_config_check_reports_the_file_and_shows_no_password(
    monkeypatch: pytest.MonkeyPatch, credentials: Path
) -> None:
    monkeypatch.setenv("WATCHWORD_JWKS_PROXY", ADDRESS)
    monkeypatch.setenv("WATCHWORD_JWKS_PROXY_CREDENTIALS_FILE", str(credentials))
    good = CommandLine().ok("config", "check", "--offline")
    assert f"jwks_proxy = {ADDRESS}\n" in good.stdout
    assert "s3cr3t" not in good.stdout
    credentials.chmod(0o644)
    bad = CommandLine().run("config", "check", "--offline")
    assert bad.exit_code == 2
    assert "jwks_proxy_credentials_file: other users of this machine can read" in bad.stderr


# ------------------------------------------------------------------------ with the settings alone, to the database


@contextmanager
def behind_proxy(credentials: Path) -> Iterator[tuple[ControlSettings, KeyServer, ConnectProxy, Canary]]:
    """`localhost` is the canary for this machine, and the key server for the proxy."""
    Path("ca.pem").write_text(authority_pem(), encoding="ascii")
    with (
        Canary() as canary,
        KeyServer(serves(key_set(ec_key("first"))), host=BEHIND, port=canary.port) as server,
        ConnectProxy({"localhost": BEHIND}) as proxy,
    ):
        settings = load_control_settings(
            jwks_proxy=f"http://127.0.0.1:{proxy.port}",
            jwks_proxy_credentials_file=credentials,
            jwks_ca_file="ca.pem",
            jwks_allowed_ports=str(server.port),
            jwks_allowed_networks="127.0.0.0/8,::1/128",
        )
        yield settings, server, proxy, canary


@pytest.mark.django_db
@pytest.mark.enable_socket
def test_fe_01_the_page_validates_through_the_proxy_and_says_so(
    alice: Person, credentials: Path, settings: Any
) -> None:
    with behind_proxy(credentials) as (control, server, proxy, canary):
        settings.WATCHWORD = control
        settings.ALLOWED_HOSTS = ["testserver"]
        client = Client()
        client.cookies["watchword_session"] = sample_portal.session_of(alice)
        typed = {"name": "ProdOkta", "jwks_location": server.location_at("localhost"), "verify_certificate": "on"}
        page = client.post(reverse("servers:validate", args=["acme"]), typed).content.decode()
        assert "They go through this service&#x27;s proxy." in page
        assert 'name="receipt"' in page
        assert proxy.opened == [f"localhost:{server.port}"]
        assert len(proxy.header("Proxy-Authorization")) == 1
        assert canary.count() == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("committing")
@pytest.mark.enable_socket
def test_fe_01_the_workers_refresh_goes_through_the_proxy(credentials: Path) -> None:
    registrations.organization("acme")
    with behind_proxy(credentials) as (control, server, proxy, canary):
        add(ec_key("old"), jwks_location=server.location_at("localhost"))
        make_due(KeySetState.objects.get(), timezone.now())
        worker = Worker(policy=fetch_policy(control), refresh=SETTINGS)
        (claim,) = claim_due(worker.holder, timezone.now(), 10)
        thread = threading.Thread(target=worker.refresh, args=[claim])
        thread.start()
        thread.join(timeout=60)
        assert [jwk["kid"] for jwk in stored_jwks(KeySetState.objects.get())] == ["first"]
        assert proxy.opened == [f"localhost:{server.port}"]
        assert canary.count() == 0
