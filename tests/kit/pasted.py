"""What the portal shows for a gateway, as an administrator pastes it: nothing but addresses is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.control.servers.snippets import snippets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ORGANIZATION = "acme"


def pasted(gateway: str, changes: Mapping[str, str]) -> list[str]:
    """The texts of one gateway, in the portal's order.

    Args:
        gateway: as in the page.
        changes: what is shown, and what stands there in a test. Each must occur.
    """
    (texts,) = ([file.text for file in one.files] for one in snippets(ORGANIZATION) if one.gateway == gateway)
    return changed(texts, changes)


def changed(texts: Sequence[str], changes: Mapping[str, str]) -> list[str]:
    """The same texts with other addresses. What is to be changed must occur."""
    texts = list(texts)
    for shown, actual in changes.items():
        assert any(shown in text for text in texts), f"{shown} is nowhere to be found"
        texts = [text.replace(shown, actual) for text in texts]
    return texts
