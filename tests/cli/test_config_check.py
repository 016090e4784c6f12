"""Kinds M and N: `config check` finds what would prevent a start, and writes nothing."""

from __future__ import annotations

import hashlib
import os
import socket
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from watchword.cli.control_plane import known_migrations
from watchword.settings.secret_key import SECRET_KEY_MIN

if TYPE_CHECKING:
    from kit.command_line import CommandLine, Outcome

pytestmark = pytest.mark.enable_socket


def tree(folder: Path) -> dict[str, str]:
    """Every file below, with its content's hash."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def on_sqlite(bare_command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """In an empty working directory, with SQLite, and with ports that nothing listens on."""
    monkeypatch.delenv("WATCHWORD_DATABASE_URL", raising=False)
    monkeypatch.delenv("WATCHWORD_DATA_DIR", raising=False)
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    for name, bound in zip(("PORTAL_PORT", "VERIFIER_PORT", "VERIFIER_ADMIN_PORT"), sockets, strict=True):
        monkeypatch.setenv(f"WATCHWORD_{name}", str(bound.getsockname()[1]))
        bound.close()
    return bare_command_line


def make_database(path: Path, *, without: str | None = None) -> None:
    """A database with all of this version's migrations but one."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE django_migrations (app TEXT, name TEXT)")
    rows = [name.split(".", 1) for name in known_migrations() if name != without]
    connection.executemany("INSERT INTO django_migrations VALUES (?, ?)", rows)
    connection.commit()
    connection.close()


def problems(command_line: CommandLine, *arguments: str, exit_code: int = 1) -> list[str]:
    outcome: Outcome = command_line.run("config", "check", "--json", *arguments)
    assert outcome.exit_code == exit_code, outcome.stderr
    sentences: list[str] = outcome.json()["problems"]
    return sentences


def test_fm_01_config_check_creates_nothing(on_sqlite: CommandLine, tmp_path: Path) -> None:
    assert problems(on_sqlite) == ["There is no database data/watchword.sqlite3 yet: run `watchword migrate`."]
    assert tree(tmp_path) == {}
    assert problems(on_sqlite, "--offline", exit_code=0) == []
    assert tree(tmp_path) == {}


def test_fm_01_config_check_writes_nothing_next_to_a_database(on_sqlite: CommandLine, tmp_path: Path) -> None:
    make_database(tmp_path / "data" / "watchword.sqlite3")
    before = tree(tmp_path)

    outcome = on_sqlite.ok("config", "check")

    assert outcome.stdout.endswith(
        "The settings and files are right, the database can be used, and the ports are free.\n"
    )
    assert tree(tmp_path) == before


def test_fm_01_config_check_reads_a_database_in_use(on_sqlite: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "data" / "watchword.sqlite3"
    make_database(path, without="identity.0001_initial")
    writer = sqlite3.connect(path)
    try:
        # Only the -wal file has this row.
        writer.execute("INSERT INTO django_migrations VALUES ('identity', '0001_initial')")
        writer.commit()
        before = tree(tmp_path)
        assert problems(on_sqlite, exit_code=0) == []
        assert tree(tmp_path).keys() == before.keys()
    finally:
        writer.close()


def test_fm_01_unmigrated_database_is_a_problem(on_sqlite: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "data" / "watchword.sqlite3"
    make_database(path, without="identity.0001_initial")
    assert problems(on_sqlite) == ["The database lacks 1 migrations of this version: run `watchword migrate`."]
    path.unlink()
    path.touch()
    assert len(problems(on_sqlite)) == 1
    path.write_bytes(b"no database " * 100)
    assert "cannot be read (file is not a database)" in problems(on_sqlite)[0]


def test_fm_01_unreachable_postgresql_is_a_problem(on_sqlite: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    monkeypatch.setenv("WATCHWORD_DATABASE_URL", f"postgresql://alice:hunter2@127.0.0.1:{port}/none")
    (sentence,) = problems(on_sqlite)
    assert sentence.startswith("database_url: the database cannot be used (")
    assert "hunter2" not in sentence


def test_fm_01_port_in_use_is_a_problem(
    on_sqlite: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make_database(tmp_path / "data" / "watchword.sqlite3")
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = str(bound.getsockname()[1])
        for variable, name in (
            ("PORTAL_PORT", "portal_port"),
            ("PORTAL_ADMIN_PORT", "portal_admin_port"),
            ("FEED_PORT", "feed_port"),
            ("FEED_ADMIN_PORT", "feed_admin_port"),
            ("WORKER_ADMIN_PORT", "worker_admin_port"),
            ("VERIFIER_PORT", "verifier: port"),
            ("VERIFIER_GRPC_PORT", "verifier: grpc_port"),
            ("VERIFIER_ADMIN_PORT", "verifier: admin_port"),
        ):
            with monkeypatch.context() as one:
                one.setenv(f"WATCHWORD_{variable}", port)
                (sentence,) = problems(on_sqlite)
                assert sentence.startswith(f"{name}: 127.0.0.1:{port} cannot be used (Address already in use).")
                assert problems(on_sqlite, "--offline", exit_code=0) == []


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("VERIFIER_CREDENTIAL_FILE", "verifier: credential_file"),
        ("VERIFIER_GATEWAY_SECRET_FILE", "verifier: gateway_secret_file"),
    ],
)
def test_fm_01_secret_that_others_can_read_is_a_problem(
    on_sqlite: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, name: str
) -> None:
    path = tmp_path / "secret"
    path.write_text("s" * 32)
    monkeypatch.setenv(f"WATCHWORD_{variable}", str(path))
    for mode, sentences in {
        0o600: [],
        0o440: [],
        0o644: [f"{name}: other users of this machine can read or change {path}; run chmod 0600 {path}."],
    }.items():
        path.chmod(mode)
        assert problems(on_sqlite, "--offline", exit_code=1 if sentences else 0) == sentences
    path.unlink()
    assert f"{name}: cannot be read (FileNotFoundError)." in problems(on_sqlite, "--offline")


def test_fm_01_secret_key_file_is_checked(on_sqlite: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret_key"
    path.parent.mkdir()
    path.write_text("k" * SECRET_KEY_MIN)
    path.chmod(0o644)
    assert problems(on_sqlite, "--offline")[0].startswith("data_dir: other users of this machine can read")
    path.chmod(0o600)
    path.write_text("short")
    assert "is too short" in problems(on_sqlite, "--offline")[0]


def test_fm_01_directory_that_cannot_be_made_is_a_problem(
    on_sqlite: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("WATCHWORD_DATA_DIR", "file/data")
    monkeypatch.setenv("WATCHWORD_VERIFIER_STATE_FILE", "file/snapshot.json")
    assert problems(on_sqlite, "--offline") == [
        "data_dir: this user cannot create the directory file/data.",
        "verifier: state_file: this user cannot create the directory file.",
    ]


def test_fm_01_directory_that_cannot_be_written_to_is_a_problem(
    on_sqlite: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    # Permissions never stop root, which the tests may run as.
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK | os.X_OK or path != Path("data"))
    assert problems(on_sqlite, "--offline") == ["data_dir: this user cannot write to data; change its owner."]


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("JWKS_CA_FILE", "jwks_ca_file"),
        ("VERIFIER_FEED_CA_FILE", "verifier: feed_ca_file"),
        ("VERIFIER_GATEWAY_CA_FILE", "verifier: gateway_ca_file"),
        ("VERIFIER_TLS_CERTIFICATE_FILE", "verifier: tls_certificate_file"),
        ("VERIFIER_TLS_KEY_FILE", "verifier: tls_certificate_file, tls_key_file"),
    ],
)
def test_fm_01_certificate_files_must_parse(
    on_sqlite: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, name: str
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued = authority.issue_cert("verifier.example")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    (tmp_path / "key.pem").chmod(0o600)
    for setting, file in {
        "JWKS_CA_FILE": "ca.pem",
        "VERIFIER_FEED_CA_FILE": "ca.pem",
        "VERIFIER_GATEWAY_CA_FILE": "ca.pem",
        "VERIFIER_TLS_CERTIFICATE_FILE": "certificate.pem",
        "VERIFIER_TLS_KEY_FILE": "key.pem",
    }.items():
        monkeypatch.setenv(f"WATCHWORD_{setting}", file)
    assert problems(on_sqlite, "--offline", exit_code=0) == []
    (tmp_path / "nonsense.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    (tmp_path / "nonsense.pem").chmod(0o600)
    for file in ("nonsense.pem", "missing.pem"):
        monkeypatch.setenv(f"WATCHWORD_{variable}", file)
        (sentence,) = problems(on_sqlite, "--offline", exit_code=1 if name.startswith("verifier") else 2)
        assert sentence.startswith(name)


def test_fm_01_proxy_settings_are_checked(
    on_sqlite: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WATCHWORD_JWKS_PROXY", "socks5://proxy.example:1080")
    assert problems(on_sqlite, "--offline", exit_code=2)[0].startswith("jwks_proxy: ")
    (tmp_path / "credentials").write_text("alice:hunter2")
    (tmp_path / "credentials").chmod(0o644)
    monkeypatch.setenv("WATCHWORD_JWKS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("WATCHWORD_JWKS_PROXY_CREDENTIALS_FILE", "credentials")
    assert problems(on_sqlite, "--offline", exit_code=2)[0].startswith("jwks_proxy_credentials_file: other users")
