from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from kit import certificates
from kit.secret_file import secret_file
from watchword.settings.base import SettingsProblem
from watchword.settings.load import load_verifier_settings
from watchword.verifier.listeners.gateway_identity import GatewaySecrets, read_secrets, read_tls

if TYPE_CHECKING:
    from pathlib import Path

OLD, NEW, ANOTHER = "o" * 32, "n" * 40, "a" * 32


def secrets_of(tmp_path: Path, text: str | bytes) -> GatewaySecrets:
    file = secret_file(tmp_path / "secret", text)
    found = read_secrets(load_verifier_settings(gateway_secret_file=file))
    assert found is not None
    return found


def test_both_secrets_count_while_one_replaces_the_other(tmp_path: Path) -> None:
    secrets = secrets_of(tmp_path, f"{OLD}\n{NEW}\n")
    assert secrets.accepts([OLD])
    assert secrets.accepts([NEW])
    assert not secrets_of(tmp_path, f"{NEW}\n").accepts([OLD])


@pytest.mark.parametrize(
    "shown", [[], [""], [ANOTHER], [OLD[:-1]], [OLD + "o"], [OLD.upper()], [OLD, OLD], [OLD, ANOTHER], ["\ud800"]]
)
def test_nothing_else_counts(tmp_path: Path, shown: list[str]) -> None:
    assert not secrets_of(tmp_path, f"{OLD}\n").accepts(shown)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "short",
        "x" * 257,
        f"{OLD}\n{NEW}\n{ANOTHER}",
        f"{OLD}\nshort",
        b"\xff",
        *(OLD + mark for mark in "\"\\'$%{}#,;`&"),
    ],
)
def test_a_file_without_one_or_two_good_secrets_stops_the_start(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(SettingsProblem, match="gateway_secret_file"):
        secrets_of(tmp_path, text)


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsProblem, match=r"gateway_secret_file: .* cannot be read"):
        read_secrets(load_verifier_settings(gateway_secret_file=tmp_path / "none"))


def test_files_that_other_users_can_read_stop_the_start(tmp_path: Path) -> None:
    pair = certificates.pair(tmp_path, "verifier")
    secret = secret_file(tmp_path / "secret", OLD)
    settings = load_verifier_settings(
        gateway_secret_file=secret, tls_certificate_file=pair.certificate, tls_key_file=pair.key
    )
    for path, read, name in ((secret, read_secrets, "gateway_secret_file"), (pair.key, read_tls, "tls_key_file")):
        path.chmod(0o440)
        assert read(settings) is not None
        for mode in (0o404, 0o420, 0o601, 0o644):
            path.chmod(mode)
            with pytest.raises(SettingsProblem, match=f"^{name}: other users of this machine can read or change"):
                read(settings)


def test_no_secret_is_shown(tmp_path: Path) -> None:
    assert OLD not in repr(secrets_of(tmp_path, f"{OLD}\n"))
    with pytest.raises(SettingsProblem) as raised:
        secrets_of(tmp_path, f"{OLD}\nshort")
    assert OLD not in str(raised.value)


def test_a_gateway_that_is_not_known_is_told_of_once_a_minute() -> None:
    now = [100.0]
    secrets = GatewaySecrets([OLD], clock=lambda: now[0])
    with capture_logs() as lines:
        for moment in (100.0, 101.0, 159.9, 160.0, 160.1):
            now[0] = moment
            assert secrets.accepts([OLD])
            assert not secrets.accepts([ANOTHER])
    assert [(line["event"], line["refused_since_start"]) for line in lines] == [
        ("gateway_unknown", 1),
        ("gateway_unknown", 4),
    ]
    assert ANOTHER not in str(lines)


def test_without_settings_nothing_is_demanded() -> None:
    assert read_secrets(load_verifier_settings()) is None
    assert read_tls(load_verifier_settings()) is None


def test_files_that_are_no_pem_stop_the_start(tmp_path: Path) -> None:
    pair = certificates.pair(tmp_path, "verifier")
    nothing = secret_file(tmp_path / "nothing.pem", "nothing")
    for flags, names in (
        ({"tls_certificate_file": nothing, "tls_key_file": pair.key}, "tls_certificate_file"),
        ({"tls_certificate_file": pair.certificate, "tls_key_file": nothing}, "tls_key_file"),
        ({"tls_certificate_file": pair.certificate, "tls_key_file": tmp_path / "none"}, "tls_key_file"),
        (
            {"tls_certificate_file": pair.certificate, "tls_key_file": pair.key, "gateway_ca_file": nothing},
            "gateway_ca_file",
        ),
    ):
        with pytest.raises(SettingsProblem, match=names):
            read_tls(load_verifier_settings(**flags))


def test_a_key_under_a_password_is_refused_and_not_asked_for(tmp_path: Path) -> None:
    pair = certificates.pair(tmp_path, "verifier", password=b"a password")
    with pytest.raises(SettingsProblem, match="tls_key_file"):
        read_tls(load_verifier_settings(tls_certificate_file=pair.certificate, tls_key_file=pair.key))
