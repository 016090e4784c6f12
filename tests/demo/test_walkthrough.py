"""The printed commands are safe to paste, and the check reports what does not do what it says."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from watchword.demo import walkthrough_check as module
from watchword.demo.issuing import DemoClient
from watchword.demo.management_steps import ManagementSteps
from watchword.demo.walkthrough import Clients, People, Places, RunningVerifier, SignIn, Walkthrough
from watchword.demo.walkthrough_check import CurlMissing, Runner, check, curl_options, curl_version

if TYPE_CHECKING:
    from collections.abc import Iterator


def a_walkthrough(authority: str = "/home/alice/demo ca.pem", curl_options: str = "") -> Walkthrough:
    return Walkthrough(
        places=Places(
            portal="http://127.0.0.1:8080",
            verifiers=(
                RunningVerifier(origin="http://127.0.0.1:8081", pid=4711),
                RunningVerifier(origin="http://127.0.0.1:8091", pid=4712),
            ),
            authorization_server="https://127.0.0.1:8082",
            api="http://{organization}.localhost:8083",
            authority=Path(authority),
            curl_options=curl_options,
        ),
        clients=Clients(
            acme=DemoClient("acme-client", "s3cret"),
            globex=DemoClient("globex-client", "another"),
            portal=DemoClient("portal", "third"),
        ),
        people=People(
            acme=SignIn(email="alice@acme.example", password="alices-password"),
            globex=SignIn(email="charlie@globex.example", password="charlies-password"),
            initech=SignIn(email="charlie@initech.example", password="charlies-other-password"),
            operator=SignIn(email="bob@watchword.example", password="bobs-password"),
        ),
        app_secret="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        management=ManagementSteps(
            portal="http://127.0.0.1:8080",
            organization="acme",
            api_key="wwk_s3cret",
            watchword="'/home/alice/my env/python' -m watchword.cli",
        ),
    )


def altered(token: str) -> str:
    """What the printed command makes of a token."""
    command = a_walkthrough().call_altered.replace("curl -si -H", "printf %s\\\\n").partition(" http://")[0]
    script = f'TOKEN="{token}"; {command}'
    return subprocess.run(["/bin/sh", "-c", script], check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("first", ["A", "B", "z", "-", "_", "0"])
def test_altered_token_differs_in_one_character_of_the_signature(first: str) -> None:
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
    for place in (
        "https://127.0.0.1:8082/jwks",
        "http://acme.localhost:8083/invoices",
        "http://globex.localhost:8083/invoices",
        "http://127.0.0.1:8081   process 4711",
        "http://127.0.0.1:8091   process 4712",
        "http://127.0.0.1:8080/api/docs",
    ):
        assert place in text
    for part in ("alices-password", "bobs-password", "charlies-password", "charlies-other-password"):
        assert part in text


def test_every_command_that_the_check_runs_is_printed() -> None:
    walkthrough = a_walkthrough()
    printed = walkthrough.text().splitlines()
    for command in (
        walkthrough.get_token,
        walkthrough.call,
        walkthrough.call_altered,
        walkthrough.call_globex_as_acme,
        walkthrough.get_globex_token,
        walkthrough.call_globex,
        walkthrough.rotate,
        walkthrough.kill,
        walkthrough.ask_killed,
        walkthrough.get_management_token,
        walkthrough.management.list_with_scope,
        walkthrough.management.list_without_scope,
        walkthrough.management.use_key,
        walkthrough.management.write_file,
        walkthrough.management.apply_file,
        walkthrough.management.add_role,
        walkthrough.management.require_role,
        walkthrough.get_token_with_role,
        walkthrough.call_with_role,
        walkthrough.management.require_no_role,
    ):
        assert command in printed


def test_options_for_an_old_curl_are_in_every_call() -> None:
    walkthrough = a_walkthrough(curl_options=curl_options("curl 7.81.0 (x86_64-pc-linux-gnu)", 8083))
    for call in (walkthrough.call, walkthrough.call_altered, walkthrough.call_globex, walkthrough.call_globex_as_acme):
        assert "--resolve acme.localhost:8083:127.0.0.1 --resolve globex.localhost:8083:127.0.0.1 http://" in call


@pytest.mark.parametrize(
    ("version", "finds"),
    [
        ("curl 7.84.9 (x)", False),
        ("curl 7.9.1 (x)", False),
        ("curl 7.85.0 (x)", True),
        ("curl 8.5.0-DEV (x)", True),
        ("curl 10.0.0 (x)", True),
        ("", True),
    ],
)
def test_curl_before_7_85_gets_the_addresses_of_the_hosts(version: str, *, finds: bool) -> None:
    assert (curl_options(version, 8083) == "") is finds


def test_version_of_the_installed_curl_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert curl_version().startswith("curl ")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert curl_version() == ""


def test_without_curl_the_walk_through_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert "apt install curl" in a_walkthrough().text()
    with pytest.raises(CurlMissing):
        next(check(a_walkthrough(), enable=lambda: None, disable=lambda: None))


def test_step_that_never_passes_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT_SECONDS", 0.3)
    runner = Runner(a_walkthrough())
    result = runner.expect("a refusal", "echo 'HTTP/1.1 200 OK'", 401)
    assert (result.status, result.passed) == (200, False)
    assert result.seconds >= 0.3
    assert runner.status_of("echo nothing") is None


def test_step_that_passes_after_a_while_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: Iterator[int] = iter([401, 401, 200])
    runner = Runner(a_walkthrough())
    monkeypatch.setattr(runner, "status_of", lambda _: next(answers))
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    result = runner.expect("a token by the new key", "", 200)
    assert (result.title, result.status, result.passed) == ("a token by the new key", 200, True)


def test_one_refused_call_among_many_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: Iterator[int | None] = iter([200, 200, None, 200])
    runner = Runner(a_walkthrough())
    monkeypatch.setattr(runner, "status_of", lambda _: next(answers))
    result = runner.expect_each("calls", "", 200, 4)
    assert (result.status, result.passed) == (None, False)
    assert list(answers) == [200], "the first refusal ends the step"


def test_exit_status_of_the_last_command_is_the_result() -> None:
    result = Runner(a_walkthrough()).exits("apply", ("X=2", "exit $X"), 2)
    assert (result.status, result.passed) == (2, True)


def test_all_calls_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: Iterator[int] = iter([200] * 4)
    runner = Runner(a_walkthrough())
    monkeypatch.setattr(runner, "status_of", lambda _: next(answers))
    assert runner.expect_each("calls", "", 200, 4).passed
    assert list(answers) == []
