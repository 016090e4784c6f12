"""The characters that a name from outside may contain, as fixed ranges.

`str.isprintable` and similar functions use the interpreter's Unicode tables, which grow with every version of Python. A
control plane on one version would then publish names that a verifier on another version refuses (FI-01).
"""

from __future__ import annotations

import re
from typing import Final

UNPRINTABLE: Final = re.compile(
    "["
    "\u0000-\u001f\u007f-\u00a0"  # controls, and a blank that looks like another one
    "\u00ad\u061c\u180e\ufeff"  # invisible, or a change of direction
    "\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000"  # blanks, ends of lines, joiners, changes of direction
    "\ud800-\udfff"  # half a character: no UTF-8 text can hold it
    "\ue000-\uf8ff\U000f0000-\U0010ffff"  # private use: what they show depends on the font
    "\ufdd0-\ufdef\ufff0-\ufffb\ufffe\uffff"  # no characters, or marks of an editor
    "\U000e0000-\U000e007f"  # tags: invisible
    "]"
)
"""Characters that could deceive a reader, split a log line, or fail to be stored. Characters that Unicode does not
define yet are allowed: they show as a box."""


def printable(text: str) -> str:
    """The text with U+FFFD in place of each character that is not allowed."""
    return UNPRINTABLE.sub("\ufffd", text)


def is_printable(text: str) -> bool:
    return UNPRINTABLE.search(text) is None
