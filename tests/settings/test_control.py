from __future__ import annotations

import stat
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest
import trustme

from kit.secret_file import secret_file
from watchword.control.base.fetch_policy import fetch_policy
from watchword.settings.base import SettingsProblem
from watchword.settings.load import load_control_settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of its own, and none of the settings of these tests."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATA_DIR", "DATABASE_URL", "CONFIG"):
        monkeypatch.delenv(f"WATCHWORD_{name}", raising=False)
    return tmp_path


def problem(**flags: object) -> str:
    with pytest.raises(SettingsProblem) as found:
        load_control_settings(**flags)
    return str(found.value)


def test_without_any_setting_everything_is_on_this_machine() -> None:
    settings = load_control_settings()

    assert settings.public_origin == "http://127.0.0.1:8080"
    assert not settings.secure
    assert settings.database()["NAME"] == "data/watchword.sqlite3"
    assert fetch_policy(settings).allowed_networks == ()
    assert fetch_policy(settings).allowed_ports == {443}


def test_fm_03_links_name_the_port_where_the_portal_listens(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (nowhere / "watchword.toml").write_text("portal_port = 8180\n")
    assert load_control_settings().public_origin == "http://127.0.0.1:8180"
    monkeypatch.setenv("WATCHWORD_PORTAL_PORT", "8280")
    assert load_control_settings().public_origin == "http://127.0.0.1:8280"
    monkeypatch.setenv("WATCHWORD_PUBLIC_ORIGIN", "https://portal.example")
    assert load_control_settings().public_origin == "https://portal.example"
    assert load_control_settings().management_api_url == "https://portal.example/api/v1"
    # One sentence: the origin that would have been made of it is no mistake of its own.
    monkeypatch.delenv("WATCHWORD_PUBLIC_ORIGIN")
    assert problem(portal_port=0).startswith("portal_port: ")
    assert "\n" not in problem(portal_port=0)


def test_the_most_keys_of_a_set_are_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_control_settings().jwks_max_keys == 64
    monkeypatch.setenv("WATCHWORD_JWKS_MAX_KEYS", "256")
    assert load_control_settings().jwks_max_keys == 256


def test_smallest_rsa_key_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_control_settings().jwks_min_rsa_bits == 2048
    monkeypatch.setenv("WATCHWORD_JWKS_MIN_RSA_BITS", "3072")
    assert fetch_policy(load_control_settings()).min_rsa_bits == 3072


@pytest.mark.parametrize(
    "contact", ["support@provider.example", "help.desk+api@a-b.example", "https://provider.example/help?topic=api"]
)
def test_field_p_the_support_contact_is_an_address_or_a_url(contact: str) -> None:
    assert load_control_settings(support_contact=contact).support_contact == contact


@pytest.mark.parametrize(
    "contact",
    [
        "", "support", "support@provider", "@provider.example", "a b@provider.example",
        "mailto:support@provider.example",
        "a@b.example?bcc=c@d.example", "http://provider.example", "https://", "https://user@provider.example",
        "https://provider.example/\u202ehelp", "https://provider.example/a b", "https://[::1", "javascript:alert(1)",
        "//provider.example", "support@provider.example\n",
    ],
)  # fmt: skip
def test_field_p_any_other_support_contact_is_refused(contact: str) -> None:
    assert "support_contact" in problem(support_contact=contact)


@pytest.mark.parametrize(
    "url", ["http://docs.example", "docs", "https://docs.example/?page=", "https://docs.example/#a"]
)
def test_field_p_the_documentation_is_at_a_https_url(url: str) -> None:
    assert "documentation_url" in problem(documentation_url=url)


def test_sqlite_waits_for_writers_and_survives_a_power_cut() -> None:
    options = load_control_settings().database()["OPTIONS"]

    assert options["transaction_mode"] == "IMMEDIATE"
    assert options["timeout"] == 20
    assert "journal_mode=WAL" in options["init_command"]
    assert "synchronous=FULL" in options["init_command"]


def test_flags_win_over_the_environment_and_that_over_the_file(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (nowhere / "watchword.toml").write_text(
        "portal_port = 1001\nrefresh_interval = 301\nkeys_hard_limit = 4000\n[verifier]\nport = 1\n"
    )
    monkeypatch.setenv("WATCHWORD_REFRESH_INTERVAL", "302")
    monkeypatch.setenv("WATCHWORD_KEYS_HARD_LIMIT", "4001")

    settings = load_control_settings(keys_hard_limit=4002)

    assert (settings.portal_port, settings.refresh_interval, settings.keys_hard_limit) == (1001, 302, 4002)


def test_lists_are_written_with_commas_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_JWKS_ALLOWED_NETWORKS", "10.0.0.0/8, fd00::/8")
    monkeypatch.setenv("WATCHWORD_JWKS_REFUSED_NETWORKS", "203.0.113.0/24")
    monkeypatch.setenv("WATCHWORD_JWKS_ALLOWED_PORTS", "443,8443")

    policy = fetch_policy(load_control_settings())

    assert policy.allowed_networks == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert policy.refused_networks == (ip_network("203.0.113.0/24"),)
    assert policy.allowed_ports == {443, 8443}


def test_lists_are_lists_in_the_file(nowhere: Path) -> None:
    (nowhere / "watchword.toml").write_text('jwks_allowed_networks = ["10.0.0.0/8"]\njwks_allowed_ports = [8443]\n')

    policy = fetch_policy(load_control_settings())

    assert policy.allowed_networks == (ip_network("10.0.0.0/8"),)
    assert policy.allowed_ports == {8443}


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ({"portal_port": 70_000}, "portal_port"),
        ({"portal_port": 8080, "feed_port": 8080}, "feed_port must differ from portal_port"),
        ({"public_origin": "http://portal.example"}, "https"),
        ({"public_origin": "https://portal.example/path"}, "public_origin"),
        ({"public_origin": "https://user@portal.example"}, "public_origin"),
        ({"public_origin": "https://portal.example?x=1"}, "public_origin"),
        ({"public_origin": "ftp://portal.example"}, "public_origin"),
        ({"public_origin": "portal.example"}, "public_origin"),
        ({"public_origin": "https://portal.example:65536"}, "public_origin"),
        ({"database_url": "postgresql://x:65536/y"}, "database_url"),
        ({"database_url": "postgresql://x:a/y"}, "database_url"),
        ({"database_url": "mysql://x/y"}, "postgresql://"),
        ({"database_url": "postgresql://x"}, "postgresql://"),
        ({"secret_key": "short"}, "32"),
        ({"jwks_allowed_networks": "10.0.0.1/8"}, "jwks_allowed_networks"),
        ({"refresh_interval": 1}, "refresh_interval"),
        ({"keys_hard_limit": 10**9}, "keys_hard_limit"),
        ({"refresh_intervall": 300}, "refresh_intervall"),
        ({"jwks_max_keys": 0}, "jwks_max_keys"),
        ({"jwks_max_keys": 257}, "jwks_max_keys"),
        ({"jwks_min_rsa_bits": 2047}, "jwks_min_rsa_bits"),
        ({"jwks_min_rsa_bits": 4097}, "jwks_min_rsa_bits"),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(flags: dict[str, object], named: str) -> None:
    assert named in problem(**flags)


def test_all_wrong_settings_are_reported_without_secrets() -> None:
    text = problem(secret_key="hunter2", database_url="mysql://u:hunter2@h/d", portal_port=0)

    assert len(text.splitlines()) == 3
    assert "hunter2" not in text


def test_unknown_setting_in_the_file_is_reported(nowhere: Path) -> None:
    (nowhere / "watchword.toml").write_text("portal_prot = 1\n")

    assert problem() == "portal_prot: no such setting; did you mean portal_port?"


@pytest.mark.parametrize("content", [b"portal_port =", b"\xff"])
def test_invalid_toml_is_reported(nowhere: Path, content: bytes) -> None:
    (nowhere / "watchword.toml").write_bytes(content)

    assert "cannot be read as TOML" in problem()


def test_missing_named_file_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_CONFIG", "elsewhere.toml")

    assert "elsewhere.toml" in problem()


def test_postgresql_url_is_parsed() -> None:
    database = load_control_settings(
        database_url="postgresql://us%40er:p%2Fw@db.example:5433/watchword?sslmode=verify-full"
    ).database()

    assert (database["USER"], database["PASSWORD"], database["HOST"], database["PORT"], database["NAME"]) == (
        "us@er", "p/w", "db.example", "5433", "watchword",
    )  # fmt: skip
    assert database["OPTIONS"] == {"connect_timeout": 5, "sslmode": "verify-full"}


def test_a_postgresql_url_may_name_a_socket() -> None:
    database = load_control_settings(
        database_url="postgresql:///watchword?host=/run/postgresql&user=watchword&port=5434"
    ).database()

    assert (database["HOST"], database["USER"], database["PORT"]) == ("/run/postgresql", "watchword", "5434")
    assert database["OPTIONS"] == {"connect_timeout": 5}


@pytest.mark.parametrize("origin", ["http://localhost:8080/", "http://[::1]:8080", "https://Portal.Example"])
def test_origins(origin: str) -> None:
    assert load_control_settings(public_origin=origin).public_origin == origin.rstrip("/").lower()
    assert load_control_settings(public_origin=origin).secure is origin.startswith("https")


def test_secret_key_is_created_once_and_private(nowhere: Path) -> None:
    first = load_control_settings(data_dir=nowhere / "state").read_or_create_secret_key()
    second = load_control_settings(data_dir=nowhere / "state").read_or_create_secret_key()

    assert first == second
    assert len(first) == 64
    assert stat.S_IMODE((nowhere / "state" / "secret_key").stat().st_mode) == 0o600
    assert stat.S_IMODE((nowhere / "state").stat().st_mode) == 0o700


def test_configured_secret_key_creates_no_file(nowhere: Path) -> None:
    assert load_control_settings(secret_key="k" * 32).read_or_create_secret_key() == "k" * 32
    assert not (nowhere / "data").exists()


def test_unusable_secret_key_file_is_refused(nowhere: Path) -> None:
    (nowhere / "data").mkdir()
    key = secret_file(nowhere / "data" / "secret_key", "")
    with pytest.raises(SettingsProblem, match="too short"):
        load_control_settings().read_or_create_secret_key()

    key.write_text("k" * 64)
    key.chmod(0o644)
    with pytest.raises(SettingsProblem, match="data_dir: other users of this machine can read"):
        load_control_settings().read_or_create_secret_key()

    with pytest.raises(SettingsProblem, match="data_dir"):
        load_control_settings(data_dir=nowhere / "data" / "secret_key").read_or_create_secret_key()


def test_authorities_come_from_a_file(nowhere: Path) -> None:
    pem = trustme.CA().cert_pem.bytes()
    (nowhere / "ca.pem").write_bytes(pem)

    assert fetch_policy(load_control_settings(jwks_ca_file="ca.pem")).extra_authorities == pem.decode()


@pytest.mark.parametrize("content", [None, b"nothing", b"\xff"])
def test_file_without_ca_certificates_is_reported(nowhere: Path, content: bytes | None) -> None:
    if content is not None:
        (nowhere / "ca.pem").write_bytes(content)

    with pytest.raises(SettingsProblem, match="jwks_ca_file"):
        fetch_policy(load_control_settings(jwks_ca_file="ca.pem"))


def operators(nowhere: Path, content: str = "secret\n", **changes: object) -> dict[str, object]:
    good: dict[str, object] = {
        "operator_sso_issuer": "https://login.provider.example",
        "operator_sso_client_id": "watchword",
        "operator_sso_client_secret_file": secret_file(nowhere / "client-secret", content),
    }
    return {**good, **changes}


def test_operators_sign_in_through_a_provider_that_is_named_whole(nowhere: Path) -> None:
    settings = load_control_settings(**operators(nowhere), operator_sso_only=True)
    assert settings.read_operator_sso_client_secret() == "secret"
    assert load_control_settings().read_operator_sso_client_secret() == ""
    for name in operators(nowhere):
        assert "are used together" in problem(**(operators(nowhere) | {name: None}))
    assert "needs operator_sso_issuer" in problem(operator_sso_only=True)


@pytest.mark.parametrize(
    "issuer",
    [
        "", "login.provider.example", "http://login.provider.example", "https://", "https://a:b@login.provider.example",
        "https://login.provider.example?x=1", "https://login.provider.example#x", "https://login.provider.example:0",
        "https://login.provider.example:x", "https://login.provider.example/a b", "https://[::1",
    ],
)  # fmt: skip
def test_anything_else_is_no_issuer(nowhere: Path, issuer: str) -> None:
    assert problem(**operators(nowhere, operator_sso_issuer=issuer)).startswith("operator_sso_issuer: must be an https")


@pytest.mark.parametrize("content", ["", "\n", "two\nlines", "with\tcontrol"])
def test_client_secret_of_operators_is_one_line(nowhere: Path, content: str) -> None:
    settings = load_control_settings(**operators(nowhere, content))
    with pytest.raises(SettingsProblem, match="must hold the secret in its only line"):
        settings.read_operator_sso_client_secret()


def test_client_secret_of_operators_is_private(nowhere: Path) -> None:
    settings = load_control_settings(**operators(nowhere))
    (nowhere / "client-secret").chmod(0o644)
    with pytest.raises(SettingsProblem, match="other users of this machine can read"):
        settings.read_operator_sso_client_secret()
