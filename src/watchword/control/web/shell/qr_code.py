"""QR codes as inline SVG."""

from __future__ import annotations

from django.utils.safestring import SafeString


def qr_code(text: str, *, title: str) -> SafeString:
    """Return the QR code of the text as an `<svg>` of class `qr-code`, which the page's styles size.

    It has fill colours of its own, and no styles, which the content security policy forbids: scanners need dark modules
    on a light background, also in the dark theme.

    Args:
        text: what a scanner reads.
        title: what the picture is, for people who do not see it.
    """
    import segno  # noqa: PLC0415 - only this page needs it, and it takes long to load.

    made = segno.make_qr(text, error="m")
    # The border belongs to the code: scanners find it by four light modules around it.
    svg = made.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr-code", title=title)
    return SafeString(svg.replace("<svg ", '<svg role="img" ', 1))
