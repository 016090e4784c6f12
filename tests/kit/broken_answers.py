"""HTTP answers that are too large, cut off or malformed, each with the failure that an exchange reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from kit.hostile import CHUNKED, OK
from kit.key_server import resets_after, sends, sends_without_end, serves
from watchword.outbound.failure import Failure

if TYPE_CHECKING:
    from kit.key_server import Behaviour

_ROWS: Final[list[tuple[str, Behaviour, Failure]]] = [
    ("a byte too many", serves(b"x" * 262_145), Failure.TOO_LARGE),
    ("chunks without end", sends_without_end(CHUNKED, b"1000\r\n" + b"x" * 4096 + b"\r\n"), Failure.TOO_LARGE),
    ("a body without length or end", sends_without_end(OK + b"\r\n", b"x" * 4096), Failure.TOO_LARGE),
    ("100 MB", sends_without_end(OK + b"Content-Length: 104857600\r\n\r\n", b"x" * 4096), Failure.TOO_LARGE),
    ("a length of 20 digits", sends_without_end(OK + b"Content-Length: " + b"9" * 20 + b"\r\n\r\n", b"x" * 4096),
     Failure.TOO_LARGE),
    ("interim answers without end",
     sends_without_end(b"", b"HTTP/1.1 103 Early Hints\r\nX: " + b"x" * 2000 + b"\r\n\r\n"), Failure.TOO_LARGE),
    ("a chunk extension on each byte", sends_without_end(CHUNKED, b"1;" + b"x" * 200 + b"\r\nx\r\n"),
     Failure.TOO_LARGE),
    ("trailers without end", sends_without_end(CHUNKED + b"0\r\n", b"X: " + b"x" * 90 + b"\r\n"),
     Failure.HTTP_MALFORMED),
    ("less than its length", sends(OK + b"Content-Length: 5\r\n\r\n{}"), Failure.CONNECTION_FAILED),
    ("two lengths", sends(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}    "), Failure.HTTP_MALFORMED),
    ("a negative length", sends(OK + b"Content-Length: -5\r\n\r\n{}"), Failure.HTTP_MALFORMED),
    ("a length with a sign", sends(OK + b"Content-Length: +2\r\n\r\n{}"), Failure.HTTP_MALFORMED),
    ("a length of 21 digits", sends(OK + b"Content-Length: " + b"9" * 21 + b"\r\n\r\n{}"), Failure.HTTP_MALFORMED),
    ("cut off on the way", sends(OK + b"\r\n" + b"{}"), Failure.CONNECTION_FAILED),
    ("a chunk size that is none", sends(CHUNKED + b"zz\r\n"), Failure.HTTP_MALFORMED),
    ("a chunk size of 30 digits", sends(CHUNKED + b"1" * 30 + b"\r\n"), Failure.HTTP_MALFORMED),
    ("a long chunk extension", sends(CHUNKED + b"1;" + b"x" * 70_000 + b"\r\nx\r\n"), Failure.HTTP_MALFORMED),
    ("a huge status line", sends(b"HTTP/1.1 200 " + b"x" * 70_000 + b"\r\n\r\n"), Failure.HTTP_MALFORMED),
    ("headers without end", sends_without_end(OK, b"X-Header: " + b"x" * 90 + b"\r\n"), Failure.HTTP_MALFORMED),
    ("a header of 33 KB", sends(OK + b"X: " + b"x" * 33_000 + b"\r\nContent-Length: 2\r\n\r\n{}"),
     Failure.HTTP_MALFORMED),
    ("a header name with a blank", sends(OK + b"Content-Length : 2\r\n\r\n{}"), Failure.HTTP_MALFORMED),
    ("a header without a colon", sends(OK + b"Content-Length 2\r\n\r\n{}"), Failure.HTTP_MALFORMED),
    ("a NUL in a header", sends(OK + b"X: \x00\r\nContent-Length: 2\r\n\r\n{}"), Failure.HTTP_MALFORMED),
    ("a header that is folded from nothing", sends(OK + b" X: x\r\nContent-Length: 2\r\n\r\n{}"),
     Failure.HTTP_MALFORMED),
    ("an unknown transfer coding", sends(OK + b"Transfer-Encoding: x\r\n\r\n{}"), Failure.HTTP_MALFORMED),
    ("HTTP/0.9", sends(b"{}" + b"\r\n\r\n"), Failure.HTTP_MALFORMED),
    ("HTTP/2", sends(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\x00" * 18), Failure.HTTP_MALFORMED),
    ("another protocol's greeting", sends(b"220 mail.acme.example ESMTP\r\n\r\n"), Failure.HTTP_MALFORMED),
    ("zeros", sends(b"\x00" * 100), Failure.HTTP_MALFORMED),
    ("another protocol from here on", sends(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
     Failure.HTTP_MALFORMED),
    ("nothing", sends(b""), Failure.CONNECTION_FAILED),
    ("a reset in the middle", resets_after(OK + b"Content-Length: 500\r\n\r\n{"), Failure.CONNECTION_FAILED),
]  # fmt: skip

BROKEN_ANSWERS: Final = [pytest.param(*row[1:], id=row[0]) for row in _ROWS]
