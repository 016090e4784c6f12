"""Answers that no portal of this version gives: a proxy in between, or another version."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from kit.certificates import authority_pem
from kit.key_server import KeyServer, answers
from kit.registered_servers import present
from watchword.client.connection import Connection
from watchword.client.login import Login
from watchword.client.management_api import ManagementApi
from watchword.client.registration import PresentServer, UnexpectedResponse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GOOD: dict[str, Any] = {"id": present().id, "version": 1, "enabled": False, **present().registration.as_json()}


def test_members_of_a_later_version_are_ignored_and_missing_ones_that_may_be_null_are_null() -> None:
    document = {name: value for name, value in GOOD.items() if name != "required_role"} | {"later": 1}
    assert PresentServer.from_json(document) == present()


@pytest.mark.parametrize(
    ("required", "known"), [("confirm_any_user", "confirm_any_user"), (None, None), ("confirm_later", None), ([], None)]
)
def test_only_known_confirmations_are_kept(required: object, known: str | None) -> None:
    assert PresentServer.from_json({**GOOD, "required_confirmation": required}).confirmation == known


@pytest.mark.parametrize(
    "changes",
    [
        {"name": None},
        {"issuer": 1},
        {"verify_certificate": "true"},
        {"id": 7},
        {"version": True},
        {"version": "1"},
        {"enabled": None},
        {"jwks_location": []},
    ],
)
def test_server_of_another_form_is_not_understood(changes: dict[str, Any]) -> None:
    with pytest.raises(UnexpectedResponse, match="another version of Watchword"):
        PresentServer.from_json({**GOOD, **changes})


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("document", "read"),
    [
        ({}, ManagementApi.servers),
        ({"items": {}}, ManagementApi.servers),
        ({"items": [1]}, ManagementApi.servers),
        ({"items": [{}]}, ManagementApi.servers),
        ({"revision": 1, "verifiers": 1}, ManagementApi.publication),
        ({"revision": "1", "verifiers": 1, "up_to_date": 1}, ManagementApi.publication),
        ({"revision": 1, "verifiers": True, "up_to_date": 1}, ManagementApi.publication),
    ],
)
def test_response_of_another_form_is_not_understood(
    document: object, read: Callable[[ManagementApi], object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "authorities.pem").write_text(authority_pem())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authorities.pem"))
    with KeyServer(answers(200, json.dumps(document).encode())) as server:
        login = Login(origin=f"https://127.0.0.1:{server.port}", organization="acme", credential="wwk_x")
        connection = Connection(login, waiting=lambda _seconds: None)
        with pytest.raises(UnexpectedResponse):
            read(ManagementApi(connection, "acme"))
        connection.close()
