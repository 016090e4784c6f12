"""Leaked passwords are refused, and of a list of any size only a few lines are read."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, BinaryIO, Final

import pytest
from django.test import Client
from structlog.testing import capture_logs

from kit.people import NOW, PASSWORD
from watchword.control.base.refusals import Refusal
from watchword.control.identity import breached_passwords
from watchword.control.identity.breached_passwords import LINE_MAX, ListUnusable, check_list, is_breached
from watchword.control.identity.passwords import hashed_password
from watchword.control.identity.sign_in_link_commands import CreateSignInLink, RedeemSignInLink
from watchword.settings.load import load_control_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_django import Settings

    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person

LEAKED: Final = "tangerine gravel orbit"
OTHERS: Final = [f"leaked password {number}" for number in range(2000)]


def sha1(password: str) -> str:
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


def lines(passwords: list[str]) -> list[str]:
    # Counts of different lengths, so that no line can be found by its number.
    return [f"{found}:{int(found[:5], 16) % 10 ** (int(found[0], 16) % 7)}" for found in sorted(map(sha1, passwords))]


@pytest.fixture
def made(tmp_path: Path) -> Callable[[str], Path]:
    def write(content: str) -> Path:
        path = tmp_path / "leaked.txt"
        path.write_text(content, newline="")
        return path

    return write


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n"])
@pytest.mark.parametrize("count", [1, 2, 3, 64, 2000])
def test_every_password_of_a_list_is_found_and_no_other(
    made: Callable[[str], Path], end: str, last: str, count: int
) -> None:
    path = made(end.join(lines(OTHERS[:count])) + last)

    check_list(path)

    assert all(is_breached(password, path) for password in OTHERS[:count])
    assert not any(is_breached(f"{password}!", path) for password in OTHERS[:count])
    assert not is_breached("\ud800", path)


def test_hashes_without_counts_and_in_lower_case_are_read(made: Callable[[str], Path]) -> None:
    path = made("".join(f"{sha1(password).lower()}\n" for password in sorted(OTHERS, key=sha1)))
    check_list(path)
    assert is_breached(OTHERS[7], path)


def test_of_a_large_list_only_a_few_lines_are_read(
    made: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, read, read_line = made("\n".join(lines(OTHERS))), [], breached_passwords._read_line

    def counting(file: BinaryIO) -> bytes:
        read.append(read_line(file))
        return read[-1]

    monkeypatch.setattr(breached_passwords, "_read_line", counting)

    assert not is_breached(LEAKED, path)

    # Two lines for each halving.
    assert len(read) <= 2 * path.stat().st_size.bit_length()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "is empty"),
        ("password\nletmein\n", "is not a list of SHA-1 hashes"),
        (f"{'A' * 40}:7:7\n", "is not a list of SHA-1 hashes"),
        ("A" * 4096, "is not a list of SHA-1 hashes"),
        ("\n".join(reversed(lines(OTHERS))), "is not in the order of the hashes"),
        ("\n".join(f"{sha1(password)}:1" for password in OTHERS), "is not in the order of the hashes"),
        (f"{'0' * 40}:1\n{'x' * (LINE_MAX * 100)}\n", "is not a list of SHA-1 hashes"),
    ],
)
def test_other_files_are_not_taken_for_lists(made: Callable[[str], Path], content: str, why: str) -> None:
    path = made(content)
    with pytest.raises(ListUnusable, match=why):
        check_list(path)


def test_a_file_that_cannot_be_read_is_no_empty_list(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, why in (
        (tmp_path / "none", "cannot be read"),
        (tmp_path, "is not a file"),
        (tmp_path / "pipe", "is not"),
    ):
        for use in (check_list, lambda each: is_breached(LEAKED, each)):
            with pytest.raises(ListUnusable, match=why):
                use(path)


@pytest.fixture
def with_list(settings: Settings, made: Callable[[str], Path]) -> Path:
    path = made("\n".join(lines([*OTHERS, LEAKED])))
    settings.WATCHWORD = load_control_settings(breached_passwords_file=path)
    return path


@pytest.mark.usefixtures("with_list")
def test_a_leaked_password_cannot_be_set(bob: Person, shell: Actor) -> None:
    secret = CreateSignInLink(email=bob.email).run(shell, now=NOW)

    with pytest.raises(Refusal) as refused:
        RedeemSignInLink(secret=secret, password=LEAKED).run(now=NOW)

    assert refused.value.field_errors["password"].startswith("This password has been leaked")
    RedeemSignInLink(secret=secret, password=f"{LEAKED}!").run(now=NOW)


@pytest.mark.usefixtures("with_list")
def test_the_page_shows_why(alice: Person) -> None:
    client = Client()
    client.post("/sign-in", {"email": alice.email, "password": PASSWORD})
    form = {"current_password": PASSWORD, "password": LEAKED, "password_again": LEAKED}
    answer = client.post("/your-sign-in/change-password/", form)
    assert answer.status_code == 422
    assert "This password has been leaked, and attackers try it." in answer.content.decode()


def test_without_its_list_the_portal_sets_no_password(bob: Person, with_list: Path) -> None:
    with_list.unlink()

    with capture_logs() as logged, pytest.raises(Refusal) as refused:
        hashed_password(f"{PASSWORD} orbit", bob)

    assert refused.value.field_errors["password"].startswith("Passwords cannot be checked at the moment.")
    assert [(entry["event"], entry["problem"]) for entry in logged] == [
        ("breached_passwords_unusable", "cannot be read (No such file or directory)"),
    ]  # fmt: skip
