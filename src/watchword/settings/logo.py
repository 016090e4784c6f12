"""The provider's logo: a PNG, or an SVG of plain shapes. The portal serves exactly the bytes that were checked here."""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_BYTES: Final = 64 * 1024
MAX_PIXELS: Final = 1024
"""Of each side of a PNG: a small file can hold a picture that takes gigabytes once it is unpacked."""

MAX_DEPTH: Final = 32

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_SVG: Final = "http://www.w3.org/2000/svg"
_XLINK: Final = "http://www.w3.org/1999/xlink"
_XML: Final = "http://www.w3.org/XML/1998/namespace"
# Neither scripts, styles and foreign content, nor what loads another file (image, use), nor what repeats itself
# (pattern, mask, use: a few lines that refer to each other can keep a browser busy for hours).
_ELEMENTS: Final = frozenset(
    """svg g defs title desc path rect circle ellipse line polyline polygon clipPath linearGradient radialGradient stop
    """.split()  # noqa: SIM905 - a list of words.
)
_ATTRIBUTES: Final = frozenset(
    """id class role version viewBox width height x y x1 y1 x2 y2 cx cy r rx ry fx fy d points offset transform
    preserveAspectRatio pathLength gradientUnits gradientTransform spreadMethod clipPathUnits
    color fill fill-opacity fill-rule clip-path clip-rule stroke stroke-width stroke-opacity stroke-linecap
    stroke-linejoin stroke-miterlimit stroke-dasharray stroke-dashoffset stop-color stop-opacity opacity
    display visibility vector-effect shape-rendering color-interpolation
    """.split()  # noqa: SIM905 - a list of words.
)
_REFERENCE: Final = re.compile(r"""url\(\s*(['"]?)#[\w.-]+\1\s*\)""")
_FRAGMENT: Final = re.compile(r"#[\w.-]+")
_INSTEAD: Final = (
    "use an SVG of shapes, gradients and clip paths alone, with its colors in attributes and not in styles, or a PNG"
)


@dataclass(frozen=True, slots=True)
class Logo:
    """Checked bytes with their type, and the file that they came from."""

    path: Path
    content: bytes
    media_type: str

    def __str__(self) -> str:
        return str(self.path)

    @property
    def name(self) -> str:
        """Of a file that differs as soon as its content does, so that browsers may keep it for ever."""
        suffix = "png" if self.media_type == "image/png" else "svg"
        return f"{hashlib.sha256(self.content).hexdigest()[:16]}.{suffix}"


def read_logo(value: object) -> Logo:
    """Read the file at the path `value` and check what it holds.

    Raises:
        ValueError: it cannot be read, is too large, or is neither a PNG nor a plain SVG; the message says which.
    """
    if not isinstance(value, str | Path):
        raise ValueError("must be the path of a file")  # noqa: TRY004 - pydantic reports a ValueError.
    path = Path(value)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as failure:
        raise ValueError(f"cannot be read ({failure.strerror})") from None
    if len(content) > MAX_BYTES:
        raise ValueError(f"must not have more than {MAX_BYTES // 1024} KiB")
    if content.startswith(_PNG):
        _check_png(content)
        return Logo(path, content, "image/png")
    _PlainSvg().check(content)
    return Logo(path, content, "image/svg+xml")


def _check_png(content: bytes) -> None:
    kinds: list[bytes] = []
    position = len(_PNG)
    while position < len(content):
        # Length, type, content and checksum (PNG specification, section 5.3).
        if position + 12 > len(content):
            raise ValueError("is not a whole PNG")
        length, kind = struct.unpack_from(">I4s", content, position)
        end = position + 12 + length
        if end > len(content) or kinds[-1:] == [b"IEND"]:
            raise ValueError("is not a whole PNG, or has something behind it")
        (checksum,) = struct.unpack_from(">I", content, end - 4)
        if zlib.crc32(content[position + 4 : end - 4]) != checksum:
            raise ValueError("is a damaged PNG")
        if not kinds:
            _check_size(content[position + 8 : end - 4] if kind == b"IHDR" else b"")
        kinds.append(kind)
        position = end
    if b"IDAT" not in kinds or kinds[-1] != b"IEND":
        raise ValueError("is not a whole PNG")


def _check_size(header: bytes) -> None:
    if len(header) != struct.calcsize(">IIBBBBB"):
        raise ValueError("is a PNG without a header")
    width, height = struct.unpack_from(">II", header)
    if not (0 < width <= MAX_PIXELS and 0 < height <= MAX_PIXELS):
        raise ValueError(f"must not have more than {MAX_PIXELS} pixels on a side")


class _PlainSvg:
    """Lets through what is known to be harmless, and names the first thing that is not."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
        self._depth = 0
        self._clipping = 0
        handlers: Mapping[str, Callable[..., None]] = {
            "StartElementHandler": self._start,
            "EndElementHandler": self._end,
            "StartDoctypeDeclHandler": lambda *_: self._refuse("a DOCTYPE"),
            "ProcessingInstructionHandler": lambda *_: self._refuse("a processing instruction"),
        }
        for name, handler in handlers.items():
            setattr(self._parser, name, handler)

    def check(self, content: bytes) -> None:
        """Raises ValueError."""
        try:
            # The portal serves it as UTF-8, so no other encoding that the file declares counts.
            content.decode("utf-8")
            self._parser.Parse(content, True)  # noqa: FBT003 - expat knows no keyword.
        except UnicodeDecodeError:
            raise ValueError("is neither a PNG nor an SVG in UTF-8") from None
        except expat.ExpatError as failure:
            raise ValueError(f"is neither a PNG nor an SVG ({failure})") from None

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        namespace, _, element = name.rpartition(" ")
        if namespace != _SVG or element not in _ELEMENTS:
            self._refuse(f"<{element[:40]}>")
        if (self._depth == 0) != (element == "svg"):
            self._refuse("another element than one <svg> around all others")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._refuse(f"elements inside each other more than {MAX_DEPTH} deep")
        for attribute, value in attributes.items():
            self._check_attribute(element, attribute, value)
        self._clipping += element == "clipPath"

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._clipping -= name == f"{_SVG} clipPath"

    def _check_attribute(self, element: str, attribute: str, value: str) -> None:
        namespace, _, name = attribute.rpartition(" ")
        if name == "href" and namespace in {"", _XLINK}:
            allowed = element in {"linearGradient", "radialGradient"} and _FRAGMENT.fullmatch(value) is not None
        elif namespace == _XML:
            allowed = name in {"space", "lang"}
        else:
            allowed = namespace == "" and name in _ATTRIBUTES
        # A clip path that refers to others multiplies the work with each step.
        allowed = allowed and not (name == "clip-path" and self._clipping)
        if not allowed:
            self._refuse(f"the attribute {name[:40]} of <{element}>")
        # A backslash could spell url() so that no check reads it.
        if "\\" in value or "url" in _REFERENCE.sub("", value).lower():
            self._refuse(f"an address in the attribute {name} of <{element}>")

    def _refuse(self, what: str) -> None:
        raise ValueError(f"has {what} in line {self._parser.CurrentLineNumber}; {_INSTEAD}")
