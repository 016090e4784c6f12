"""Tells systemd how this process does, by the protocol of sd_notify(3): some lines of text to a unix socket.

Without NOTIFY_SOCKET, which is without systemd, nothing is said to nobody.
"""

from __future__ import annotations

import os
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOCKET_VARIABLE: Final = "NOTIFY_SOCKET"
WATCHDOG_VARIABLE: Final = "WATCHDOG_USEC"
STARTING_SECONDS: Final = 0.2
"""Between two looks whether it is ready yet."""

MICROSECONDS: Final = 1_000_000


def notify(*lines: str) -> bool:
    """Send assignments such as `READY=1`; whether systemd took them. Nothing waits for it: its queue may be full."""
    address = os.environ.get(SOCKET_VARIABLE)
    if not address:
        return False
    # "@" stands for the zero byte of an address in the abstract namespace.
    target = f"\0{address[1:]}" if address.startswith("@") else address
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as messenger:
        # A manager that does not listen must not hold up who is answering requests.
        messenger.settimeout(0)
        messenger.sendto("\n".join(lines).encode(), target)
        return True
    return False


def stopping() -> None:
    """Say that the process has been asked to stop and takes its time."""
    notify("STOPPING=1")


@contextmanager
def told(is_ready: Callable[[], bool], is_alive: Callable[[], bool]) -> Iterator[None]:
    """Tell systemd, from a thread of its own while the block runs, that the service is ready and then that it lives.

    Args:
        is_ready: asked again and again until it says yes; then READY=1 is sent, until systemd has taken it once. A
            service whose word got lost would be ended by it for not having started.
        is_alive: asked twice in each of the watchdog's intervals. While it says no, nothing is sent, and systemd ends
            and restarts the process when its interval is over.
    """
    over = threading.Event()
    thread = threading.Thread(target=_tell, args=[is_ready, is_alive, over], name="service-manager", daemon=True)
    if os.environ.get(SOCKET_VARIABLE):
        thread.start()
    try:
        yield
    finally:
        stopping()
        over.set()


def _tell(is_ready: Callable[[], bool], is_alive: Callable[[], bool], over: threading.Event) -> None:
    while not (is_ready() and notify("READY=1")):
        if over.wait(STARTING_SECONDS):
            return
    interval = int(os.environ.get(WATCHDOG_VARIABLE, "0")) / MICROSECONDS
    # Half of it, as sd_watchdog_enabled(3) advises: one late turn does no harm.
    while interval and not over.wait(interval / 2):
        if is_alive():
            notify("WATCHDOG=1")
