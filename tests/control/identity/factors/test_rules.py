from __future__ import annotations

import hashlib
import re

import pytest

from watchword.control.identity.factors.rules import (
    check_passkey_name,
    free_name,
    new_recovery_code,
    recovery_code_hash,
    typed_recovery_code,
)


@pytest.mark.parametrize(
    ("name", "taken", "free"),
    [
        ("Laptop", [], "Laptop"),
        ("Laptop", ["Phone"], "Laptop"),
        ("Laptop", ["LAPTOP"], "Laptop 2"),
        ("Laptop", ["Laptop", "laptop 2"], "Laptop 3"),
        ("Laptop", ["Laptop", *(f"Laptop {number}" for number in range(2, 11))], "Laptop 11"),
        ("x" * 64, ["x" * 64], "x" * 61 + " 2"),
    ],
)
def test_names_of_passkeys_are_numbered(name: str, taken: list[str], free: str) -> None:
    assert free_name(name, taken) == free


def test_a_code_has_120_bits_in_groups() -> None:
    codes = {new_recovery_code() for _ in range(100)}

    assert len(codes) == 100
    assert all(re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){5}", code) for code in codes)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("0123-4567-89AB-CDEF-GHJK-MNPQ", "0123456789ABCDEFGHJKMNPQ"),
        ("0123456789abcdefghjkmnpq", "0123456789ABCDEFGHJKMNPQ"),
        (" 0123 4567 89ab cdef ghjk mnpq\n", "0123456789ABCDEFGHJKMNPQ"),
        ("oi23\N{EN DASH}4567\N{NO-BREAK SPACE}89ab_cdef.ghjk,mnpq", "0123456789ABCDEFGHJKMNPQ"),
        ("L123-4567-89AB-CDEF-GHJK-MNPQ", "1123456789ABCDEFGHJKMNPQ"),
        ("0123-4567-89AB-CDEF-GHJK-MNP", None),
        ("0123-4567-89AB-CDEF-GHJK-MNPQR", None),
        ("U123-4567-89AB-CDEF-GHJK-MNPQ", None),
        ("0123-4567-89AB-CDEF-GHJK-MNP\N{LATIN SMALL LETTER SHARP S}", None),
        ("0123-4567-89AB-CDEF-GHJK-MNP\0", None),
        ("\ud800" * 24, None),
        ("", None),
        ("0123-4567-89AB-CDEF-GHJK-MNPQ" + "-" * 72, None),
    ],
)
def test_separators_and_case_do_not_matter(typed: str, read: str | None) -> None:
    assert typed_recovery_code(typed) == read


def test_hash_of_a_code_is_that_of_its_characters() -> None:
    code = new_recovery_code()

    assert recovery_code_hash(code) == hashlib.sha256(code.replace("-", "").encode()).hexdigest()
    assert recovery_code_hash(typed_recovery_code(code.lower()) or "") == recovery_code_hash(code)


@pytest.mark.parametrize("name", ["Laptop", "x" * 64, "Clé de sécurité", "電話"])
def test_readable_names_of_passkeys(name: str) -> None:
    assert check_passkey_name(name) == {}


@pytest.mark.parametrize("name", ["", " ", " Laptop", "Laptop ", "Lap\ntop", "x" * 65, "\u202eLaptop", "\ud800", "\0"])
def test_unreadable_names_of_passkeys(name: str) -> None:
    assert set(check_passkey_name(name)) == {"name"}
