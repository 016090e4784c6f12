"""What the portal shows for a gateway, as an administrator pastes it: nothing but addresses is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.control.servers.snippets import snippets

if TYPE_CHECKING:
    from collections.abc import Mapping

ORGANIZATION = "acme"


def pasted(gateway: str, changes: Mapping[str, str]) -> list[str]:
    """The texts of one gateway, in the portal's order.

    Args:
        gateway: as in the page.
        changes: what is shown, and what stands there in a test. Each must occur exactly once in all texts together.
    """
    (texts,) = ([file.text for file in one.files] for one in snippets(ORGANIZATION) if one.gateway == gateway)
    for shown, actual in changes.items():
        times = sum(text.count(shown) for text in texts)
        assert times == 1, f"{gateway} shows {shown} {times} times"
        texts = [text.replace(shown, actual) for text in texts]
    return texts
