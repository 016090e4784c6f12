from __future__ import annotations

from html.parser import HTMLParser

import segno

from watchword.control.web.sign_in.enrolment_views import qr_code

URI = "otpauth://totp/Watchword%20portal.example:alice@acme.example?secret=ABCDEFGH&issuer=Watchword%20portal.example"


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_qr_code_is_a_picture_with_a_name_and_without_styles() -> None:
    read = Elements()
    svg = qr_code(URI, title="QR code <for> your app")
    read.feed(svg)

    names = [name for name, _ in read.found]
    assert names == ["svg", "title", "path", "path"]
    assert "QR code &lt;for&gt; your app" in svg
    assert read.found[0][1]["role"] == "img"
    assert {name for _, attributes in read.found for name in attributes} <= {
        "role", "viewbox", "class", "fill", "stroke", "d",
    }  # fmt: skip


def test_qr_code_is_dark_on_light_with_its_border() -> None:
    read = Elements()
    read.feed(qr_code(URI, title="QR code"))
    background, modules = (attributes for name, attributes in read.found if name == "path")

    assert background["fill"] == "#fff"
    assert modules["stroke"] == "#000"
    width = 8 + segno.make_qr(URI, error="m").symbol_size(border=0)[0]
    assert read.found[0][1]["viewbox"] == f"0 0 {width} {width}"
    assert background["d"] == f"M0 0h{width}v{width}h-{width}z"


def test_different_texts_make_different_codes() -> None:
    assert qr_code(URI, title="QR code") != qr_code(URI + "X", title="QR code")
