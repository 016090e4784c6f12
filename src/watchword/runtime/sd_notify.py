"""Reports to systemd how this process does, by the protocol of sd_notify(3): some lines of text to a unix socket.

Without NOTIFY_SOCKET, which is without systemd, it does nothing.
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
"""Between two calls of `is_ready`."""

MICROSECONDS: Final = 1_000_000


def notify(*lines: str) -> bool:
    """Send assignments such as `READY=1`; True if systemd took them. It never waits: systemd's queue may be full."""
    address = os.environ.get(SOCKET_VARIABLE)
    if not address:
        return False
    # "@" stands for the zero byte of an address in the abstract namespace.
    target = f"\0{address[1:]}" if address.startswith("@") else address
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as messenger:
        # A manager that does not listen must not delay the answers to requests.
        messenger.settimeout(0)
        messenger.sendto("\n".join(lines).encode(), target)
        return True
    return False


def notify_stopping() -> None:
    """Report that the process is stopping, which may take a while."""
    notify("STOPPING=1")


@contextmanager
def reporting_to_systemd(is_ready: Callable[[], bool], is_alive: Callable[[], bool]) -> Iterator[None]:
    """Report to systemd, from a thread while the block runs, that the service is ready, then that it is alive.

    Args:
        is_ready: called until it returns True; then READY=1 is sent until systemd has taken it once. If the message
            got lost, systemd would end the service for not having started.
        is_alive: called twice in each of the watchdog's intervals. While it returns False, nothing is sent, and
            systemd restarts the process when its interval is over.
    """
    over = threading.Event()
    thread = threading.Thread(target=_report, args=[is_ready, is_alive, over], name="service-manager", daemon=True)
    if os.environ.get(SOCKET_VARIABLE):
        thread.start()
    try:
        yield
    finally:
        notify_stopping()
        over.set()


def _report(is_ready: Callable[[], bool], is_alive: Callable[[], bool], over: threading.Event) -> None:
    while not (is_ready() and notify("READY=1")):
        if over.wait(STARTING_SECONDS):
            return
    interval = int(os.environ.get(WATCHDOG_VARIABLE, "0")) / MICROSECONDS
    # Half of it, as sd_watchdog_enabled(3) advises: one late turn does no harm.
    while interval and not over.wait(interval / 2):
        if is_alive():
            notify("WATCHDOG=1")
