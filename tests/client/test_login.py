"""Where the API key comes from, and that no other user of the machine can read it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from watchword.client.login import (
    Login,
    LoginUnusable,
    checked_login,
    checked_origin,
    find_login,
    login_path,
    remove_login,
    store_login,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "wwk_s3cret"
ACME = Login(origin="https://portal.example", organization="acme", credential=KEY)
FROM_ENVIRONMENT = {
    "WATCHWORD_PORTAL_URL": "https://other.example",
    "WATCHWORD_API_KEY": "wwk_other",
    "WATCHWORD_ORGANIZATION": "globex",
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path)}


def refusal(environment: Mapping[str, str], organization: str | None = None) -> str:
    with pytest.raises(LoginUnusable) as refused:
        find_login(environment, organization=organization)
    assert KEY not in str(refused.value)
    return str(refused.value)


def test_stored_login_is_found_and_private(environment: dict[str, str], tmp_path: Path) -> None:
    path = store_login(ACME, environment)
    assert path == tmp_path / "watchword" / "login.json"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert find_login(environment) == ACME
    assert find_login(environment, organization="globex").organization == "globex"
    assert [entry.name for entry in path.parent.iterdir()] == ["login.json"]


def test_login_that_cannot_be_stored_leaves_no_file_behind(environment: dict[str, str]) -> None:
    path = login_path(environment)
    path.mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        store_login(ACME, environment)
    assert [entry.name for entry in path.parent.iterdir()] == ["login.json"]


def test_new_login_replaces_a_file_that_others_could_read(environment: dict[str, str]) -> None:
    path = store_login(ACME, environment)
    path.chmod(0o644)
    store_login(ACME, environment)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601])
def test_file_that_others_can_open_is_refused(environment: dict[str, str], mode: int) -> None:
    path = store_login(ACME, environment)
    path.chmod(mode)
    assert f"Run chmod 0600 {path}" in refusal(environment)


def test_file_of_another_user_is_refused(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    store_login(ACME, environment)
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert "belongs to another user" in refusal(environment)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"url": 1, "organization": "acme", "api_key": "x"}', b"x" * 100_000]
)
def test_damaged_file_is_refused(environment: dict[str, str], content: bytes) -> None:
    store_login(ACME, environment).write_bytes(content)
    assert "cannot be read. Run `watchword login` again." in refusal(environment)


def test_values_in_the_file_are_checked_like_all_others(environment: dict[str, str]) -> None:
    path = store_login(ACME, environment)
    path.write_text(json.dumps({"url": "http://portal.example", "organization": "acme", "api_key": KEY}))
    assert "must begin with https://" in refusal(environment)


def test_without_a_login_the_sentence_says_how_to_get_one(environment: dict[str, str]) -> None:
    assert "You are not logged in. Run `watchword login`" in refusal(environment)
    assert not remove_login(environment)


def test_logout_removes_the_file(environment: dict[str, str]) -> None:
    path = store_login(ACME, environment)
    assert remove_login(environment)
    assert not path.exists()


def test_environment_goes_before_the_file(environment: dict[str, str]) -> None:
    store_login(ACME, environment)
    found = find_login(environment | FROM_ENVIRONMENT)
    assert found == Login(origin="https://other.example", organization="globex", credential="wwk_other")
    assert find_login(environment | FROM_ENVIRONMENT, organization="acme").organization == "acme"


def test_organization_alone_may_come_from_the_environment(environment: dict[str, str]) -> None:
    store_login(ACME, environment)
    assert find_login(environment | {"WATCHWORD_ORGANIZATION": "globex"}).organization == "globex"


@pytest.mark.parametrize("missing", ["WATCHWORD_PORTAL_URL", "WATCHWORD_API_KEY"])
def test_stored_key_is_not_sent_to_a_portal_of_the_environment(environment: dict[str, str], missing: str) -> None:
    store_login(ACME, environment)
    partial = {name: value for name, value in FROM_ENVIRONMENT.items() if name != missing}
    assert "or neither" in refusal(environment | partial)


def test_organization_is_needed(environment: dict[str, str]) -> None:
    del (without := environment | FROM_ENVIRONMENT)["WATCHWORD_ORGANIZATION"]
    assert "Name the organization" in refusal(without)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://portal.example", "https://portal.example"),
        ("https://portal.example/", "https://portal.example"),
        (" https://portal.example:8443/api/v1/ ", "https://portal.example:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_portal_may_be_https_or_this_machine(url: str, origin: str) -> None:
    assert checked_origin(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "",
        "portal.example",
        "http://portal.example",
        "http://127.0.0.1.portal.example",
        "http://localhost.example",
        "ftp://portal.example",
        "https://alice:secret@portal.example",
        "https://portal.example/other",
        "https://portal.example?x=1",
        "https://portal.example#x",
        "https://portal.example:99999",
        "https://portal.example:0",
        "https://portal.example\r\nX: y",
        "https://pörtal.example",
        "https://[::1",
        "https://" + "a" * 3000,
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(LoginUnusable, match="The portal's URL"):
        checked_origin(url)


@pytest.mark.parametrize("credential", ["", "wwk_a b", "wwk_a\r\nX: y", "wwk_ü", "x" * 20_000])
def test_key_that_no_header_can_carry_is_refused_without_showing_it(credential: str) -> None:
    with pytest.raises(LoginUnusable, match="The API key is empty or contains") as refused:
        checked_login(url="https://portal.example", organization="acme", credential=credential)
    assert not credential or credential not in str(refused.value)


@pytest.mark.parametrize("organization", ["", "Acme", "../acme", "acme/x", "a" * 70])
def test_organization_must_be_an_id(organization: str) -> None:
    with pytest.raises(LoginUnusable, match="The organization must be an ID"):
        checked_login(url="https://portal.example", organization=organization, credential=KEY)


def test_key_is_not_part_of_a_login_as_text() -> None:
    assert KEY not in repr(ACME)


def test_access_token_is_told_from_an_api_key() -> None:
    assert not ACME.is_access_token
    assert Login(origin="https://p.example", organization="acme", credential="e30.e30.x").is_access_token


@pytest.mark.parametrize("configured", ["", "relative/path"])
def test_without_an_absolute_configuration_directory_it_is_below_home(configured: str) -> None:
    assert login_path({"XDG_CONFIG_HOME": configured}) == Path.home() / ".config" / "watchword" / "login.json"
