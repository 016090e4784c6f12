"""No acceptance depends on the interpreter's Unicode tables (FI-01)."""

from __future__ import annotations

import ast
import re
import sys
import unicodedata
from pathlib import Path

import pytest

import watchword
from kit import forge
from watchword.core.characters import is_printable
from watchword.core.jwk import SigningKey, admit_key

CHARACTERS = [chr(number) for number in range(sys.maxunicode + 1)]
DECEPTIVE = [
    "\x00", "\x1f", "\x7f", "\x80", "\x9f", "\u00a0", "\u00ad", "\u061c", "\u1680", "\u180e", "\u2000", "\u200b",
    "\u200f", "\u2028", "\u202e", "\u202f", "\u205f", "\u2066", "\u206f", "\u3000", "\ud800", "\udfff", "\ue000",
    "\uf8ff", "\ufdd0", "\ufdef", "\ufeff", "\ufff0", "\ufffb", "\ufffe", "\uffff", "\U000e0001", "\U000e007f",
    "\U000f0000", "\U0010ffff",
]  # fmt: skip
SHOWN = ["a", " ", "~", "\u00a1", "\u00e9", "\u0130", "\u212a", "\u2027", "\u2030", "\ufdf0", "\ufffc", "\ufffd",
         "\U0001f511", "\U000e0100"]  # fmt: skip
NEW = {
    "Unicode 15, which Python 3.11 does not know": "\U0001e030",
    "Unicode 15.1, which Python 3.12 does not know": "\U0002ebf0",
    "Unicode 16, which Python 3.13 does not know": "\U0001cc00",
    "no version of Unicode so far": "\U0003fff0",
}


@pytest.mark.parametrize("character", DECEPTIVE, ids=ascii)
def test_deceptive_characters_are_refused(character: str) -> None:
    assert not is_printable(f"a{character}b")
    assert not isinstance(admit_key(forge.rsa_key().jwk(kid=f"a{character}b")), SigningKey)


@pytest.mark.parametrize("character", SHOWN, ids=ascii)
def test_other_characters_are_accepted(character: str) -> None:
    assert is_printable(f"a{character}b")


@pytest.mark.parametrize("character", NEW.values(), ids=NEW)
def test_fi_01_kid_with_newer_characters_is_accepted(character: str) -> None:
    key = admit_key(forge.rsa_key().jwk(kid=f"key-{character}"))
    assert isinstance(key, SigningKey)
    assert key.kid == f"key-{character}"


def test_printable_characters_are_accepted() -> None:
    """A kid that was stored before is still admitted."""
    assert [character for character in CHARACTERS if character.isprintable() and not is_printable(character)] == []


def test_controls_separators_and_private_characters_are_refused() -> None:
    refused = ("Cc", "Co", "Cs", "Zl", "Zp", "Zs")
    assert [
        character
        for character in CHARACTERS
        if character != " " and unicodedata.category(character) in refused and is_printable(character)
    ] == []


# -------------------------------------------------------------------- the code

PACKAGES = ("core", "feed", "jwks")
SOURCES = sorted(
    path for package in PACKAGES for path in (Path(watchword.__file__).parent / package).rglob("*.py")
)  # fmt: skip
OF_TABLES = {
    "capitalize", "casefold", "isalnum", "isalpha", "isdecimal", "isdigit", "isidentifier", "islower", "isnumeric",
    "isprintable", "isspace", "istitle", "isupper", "lower", "splitlines", "swapcase", "title", "upper",
}  # fmt: skip
OF_TABLES_WITHOUT_ARGUMENTS = {"strip", "lstrip", "rstrip", "split", "rsplit"}
ALLOWED = {
    # Octets, and texts that are known to be ASCII.
    "each.lower()", 'sha256(der).digest().hex(":").upper()', "text.lower() if text.isascii()",
    'decode("ascii").lower()', "untrusted_document.lstrip()", "value.lower() for value in _values(response",
    "without_mark(document).strip()", "str(error).upper()",
    # Compared with words of ASCII, which `test_ascii_words_do_not_match_other_letters` is about.
    "typ.lower()", "scheme.lower()", "text[: len(_HTTPS)].lower()",
}  # fmt: skip
CLASSES = re.compile(r"\\[wWdDsSbB]")


def findings(path: Path) -> list[str]:
    source = path.read_text("utf-8")
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name, text = node.func.attr, ast.get_source_segment(source, node) or ""
        line = source.splitlines()[node.end_lineno - 1] if node.end_lineno else ""
        asks = name in OF_TABLES or (name in OF_TABLES_WITHOUT_ARGUMENTS and not node.args)
        if asks and not any(allowed in line for allowed in ALLOWED) and text != "names.split()":
            found.append(f"{path.name}:{node.lineno}: {text}")
        if name == "compile" and isinstance(node.func.value, ast.Name) and node.func.value.id == "re":
            flags = " ".join(ast.unparse(argument) for argument in node.args[1:])
            of_octets = ast.unparse(node.args[0]).startswith(("b'", 'b"'))
            if not of_octets and "ASCII" not in flags and (CLASSES.search(text) or "IGNORECASE" in flags):
                found.append(f"{path.name}:{node.lineno}: {text}")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_fi_01_code_does_not_use_unicode_tables(path: Path) -> None:
    assert findings(path) == []


def test_search_for_unicode_tables_works(tmp_path: Path) -> None:
    lines = [
        "a.isprintable()", "a.casefold()", "a.strip()", "a.split()", "a.lower()", r're.compile(r"\d+")',
        're.compile("a", re.IGNORECASE)',
    ]  # fmt: skip
    good = [
        'a.strip(" ")',
        'a.split(",")',
        r're.compile(rb"\d+")',
        r're.compile(r"\d", re.ASCII)',
        're.compile("[0-9]")',
    ]
    path = tmp_path / "source.py"
    path.write_text("\n".join([*lines, *good]))
    assert [found.partition(": ")[2] for found in findings(path)] == lines


def test_ascii_words_do_not_match_other_letters() -> None:
    words = ("bearer", "https", "jwt", "jws", "jose", "at+jwt", "application/at+jwt")
    others = {character for character in CHARACTERS if not character.isascii() and character.lower().isascii()}
    assert others == {"\u212a"}
    assert not any("k" in word for word in words)
