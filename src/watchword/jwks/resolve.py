"""Looking up the addresses of a host within the fetch's deadline, and checking every one of them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from watchword.jwks.address import check_address, is_internal_name
from watchword.jwks.problem import ProbeFailed, Problem

if TYPE_CHECKING:
    from watchword.jwks.address import Address, JwksLocation, Network
    from watchword.jwks.deadline import Deadline

Resolver = Callable[[str, int], Sequence[str]]
"""Host and port to addresses in text form. Raises `socket.gaierror` as `socket.getaddrinfo` does."""

MAX_LOOKUPS: Final = 64
"""Lookups under way at once. The system's resolver cannot be interrupted, so slow DNS servers leave threads behind
until it gives up by itself; this bounds how many."""

LOOKUP_BESIDE_PROXY: Final = 1.0
"""Seconds for looking up here what the proxy looks up as well. Where there is only a proxy, DNS servers often do not
answer at all for outside names, and the rest of the time must do for the fetch."""

_lookups = threading.BoundedSemaphore(MAX_LOOKUPS)
_proxy_lookups = threading.BoundedSemaphore(MAX_LOOKUPS)
"""Of their own: hanging lookups of organizations' hosts must not keep the proxy from being found."""
_UNKNOWN_HERE = frozenset({Problem.HOST_NOT_FOUND, Problem.NAME_LOOKUP_FAILED})
_NO_SUCH_HOST = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})


def system_resolver(host: str, port: int) -> Sequence[str]:
    return [str(socket_address[0]) for *_, socket_address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def checked_addresses(
    location: JwksLocation,
    *,
    allowed_networks: Sequence[Network],
    refused_networks: Sequence[Network],
    resolver: Resolver,
    deadline: Deadline,
) -> tuple[Address, ...]:
    """The addresses of the location's host, all of which were found acceptable.

    One bad address refuses the host: an attacker's name may have a public address for the check and an internal one
    for the connection.

    Raises:
        ProbeFailed: when the host has no address, one that is refused, or none within the deadline.
    """
    # Its own look into the network this service runs in is nothing that an organization may borrow: whether such a name
    # exists there is not even asked, unless the operator has opened a network of the inside.
    if not allowed_networks and location.address is None and is_internal_name(location.host):
        raise ProbeFailed(Problem.ADDRESS_REFUSED)
    literal = location.address
    found = (literal,) if literal is not None else _look_up(location.host, location.port, resolver, deadline, _lookups)
    checked = (check_address(address, allowed_networks, refused_networks) for address in found)
    return tuple(dict.fromkeys(checked))


def checked_addresses_beside_proxy(
    location: JwksLocation,
    *,
    allowed_networks: Sequence[Network],
    refused_networks: Sequence[Network],
    resolver: Resolver,
    deadline: Deadline,
) -> tuple[Address, ...]:
    """As `checked_addresses`, but empty for a name that is unknown here: the proxy will look it up.

    What is known here is checked here. That is no boundary against a domain whose DNS servers answer the proxy
    otherwise than this machine: the proxy must refuse internal addresses itself (docs/operations.md).

    Raises:
        ProbeFailed: when the host has an address that is refused, or a name that is internal and unknown here.
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
    except ProbeFailed as failure:
        if failure.problem not in _UNKNOWN_HERE:
            raise
    # The operator's networks of the inside are opened by address. Of this name no address is known that could be
    # compared with them.
    if is_internal_name(location.host):
        raise ProbeFailed(Problem.ADDRESS_REFUSED)
    return ()


def proxy_addresses(host: str, port: int, resolver: Resolver, deadline: Deadline) -> tuple[Address, ...]:
    """The addresses of the operator's proxy, which no rule restricts.

    Raises:
        ProbeFailed: when it has none, or none within the deadline.
    """
    try:
        return (ip_address(host),)
    except ValueError:
        return _look_up(host, port, resolver, deadline, _proxy_lookups)


def _look_up(
    host: str, port: int, resolver: Resolver, deadline: Deadline, lookups: threading.BoundedSemaphore
) -> tuple[Address, ...]:
    if not deadline.left() or not lookups.acquire(timeout=deadline.left()):
        raise ProbeFailed(Problem.NAME_LOOKUP_FAILED)
    answer: Future[Sequence[str]] = Future()
    # A daemon, so that a lookup which hangs does not keep the process from ending.
    threading.Thread(target=_ask, args=(answer, resolver, host, port, lookups), name="jwks-lookup", daemon=True).start()
    try:
        addresses = answer.result(timeout=deadline.left())
    except TimeoutError:
        raise ProbeFailed(Problem.NAME_LOOKUP_FAILED) from None
    except socket.gaierror as error:
        exists = error.errno not in _NO_SUCH_HOST
        raise ProbeFailed(Problem.NAME_LOOKUP_FAILED if exists else Problem.HOST_NOT_FOUND) from None
    if not addresses:
        raise ProbeFailed(Problem.HOST_NOT_FOUND)
    return tuple(ip_address(address) for address in addresses)


def _ask(
    answer: Future[Sequence[str]], resolver: Resolver, host: str, port: int, lookups: threading.BoundedSemaphore
) -> None:
    try:
        answer.set_result(resolver(host, port))
    except Exception as error:  # noqa: BLE001  # Handed to the waiting thread, which would otherwise wait in vain.
        answer.set_exception(error)
    finally:
        lookups.release()
