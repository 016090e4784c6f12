"""Standard input, output and error as every command may rely on them."""

from __future__ import annotations

import io
import os
import sys

_READ, _WRITE = "r", "w"


def repair_standard_streams() -> None:
    """Open closed standard streams on /dev/null, and let output hold any character.

    Python has None in place of a closed stream. Worse, the next file that is opened, such as a database, would take its
    number, and what a library writes to standard error would go there.
    """
    for number, name, mode in ((0, "stdin", _READ), (1, "stdout", _WRITE), (2, "stderr", _WRITE)):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)  # noqa: FBT003 - its only form.
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - a number.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name in Cyrillic must not fail at a terminal that cannot show it.
            stream.reconfigure(errors="backslashreplace")


def is_text(value: str) -> bool:
    """Whether it has neither NUL nor surrogates, which stand for octets of the command line that are not UTF-8."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value)
