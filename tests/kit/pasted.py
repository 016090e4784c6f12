"""The text of a gateway as an operator copies it; only addresses are changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.gateways import gateways

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def pasted(gateway: str, changes: Mapping[str, str]) -> list[str]:
    """The texts of one gateway, in the order of `watchword.gateways`.

    Args:
        gateway: its name there.
        changes: texts to replace, and their replacements. Each must occur.
    """
    (texts,) = ([file.text for file in one.files] for one in gateways() if one.name == gateway)
    return changed(texts, changes)


def changed(texts: Sequence[str], changes: Mapping[str, str]) -> list[str]:
    """The same texts with other addresses. Each replaced text must occur."""
    texts = list(texts)
    for shown, actual in changes.items():
        assert any(shown in text for text in texts), f"{shown} is nowhere to be found"
        texts = [text.replace(shown, actual) for text in texts]
    return texts
