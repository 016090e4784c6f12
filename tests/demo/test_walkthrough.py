"""The printed commands are safe to paste, and the check reports what does not do what it says."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from watchword.demo import walkthrough as module
from watchword.demo.issuing import DemoClient
from watchword.demo.walkthrough import CurlMissing, Places, Runner, SignIn, Walkthrough, check

if TYPE_CHECKING:
    from collections.abc import Iterator


def a_walkthrough(authority: str = "/home/alice/demo ca.pem") -> Walkthrough:
    return Walkthrough(
        places=Places(
            portal="http://127.0.0.1:8080",
            verifier="http://127.0.0.1:8081",
            authorization_server="https://127.0.0.1:8082",
            api="http://127.0.0.1:8083",
            authority=Path(authority),
            organization="acme",
        ),
        client=DemoClient(secret="s3cret"),
        administrator=SignIn(email="alice@acme.example", password="alices-password"),
        operator=SignIn(email="bob@watchword.example", password="bobs-password"),
        administrator_of_expired=SignIn(email="charlie@initech.example", password="charlies-password"),
    )


def altered(token: str) -> str:
    """What the printed command makes of a token."""
    command = a_walkthrough().call_altered.replace("curl -si -H", "printf %s\\\\n").partition(" http://")[0]
    script = f'TOKEN="{token}"; {command}'
    return subprocess.run(["/bin/sh", "-c", script], check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("first", ["A", "B", "z", "-", "_", "0"])
def test_one_character_of_the_signature_is_changed_and_nothing_else(first: str) -> None:
    signature = first + base64.urlsafe_b64encode(b"signature").decode()
    header = altered(f"aaa.AAA.{signature}")
    changed = header.removeprefix("Authorization: Bearer ")
    assert changed != f"aaa.AAA.{signature}"
    assert changed[:8] == "aaa.AAA."
    assert changed[9:] == signature[1:]


def test_paths_are_quoted() -> None:
    assert "--cacert '/home/alice/demo ca.pem'" in a_walkthrough().get_token


def test_all_people_and_all_places_are_printed() -> None:
    text = a_walkthrough().text()
    for place in ("https://127.0.0.1:8082/jwks", "http://127.0.0.1:8083/invoices"):
        assert place in text
    for part in ("alices-password", "bobs-password", "charlies-password"):
        assert part in text


def test_without_curl_the_walk_through_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert "apt install curl" in a_walkthrough().text()
    with pytest.raises(CurlMissing):
        next(check(a_walkthrough(), enable=lambda: None, disable=lambda: None))


def test_a_step_that_never_does_what_it_says_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.3)
    runner = Runner(a_walkthrough())
    result = runner.expect("a refusal", "echo 'HTTP/1.1 200 OK'", 401)
    assert (result.status, result.passed) == (200, False)
    assert result.seconds >= 0.3
    assert runner.status_of("echo nothing") is None


def test_a_step_that_comes_true_late_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: Iterator[int] = iter([401, 401, 200])
    runner = Runner(a_walkthrough())
    monkeypatch.setattr(runner, "status_of", lambda _: next(answers))
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    result = runner.expect("a token by the new key", "", 200)
    assert (result.title, result.status, result.passed) == ("a token by the new key", 200, True)
