"""The credential of a running verifier can be replaced in its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from kit import live
from kit.feed_server import CREDENTIAL, feed_server
from watchword.settings.base import SettingsProblem
from watchword.settings.load import load_verifier_settings
from watchword.verifier.feed_client.failures import CredentialRefused
from watchword.verifier.feed_client.http import Credential, FeedOverHttp

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "credential"
    path.write_text("wwv_first\n", encoding="ascii")
    path.chmod(0o600)
    return path


@pytest.fixture
def credential(file: Path) -> Credential:
    return Credential(load_verifier_settings(credential_file=file).read_credential)


def test_replaced_file_is_used_from_the_next_request_on(file: Path, credential: Credential) -> None:
    assert credential.current().get_secret_value() == "wwv_first"
    file.write_text("wwv_second\n", encoding="ascii")

    with capture_logs() as logs:
        assert credential.current().get_secret_value() == "wwv_second"
        assert credential.current().get_secret_value() == "wwv_second"

    assert [line["event"] for line in logs] == ["credential_replaced"]
    assert "wwv_" not in str(logs)


@pytest.mark.parametrize("fault", ["missing", "empty", "readable by others", "not text"])
def test_unusable_file_leaves_the_last_credential_in_use(file: Path, credential: Credential, fault: str) -> None:
    match fault:
        case "missing":
            file.unlink()
        case "empty":
            file.write_text("", encoding="ascii")
        case "readable by others":
            file.write_text("wwv_second", encoding="ascii")
            file.chmod(0o644)
        case "not text":
            file.write_bytes(b"\xff\xfe")

    with capture_logs() as logs:
        assert credential.current().get_secret_value() == "wwv_first"
        assert credential.current().get_secret_value() == "wwv_first"
        file.write_text("wwv_third", encoding="ascii")
        file.chmod(0o600)
        assert credential.current().get_secret_value() == "wwv_third"

    assert [line["event"] for line in logs] == [
        "credential_unreadable", "credential_readable_again", "credential_replaced",
    ]  # fmt: skip
    assert "wwv_" not in str(logs)


def test_verifier_does_not_start_without_a_credential(file: Path) -> None:
    file.unlink()

    with pytest.raises(SettingsProblem):
        Credential(load_verifier_settings(credential_file=file).read_credential)


@pytest.mark.enable_socket
def test_refused_verifier_connects_again_with_the_new_content_of_its_file(file: Path, credential: Credential) -> None:
    with feed_server() as server:
        server.publish(live.trust())
        feed = FeedOverHttp(origin=server.origin, credential=credential, node="n", version="1", ca_file=None)
        with pytest.raises(CredentialRefused):
            feed.changes(epoch="", after=0, wait=0)
        file.write_text(CREDENTIAL, encoding="ascii")
        feed.changes(epoch="", after=0, wait=0)
        feed.close()
