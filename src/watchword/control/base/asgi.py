"""What all ASGI code of the control plane shares: the types, and the security headers of every response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from django.conf import settings

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Coroutine[Any, Any, None]]

# Neither inline scripts nor other sites' scripts run, so markup that slips into a page does nothing.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

# Browser features that no page of ours uses. Copy buttons need clipboard-write; passkeys need
# publickey-credentials-create and publickey-credentials-get, which browsers give to no other site's frame by
# themselves. Features that some browsers do not know, such as web-share, do not stand here, because those browsers log
# an error.
_UNUSED_FEATURES: Final = (
    "accelerometer", "autoplay", "camera", "clipboard-read", "display-capture", "encrypted-media", "fullscreen",
    "geolocation", "gyroscope", "hid", "idle-detection", "keyboard-map", "local-fonts", "magnetometer", "microphone",
    "midi", "payment", "picture-in-picture", "screen-wake-lock", "serial", "storage-access", "usb",
    "window-management", "xr-spatial-tracking",
)  # fmt: skip

_ALWAYS: Final = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    # Browsers must not guess the type: a JSON response must never run as a script.
    ("X-Content-Type-Options", "nosniff"),
    # Other sites must not learn URLs such as a one-time link's. Our own forms need the header for their CSRF check.
    ("Referrer-Policy", "same-origin"),
    # A site that opens the portal in a window gets no reference to it, nor does a site that the portal opens.
    ("Cross-Origin-Opener-Policy", "same-origin"),
    # No other site can embed a response and read it through side channels of a shared process.
    ("Cross-Origin-Resource-Policy", "same-origin"),
    # No page of ours embeds anything from another site. The two headers together isolate the pages' process.
    ("Cross-Origin-Embedder-Policy", "require-corp"),
    # Other ports and subdomains share no process or memory with the portal either.
    ("Origin-Agent-Cluster", "?1"),
    ("Permissions-Policy", ", ".join(f"{feature}=()" for feature in _UNUSED_FEATURES)),
)
_BEHIND_TLS: Final = ("Strict-Transport-Security", "max-age=31536000")


def security_headers() -> tuple[tuple[str, str], ...]:
    # Browsers ignore HSTS over plain http, and on localhost it would affect other servers on the same machine.
    return (*_ALWAYS, _BEHIND_TLS) if settings.WATCHWORD.secure else _ALWAYS
