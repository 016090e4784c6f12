"""Looks a password up in a file of leaked ones, without reading more than a few lines of it.

The file is what the downloader of Have I Been Pwned writes: a line `SHA-1:count` for each password, in the order of the
hashes. It has about 40 GB, so it is searched by bisection.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from pathlib import Path

LINE_MAX: Final = 64
"""Bytes of a line with its end; those of the downloader have at most 53."""

SAMPLES: Final = 64
"""Lines that are compared when the file is checked."""

_LINE: Final = re.compile(rb"([0-9A-Fa-f]{40})(?::[0-9]{1,12})?\r?\n?")


class ListUnusable(Exception):
    """The file is not such a list, or cannot be read; the message says what is wrong with it."""


def is_breached(password: str, path: Path) -> bool:
    """Whether the file has the password. At most two lines are read for each halving of its size.

    Raises:
        ListUnusable.
    """
    # SHA-1 is the list's format and protects nothing here.
    wanted = hashlib.sha1(password.encode(errors="surrogatepass"), usedforsecurity=False).hexdigest().upper().encode()
    try:
        with _opened(path) as file:
            return _contains(file, wanted)
    except OSError as failure:
        raise ListUnusable(f"cannot be read ({failure.strerror})") from None


def check_list(path: Path) -> None:
    """Compare lines across the whole file.

    Raises:
        ListUnusable: it cannot be read, or is not a list of SHA-1 hashes in ascending order.
    """
    try:
        with _opened(path) as file:
            size = _size(file)
            found = [_line_from(file, size * sample // SAMPLES)[1] for sample in range(SAMPLES)]
    except OSError as failure:
        raise ListUnusable(f"cannot be read ({failure.strerror})") from None
    hashes = [found_hash for found_hash in found if found_hash is not None]
    if not hashes:
        raise ListUnusable("is empty")
    if hashes != sorted(hashes):
        raise ListUnusable("is not in the order of the hashes; download it in that order")


def _opened(path: Path) -> BinaryIO:
    # Without O_NONBLOCK, opening a named pipe would wait for its writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ListUnusable("is not a file")
    return os.fdopen(descriptor, "rb", buffering=512)


def _size(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


def _contains(file: BinaryIO, wanted: bytes) -> bool:
    # The wanted line begins at `low` or after it, and before `high`.
    low, high = 0, _size(file)
    while low < high:
        middle = (low + high) // 2
        end, found = _line_from(file, middle)
        if found == wanted:
            return True
        if found is not None and found < wanted:
            low = end
        else:
            high = middle
    return False


def _line_from(file: BinaryIO, position: int) -> tuple[int, bytes | None]:
    """Return the end and the hash of the first line that begins at the position or after it; None if there is none."""
    file.seek(max(position - 1, 0))
    if position > 0 and not _read_line(file).endswith(b"\n"):
        return file.tell(), None
    line = _read_line(file)
    if line == b"":
        return file.tell(), None
    read = _LINE.fullmatch(line)
    if read is None:
        raise ListUnusable("is not a list of SHA-1 hashes, one a line")
    return file.tell(), read[1].upper()


def _read_line(file: BinaryIO) -> bytes:
    line = file.readline(LINE_MAX)
    if len(line) == LINE_MAX and not line.endswith(b"\n"):
        raise ListUnusable("is not a list of SHA-1 hashes, one a line")
    return line
