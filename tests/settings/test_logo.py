"""The provider's logo: what is served to every browser, so anything but a plain picture is refused."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from kit.distribution import ROOT
from watchword.settings import logo

if TYPE_CHECKING:
    from pathlib import Path

START = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 24 24">'

EXPORTED = """<?xml version="1.0" encoding="UTF-8"?>
<!-- As Figma writes it. -->
<svg width="24" height="24" viewBox="0 0 24 24" fill="none" xmlns="http://www.w3.org/2000/svg" xml:space="preserve">
<title>Globex &amp; Co</title>
<g clip-path="url(#clip0_1_2)"><rect width="24" height="24" rx="6" fill="url(#paint0_linear_1_2)"/>
<path fill-rule="evenodd" clip-rule="evenodd" d="M4 4h16v16H4z" stroke="#fff" stroke-width="1.5"/></g>
<defs><linearGradient id="paint0_linear_1_2" x1="0" y1="0" x2="24" y2="24" gradientUnits="userSpaceOnUse">
<stop stop-color="#0A84FF"/><stop offset="1" stop-color="#5E5CE6"/></linearGradient>
<radialGradient id="b" xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="#paint0_linear_1_2"/>
<clipPath id="clip0_1_2"><rect width="24" height="24" fill="white"/></clipPath></defs>
<circle r="4" clip-path="url(#clip0_1_2)"/>
</svg>
"""

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "script of another namespace": '<x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>',
    "handler": '<path d="M0 0" onload="alert(1)"/>',
    "HTML inside": "<foreignObject><body/></foreignObject>",
    "another file": '<image href="https://tracker.example/p.png"/>',
    "link": '<a href="javascript:alert(1)"><path d="M0 0"/></a>',
    "style": "<style>@import url(https://tracker.example/a.css)</style>",
    "style attribute": '<path style="fill:url(https://tracker.example/a)"/>',
    "address": '<path fill="url(https://tracker.example/a.svg#b)"/>',
    "address behind a reference": '<path fill="url(#a) url(//tracker.example/)"/>',
    "address in capitals": '<path fill="URL(//tracker.example/)"/>',
    "escaped address": r'<path fill="\75rl(//tracker.example/)"/>',
    "reference to another file": '<linearGradient id="a" xlink:href="https://tracker.example/a.svg#b"/>',
    "reference of a shape": '<path href="#a"/>',
    "animation": '<set attributeName="href" to="javascript:alert(1)"/>',
    "repetition": '<use xlink:href="#a"/>',
    "mask": '<mask id="a"/>',
    "clip path in a clip path": '<clipPath id="a"><path clip-path="url(#b)" d="M0 0"/></clipPath>',
    "processing instruction": '<?xml-stylesheet href="https://tracker.example/a.css"?>',
    "attribute of an editor": '<g xmlns:i="http://www.inkscape.org/namespaces/inkscape" i:label="Layer"/>',
    "known attribute of another namespace": '<path xmlns:x="https://x.example/" x:d="M0 0"/>',
    "another base for addresses": '<g xml:base="https://tracker.example/"/>',
    "another drawing inside": START + "</svg>",
    "nested too deep": "<g>" * logo.MAX_DEPTH + "</g>" * logo.MAX_DEPTH,
}

DOCTYPE = '<!DOCTYPE svg [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
WHOLE_FILES = {
    "entities": DOCTYPE + START + "<title>&b;</title></svg>",
    "a document type": '<!DOCTYPE svg SYSTEM "file:///etc/passwd">' + START + "</svg>",
    "HTML": "<html><script>alert(1)</script></html>",
    "HTML that browsers would guess": "GIF89a<html>",
    "no namespace": "<svg/>",
    "an unfinished file": START + "<g>",
    "two drawings": START + "</svg>" + START + "</svg>",
    "a shape alone": '<path xmlns="http://www.w3.org/2000/svg"/>',
    "nothing": "",
}


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "logo"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def png(width: int = 8, height: int = 8) -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (width, height)).save(drawn, "PNG")
    return drawn.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def refusal(path: Path) -> str:
    with pytest.raises(ValueError, match=r".") as refused:
        logo.read_logo(path)
    return str(refused.value)


def test_svg_of_shapes_is_taken_as_it_is(tmp_path: Path) -> None:
    taken = logo.read_logo(written(tmp_path, EXPORTED))
    assert (taken.content, taken.media_type) == (EXPORTED.encode(), "image/svg+xml")
    assert taken.name.endswith(".svg")


def test_png_is_taken_as_it_is(tmp_path: Path) -> None:
    taken = logo.read_logo(written(tmp_path, png()))
    assert (taken.content, taken.media_type) == (png(), "image/png")
    assert taken.name.endswith(".png")
    assert taken.name != logo.read_logo(written(tmp_path, png(9))).name


def test_own_mark_of_watchword_is_plain() -> None:
    (mark,) = (ROOT / "src" / "watchword" / "control").rglob("mark.svg")
    logo.read_logo(mark)


@pytest.mark.parametrize("kind", HOSTILE)
def test_svg_with_more_than_shapes_is_refused(tmp_path: Path, kind: str) -> None:
    said = refusal(written(tmp_path, f"{START}\n{HOSTILE[kind]}</svg>"))
    assert "in line 2" in said
    assert "use an SVG of shapes" in said


@pytest.mark.parametrize("kind", WHOLE_FILES)
def test_other_xml_is_refused(tmp_path: Path, kind: str) -> None:
    assert refusal(written(tmp_path, WHOLE_FILES[kind]))


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_svg_in_another_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?>{START}<title>Café</title></svg>'
    assert "UTF-8" in refusal(written(tmp_path, text.encode(encoding)))


def test_encoding_that_an_svg_declares_does_not_count(tmp_path: Path) -> None:
    # In UTF-7 the title would be a script.
    text = f'<?xml version="1.0" encoding="UTF-7"?>{START}<title>+ADw-script+AD4-</title></svg>'
    assert logo.read_logo(written(tmp_path, text)).content == text.encode()


@pytest.mark.parametrize(
    "content",
    [
        png()[:-1],
        png()[:40],
        png()[:50],
        png()[:-12],
        png() + b"<script>alert(1)</script>",
        png() + chunk(b"tEXt", b"a\0b"),
        png() + chunk(b"tEXt", b"a\0b") + chunk(b"IEND", b""),
        png()[:-1] + b"\0",
        png()[:8] + chunk(b"tEXt", struct.pack(">II", 8, 8) + b"title") + png()[8:],
        png()[:8] + chunk(b"IEND", b""),
        png()[:8] + png()[33:],
        png()[:33] + chunk(b"IEND", b""),
        png()[:8],
        png(logo.MAX_PIXELS + 1, 1),
        png(1, logo.MAX_PIXELS + 1),
        png()[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 8, 8, 2, 0, 0, 0)) + png()[33:],
    ],
    ids=[
        "cut", "cut early", "cut in the picture", "no end", "more behind it", "a chunk behind it", "two ends",
        "damaged", "another chunk first", "no header", "no header at the start", "no picture", "signature alone",
        "too wide", "too high", "no width",
    ],
)  # fmt: skip
def test_damaged_or_huge_png_is_refused(tmp_path: Path, content: bytes) -> None:
    assert refusal(written(tmp_path, content))


def test_large_file_is_refused(tmp_path: Path) -> None:
    comment = "<!--" + "x" * logo.MAX_BYTES + "-->"
    assert refusal(written(tmp_path, f"{START}{comment}</svg>")) == "must not have more than 64 KiB"


def test_missing_file_or_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "missing") == "cannot be read (No such file or directory)"
    assert refusal(tmp_path) == "cannot be read (Is a directory)"


def test_value_that_is_no_path_is_refused() -> None:
    with pytest.raises(ValueError, match="must be the path of a file"):
        logo.read_logo(7)
