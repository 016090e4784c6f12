"""No traceback reaches a user who did not ask for one."""

from __future__ import annotations

import io
import json
import logging
import platform
import socket
import sys
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING

import click
import pytest
import structlog
from click.testing import CliRunner
from django.db import OperationalError, connection
from django.utils import timezone

from kit.processes import LOOPBACK, free_port
from watchword.cli import role_processes, root
from watchword.cli.local_verifier import ROTATE_AFTER, ensure_credential
from watchword.cli.migrations import migrate
from watchword.cli.output import CommandFailed, SettingsWrong, explain, read_secret_from_stdin
from watchword.cli.roles import connectable, status_of
from watchword.cli.start_checks import require_free
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.fleet.models import VerifierCredential
from watchword.control.fleet.queries import verifier_of_secret
from watchword.runtime.logging import configure_logging
from watchword.settings.base import SettingsProblem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.command_line import CommandLine


@pytest.mark.parametrize(
    ("failure", "exit_code", "sentence"),
    [
        (SettingsProblem("port: must be a number.", "host: x."), 2, "port: must be a number.\nhost: x."),
        (Refusal(RefusalReason.NAME_TAKEN, name="acme"), 1, "The name “acme” is already taken."),
        (OperationalError("no such table: x\nLINE 1"), 1, "(no such table: x). Check database_url"),
        (PermissionError(13, "Permission denied", "/data"), 1, "/data: Permission denied."),
        (RuntimeError(), 1, "Unexpected failure (RuntimeError: no further word). Run it again with --debug"),
    ],
)
def test_failure_is_printed_as_one_sentence(failure: Exception, exit_code: int, sentence: str) -> None:
    explained = explain(failure)
    assert explained.exit_code == exit_code
    assert sentence in explained.message
    assert isinstance(explained, (CommandFailed, SettingsWrong))


def test_refusal_names_the_field() -> None:
    refusal = Refusal(RefusalReason.FIELDS_INVALID, field_errors={"name": "is missing."})
    assert explain(refusal).message.endswith("\n  name: is missing.")


def broken() -> None:
    raise RuntimeError("Bob tripped over the cable")


@pytest.fixture
def broken_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command `watchword migrate` that fails as no command should."""
    monkeypatch.setattr(migrate, "callback", lambda **_: broken())


@pytest.mark.usefixtures("broken_command", "bare_command_line")
def test_only_debug_shows_a_traceback() -> None:
    quiet = CliRunner().invoke(root.watchword, ["migrate"])
    assert (quiet.exit_code, quiet.stdout) == (1, "")
    assert "Bob tripped over the cable" in quiet.stderr
    assert "Traceback" not in quiet.stderr
    loud = CliRunner().invoke(root.watchword, ["migrate", "--debug"])
    assert isinstance(loud.exception, RuntimeError)


def test_unmigrated_database_is_refused_with_the_command(
    bare_command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchword.cli.migrations.unapplied_migrations", lambda _: ["servers.0001_initial"])
    outcome = bare_command_line.run("organization", "list")
    assert outcome.exit_code == 1
    assert "Run `watchword migrate`." in outcome.stderr


def test_database_of_a_version_before_0_2_0_is_refused(command_line: CommandLine) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('access', '0001_initial', '2026-11-25')"
        )
    for command in (["migrate"], ["organization", "list"]):
        outcome = command_line.run(*command)
        assert outcome.exit_code == 1
        assert "made by a version before 0.2.0" in outcome.stderr
    # Flushing a test database leaves this table as it is.
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'access'")


def test_unapplied_migrations_are_listed(bare_command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchword.cli.migrations.unapplied_migrations", lambda _: ["servers.0001_initial"])
    outcome = bare_command_line.run("migrate", "--check")
    assert (outcome.exit_code, outcome.stdout) == (1, "pending servers.0001_initial\n")


def test_a_broken_audit_chain_is_a_failure(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchword.control.audit.checkpoint.verify_chain", lambda: "Event 2 was changed.")
    outcome = command_line.run("audit", "verify")
    assert outcome.exit_code == 1
    assert "Event 2 was changed." in outcome.stderr
    as_json = command_line.run("audit", "verify", "--json")
    assert (as_json.exit_code, as_json.json()["fault"]) == (1, "Event 2 was changed.")


# ---------------------------------------------------------------- smaller parts


@pytest.mark.enable_socket
def test_a_taken_port_is_named_with_its_flag() -> None:
    require_free({"--api-port": (LOOPBACK, free_port())})
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        with pytest.raises(CommandFailed, match=r"Address already in use.*--api-port"):
            require_free({"--api-port": taken.getsockname()})


@pytest.mark.enable_socket
def test_closed_port_has_no_status() -> None:
    assert status_of((LOOPBACK, free_port()), "/") is None


def test_listener_on_all_addresses_is_probed_on_loopback() -> None:
    assert [connectable(host) for host in ("0.0.0.0", "::", "192.0.2.7")] == ["127.0.0.1", "::1", "192.0.2.7"]  # noqa: S104


def test_password_prompt_hides_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(click.termui, "hidden_prompt_func", lambda _: "a rather long sentence")
    assert read_secret_from_stdin("Password") == "a rather long sentence"


@pytest.mark.django_db(transaction=True)
def test_old_credential_of_the_local_verifier_is_rotated(tmp_path: Path) -> None:
    path = tmp_path / "verifier" / "credential"
    ensure_credential(path)
    first = path.read_text().strip()
    VerifierCredential.objects.update(created_at=timezone.now() - ROTATE_AFTER - timedelta(seconds=1))
    ensure_credential(path)
    second = path.read_text().strip()
    assert first != second
    assert all(verifier_of_secret(secret) is not None for secret in (first, second))
    ensure_credential(path)
    assert path.read_text().strip() == second


@pytest.mark.django_db(transaction=True)
def test_a_credential_that_the_database_does_not_know_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "verifier" / "credential"
    ensure_credential(path)
    first = path.read_text()
    ensure_credential(path)
    assert path.read_text() == first
    VerifierCredential.objects.all().delete()
    ensure_credential(path)
    assert path.read_text() != first
    assert verifier_of_secret(path.read_text().strip()) is not None


@pytest.fixture
def untouched_logging() -> Iterator[None]:
    before = logging.getLogger()
    handlers, level = before.handlers[:], before.level
    yield
    before.handlers[:], before.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.usefixtures("untouched_logging")
def test_log_lines_are_json_for_programs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("WATCHWORD_LOG_FORMAT", raising=False)
    configure_logging("worker")
    structlog.get_logger("test").info("key_set_fetched", organization="acme")
    logging.getLogger("django").warning("Not Found: %s", "/x")
    ours, djangos = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (ours["event"], ours["organization"], ours["role"], ours["level"]) == (
        "key_set_fetched", "acme", "worker", "info",
    )  # fmt: skip
    assert (djangos["event"], djangos["level"]) == ("Not Found: /x", "warning")


@pytest.mark.parametrize("format_", ["json", "text"])
@pytest.mark.usefixtures("untouched_logging")
def test_log_has_no_request_paths_and_no_exception_texts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], format_: str
) -> None:
    monkeypatch.setenv("WATCHWORD_LOG_FORMAT", format_)
    configure_logging("portal")
    requests = logging.getLogger("django.request")
    requests.warning("%s: %s", "Not Found", "/sign-in/one-time-secret", extra={"status_code": 404})
    try:
        int("one-time-secret of alice@acme.example")
    except ValueError:
        requests.exception("%s: %s", "Internal Server Error", "/sign-in/one-time-secret", extra={"status_code": 500})
        structlog.get_logger("watchword.portal").exception("ours")
    said = capsys.readouterr().out
    logging.getLogger("django.security.csrf").warning("Forbidden (%s): %s", "no token", "/sign-in/one-time-secret")
    said += capsys.readouterr().out
    assert "one-time-secret" not in said
    assert "csrf" in said
    assert "alice" not in said
    assert all(word in said for word in ("request_refused", "404", "request_failed", "500", "ValueError", "ours"))
    # The message names the place.
    assert "test_failures.py:" in said


@pytest.mark.parametrize("role", ["portal", "worker", "verifier"])
@pytest.mark.usefixtures("untouched_logging")
def test_fo_08_first_line_of_each_role_names_the_version(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], role: str
) -> None:
    """Also when the settings stop the start."""
    monkeypatch.setenv("WATCHWORD_LOG_FORMAT", "json")
    monkeypatch.setenv("WATCHWORD_PORTAL_PROT", "1")
    with pytest.raises(SettingsProblem):
        getattr(role_processes, f"run_{role}")()
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (first["event"], first["version"]) == (f"{role}_starting", version("watchword"))
    assert first["python"] == platform.python_version()


@pytest.mark.usefixtures("untouched_logging")
def test_log_lines_are_text_for_people(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("WATCHWORD_LOG_FORMAT", "text")
    configure_logging("worker")
    structlog.get_logger("test").info("key_set_fetched", organization="acme")
    # Once a second while the database is away (FO-01).
    logging.getLogger("psycopg.pool").warning("error connecting in 'pool-1': connection to server at …")
    line = capsys.readouterr().out
    assert len(line.splitlines()) == 1
    assert "key_set_fetched organization=acme" in line
    assert "\x1b" not in line
