"""The headers of every answer of the control plane: pages, files, errors and the feed."""

from __future__ import annotations

from typing import Final

from django.conf import settings

# A constant: nothing inline and nothing from elsewhere ever runs, so text that slips through as markup is inert.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

# What a page could ask a browser for and none of ours does. Copy buttons write to the clipboard, so that is not in it,
# nor is what some browsers do not know and complain about in the console, such as web-share.
_UNUSED_FEATURES: Final = (
    "accelerometer", "autoplay", "camera", "clipboard-read", "display-capture", "encrypted-media", "fullscreen",
    "geolocation", "gyroscope", "hid", "idle-detection", "keyboard-map", "local-fonts", "magnetometer", "microphone",
    "midi", "payment", "picture-in-picture", "publickey-credentials-create", "publickey-credentials-get",
    "screen-wake-lock", "serial", "storage-access", "usb", "window-management", "xr-spatial-tracking",
)  # fmt: skip

_ALWAYS: Final = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    # A file is what its type says: a JSON answer is never run as a script.
    ("X-Content-Type-Options", "nosniff"),
    # An address such as a one-time link's is told to no other site; our own forms need it for their CSRF check.
    ("Referrer-Policy", "same-origin"),
    # A site that opens the portal in a window gets no handle on it, and none that the portal opens does.
    ("Cross-Origin-Opener-Policy", "same-origin"),
    # No other site can embed an answer, so none can read it through the side channels of a shared process …
    ("Cross-Origin-Resource-Policy", "same-origin"),
    # … and nothing of another site gets into ours. Both together isolate the pages' process.
    ("Cross-Origin-Embedder-Policy", "require-corp"),
    # Neighbouring ports and subdomains share no process or memory with the portal either.
    ("Origin-Agent-Cluster", "?1"),
    ("Permissions-Policy", ", ".join(f"{feature}=()" for feature in _UNUSED_FEATURES)),
)
_BEHIND_TLS: Final = ("Strict-Transport-Security", "max-age=31536000")


def security_headers() -> tuple[tuple[str, str], ...]:
    # Over plain http on loopback HSTS would be ignored, and on localhost it would bother neighbours.
    return (*_ALWAYS, _BEHIND_TLS) if settings.WATCHWORD.secure else _ALWAYS
