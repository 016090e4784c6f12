"""Looks up the addresses of a host within the fetch's deadline, and checks all of them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from watchword.outbound.address import check_address, is_internal_name
from watchword.outbound.failure import ExchangeFailed, Failure

if TYPE_CHECKING:
    from watchword.outbound.address import Address, Location, Network
    from watchword.outbound.deadline import Deadline

Resolver = Callable[[str, int], Sequence[str]]
"""Host and port to addresses in text form. Raises `socket.gaierror` as `socket.getaddrinfo` does."""

MAX_LOOKUPS: Final = 64
"""Simultaneous lookups. The system's resolver cannot be interrupted, so with slow DNS servers threads remain until it
gives up; this limits how many."""

LOOKUP_BESIDE_PROXY: Final = 1.0
"""Seconds for a lookup here if the proxy looks the name up too. Behind a proxy, DNS servers often do not respond for
external names, and the fetch needs the rest of the time."""

_lookups = threading.BoundedSemaphore(MAX_LOOKUPS)
_proxy_lookups = threading.BoundedSemaphore(MAX_LOOKUPS)
"""Separate, so that hanging lookups of organizations' hosts do not block the lookup of the proxy."""
_UNKNOWN_HERE = frozenset({Failure.HOST_NOT_FOUND, Failure.NAME_LOOKUP_FAILED})
_NO_SUCH_HOST = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})


def system_resolver(host: str, port: int) -> Sequence[str]:
    return [str(socket_address[0]) for *_, socket_address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def checked_addresses(
    location: Location,
    *,
    allowed_networks: Sequence[Network],
    refused_networks: Sequence[Network],
    resolver: Resolver,
    deadline: Deadline,
) -> tuple[Address, ...]:
    """The addresses of the location's host, if all of them are acceptable.

    One bad address refuses the host: an attacker's name may have a public address for the check and an internal one
    for the connection.

    Raises:
        ExchangeFailed: the host has no address, a refused one, or the lookup takes too long.
    """
    # An organization must not find out which names exist in this service's network, so an internal name is not even
    # looked up unless the operator allows an internal network.
    if not allowed_networks and location.address is None and is_internal_name(location.host):
        raise ExchangeFailed(Failure.ADDRESS_REFUSED)
    literal = location.address
    found = (literal,) if literal is not None else _look_up(location.host, location.port, resolver, deadline, _lookups)
    checked = (check_address(address, allowed_networks, refused_networks) for address in found)
    return tuple(dict.fromkeys(checked))


def checked_addresses_beside_proxy(
    location: Location,
    *,
    allowed_networks: Sequence[Network],
    refused_networks: Sequence[Network],
    resolver: Resolver,
    deadline: Deadline,
) -> tuple[Address, ...]:
    """Like `checked_addresses`, but empty for a name that is unknown here, which the proxy will look up.

    This check does not protect against a domain whose DNS servers give the proxy another address than this machine: the
    proxy must refuse internal addresses itself (docs/operations.md).

    Raises:
        ExchangeFailed: the host has a refused address, or an internal name that is unknown here.
    """
    looking_up = deadline.within(LOOKUP_BESIDE_PROXY)
    try:
        return checked_addresses(
            location,
            allowed_networks=allowed_networks,
            refused_networks=refused_networks,
            resolver=resolver,
            deadline=looking_up,
        )
    except ExchangeFailed as failed:
        if failed.failure not in _UNKNOWN_HERE:
            raise
    # The operator allows internal networks by address, and no address of this name is known to compare with them.
    if is_internal_name(location.host):
        raise ExchangeFailed(Failure.ADDRESS_REFUSED)
    return ()


def proxy_addresses(host: str, port: int, resolver: Resolver, deadline: Deadline) -> tuple[Address, ...]:
    """The addresses of the operator's proxy, which are not restricted.

    Raises:
        ExchangeFailed: it has none, or the lookup takes too long.
    """
    try:
        return (ip_address(host),)
    except ValueError:
        return _look_up(host, port, resolver, deadline, _proxy_lookups)


def _look_up(
    host: str, port: int, resolver: Resolver, deadline: Deadline, lookups: threading.BoundedSemaphore
) -> tuple[Address, ...]:
    if not deadline.left() or not lookups.acquire(timeout=deadline.left()):
        raise ExchangeFailed(Failure.NAME_LOOKUP_FAILED)
    answer: Future[Sequence[str]] = Future()
    # A daemon thread, so that a hanging lookup does not keep the process from ending.
    threading.Thread(target=_ask, args=(answer, resolver, host, port, lookups), name="jwks-lookup", daemon=True).start()
    try:
        addresses = answer.result(timeout=deadline.left())
    except TimeoutError:
        raise ExchangeFailed(Failure.NAME_LOOKUP_FAILED) from None
    except socket.gaierror as error:
        exists = error.errno not in _NO_SUCH_HOST
        raise ExchangeFailed(Failure.NAME_LOOKUP_FAILED if exists else Failure.HOST_NOT_FOUND) from None
    if not addresses:
        raise ExchangeFailed(Failure.HOST_NOT_FOUND)
    return tuple(ip_address(address) for address in addresses)


def _ask(
    answer: Future[Sequence[str]], resolver: Resolver, host: str, port: int, lookups: threading.BoundedSemaphore
) -> None:
    try:
        answer.set_result(resolver(host, port))
    except Exception as error:  # noqa: BLE001  # Passed to the waiting thread.
        answer.set_exception(error)
    finally:
        lookups.release()
