"""Files that YAML readers could understand in different ways are refused with line and column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.client.yaml_reading import MAX_OCTETS, FileRefused, Items, Members, Node, Scalar, read_yaml
from watchword.client.yaml_writing import write_yaml

if TYPE_CHECKING:
    from watchword.client.yaml_writing import Value

REFUSED = [
    ("a: &x 1\nb: *x\n", "1:4", "Anchors"),
    ("a: 1\nb: *x\n", "2:4", "Aliases"),
    ("a: &x\n  b: 1\n", "1:4", "Anchors"),
    ("a: &x [1]\n", "1:4", "Anchors"),
    ("a: !!str 1\n", "1:4", "Tags"),
    ("a: !!python/object:os.system {}\n", "1:4", "Tags"),
    ("a: ! 1\n", "1:4", "Tags"),
    ("a: !!map {b: 1}\n", "1:4", "Tags"),
    ("a: 1\nb: 2\na: 3\n", "3:1", "“a” stands here a second time, after line 1"),
    ('a: 1\n"a": 3\n', "2:1", "second time"),
    ("- x: {b: 1, b: 2}\n", "1:13", "second time"),
    ('"\\e[2J": 1\n"\\e[2J": 1\n', "2:1", "“\\u001B[2J” stands here"),
    ("<<: {a: 1}\n", "1:1", "Merge keys"),
    ("? [a, b]\n: 1\n", "1:3", "name of a member must be a text"),
    ("a: 1\n---\nb: 2\n", "2:1", "second document"),
    ("%YAML 1.1\n---\na: 1\n", "1:1", "Directives"),
    ("%TAG ! tag:example,2026:\n---\na: 1\n", "1:1", "Directives"),
    ("", "1:1", "empty"),
    ("# only a comment\n", "2:1", "empty"),
    ("a: [1, 2\n", "2:1", "not well-formed"),
    ("a: 1\n\tb: 2\n", "2:1", "not well-formed"),
    ("a: 'x\n", "2:1", "not well-formed"),
    ("a: 1\nb: \x00\n", "2:4", "U+0000"),
    ("a: " + "[" * 20 + "]" * 20, "1:11", "nested more than 8 deep"),
    ("a: 1\nb: \ufdd0\ud83d\n".encode("utf-8", "surrogatepass"), "2:5", "not UTF-8"),
    ("a: 1\n".encode("utf-16"), "1:1", "not UTF-8"),
    (b"#" * (MAX_OCTETS + 1), "1:1", "larger than 128 KiB"),
]


@pytest.mark.parametrize(("document", "where", "sentence"), REFUSED)
def test_ambiguous_document_is_refused_where_it_is_wrong(document: str | bytes, where: str, sentence: str) -> None:
    octets = document if isinstance(document, bytes) else document.encode()
    with pytest.raises(FileRefused) as refused:
        read_yaml(octets, file="servers.yaml")
    assert any(
        str(fault).startswith(f"servers.yaml:{where}: ") and sentence in str(fault) for fault in refused.value.faults
    )


@pytest.mark.parametrize("text", ["no", "1e3", "0123", "2026-01-01", "12:30:00", "=", "0x10", ".inf", "true", "null"])
def test_scalars_stay_text(text: str) -> None:
    node = read_yaml(f"a: {text}\n".encode(), file="f")
    assert isinstance(node, Members)
    value = node.members["a"].value
    assert isinstance(value, Scalar)
    assert (value.text, value.is_plain) == (text, True)


def test_byte_order_mark_and_windows_line_ends_are_accepted() -> None:
    node = read_yaml("\ufeffa: 1\r\nb: |\r\n  x\r\n  y\r\n".encode(), file="f")
    assert plain(node) == {"a": "1", "b": "x\ny\n"}


def plain(node: Node) -> object:
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return {name: plain(member.value) for name, member in node.members.items()}


def as_text(value: Value) -> object:
    """What the reader makes of a JSON value: all scalars are texts."""
    if isinstance(value, dict):
        return {name: as_text(below) for name, below in value.items()}
    if isinstance(value, list):
        return [as_text(item) for item in value]
    return value if isinstance(value, str) else {None: "null", True: "true", False: "false"}[value]  # type: ignore[index]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    [
        "no",
        "~",
        "a\nb",
        "a\nb\n",
        " a\nb",
        "a \nb",
        "a\n\nb\n\n",
        "# a\nb: c\n",
        "---\na",
        "a\x85b",
        "a\u2028b",
        "\u202e",
    ]
)
DOCUMENTS: st.SearchStrategy[Value] = st.recursive(
    st.none() | st.booleans() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS.filter(lambda name: name != "<<"), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.lists(DOCUMENTS, max_size=3))
def test_what_is_written_is_read_again(document: list[Value]) -> None:
    try:
        node = read_yaml(write_yaml(document).encode(), file="f")
    except FileRefused as refused:
        assert "nested more than" in str(refused)  # noqa: PT017 - the only refusal that a written document may meet.
        return
    assert plain(node) == as_text(document)


@given(st.text(st.sampled_from("ab:-[]{}'\"|>\n #&*!%?,~<0\t"), max_size=40) | st.binary(max_size=40))
def test_any_input_is_read_or_refused(document: str | bytes) -> None:
    octets = document if isinstance(document, bytes) else document.encode()
    try:
        read_yaml(octets, file="f")
    except FileRefused as refused:
        assert all(fault.place.line >= 1 and fault.place.column >= 1 for fault in refused.faults)  # noqa: PT017
