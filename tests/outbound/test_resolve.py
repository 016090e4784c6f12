from __future__ import annotations

import threading
import time
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

import pytest

from watchword.outbound import resolve
from watchword.outbound.address import parse_location
from watchword.outbound.deadline import Deadline
from watchword.outbound.failure import ExchangeFailed, Failure
from watchword.outbound.resolve import checked_addresses, system_resolver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword.outbound.address import Address, Network
    from watchword.outbound.resolve import Resolver

pytestmark = pytest.mark.enable_socket

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def look_up(
    host: str, resolver: Resolver, seconds: float = 2, *, allowed: Sequence[Network] = LOOPBACK
) -> tuple[Address, ...]:
    return checked_addresses(
        parse_location(f"https://{host}/"),
        allowed_networks=allowed,
        refused_networks=(),
        resolver=resolver,
        deadline=Deadline(seconds),
    )


def never(_host: str, _port: int) -> Sequence[str]:
    pytest.fail("An address was looked up as if it were a name.")


def test_system_resolver_is_used() -> None:
    assert ip_address("127.0.0.1") in look_up("localhost", system_resolver)


def test_addresses_are_not_looked_up() -> None:
    assert look_up("127.0.0.9", never) == (ip_address("127.0.0.9"),)
    assert look_up("[::1]", never) == (ip_address("::1"),)
    assert look_up("[2606:4700::1]", never, allowed=()) == (ip_address("2606:4700::1"),)


def test_addresses_keep_their_order_without_repeats() -> None:
    found = ["127.0.0.2", "::ffff:127.0.0.1", "127.0.0.2", "127.0.0.1"]

    assert look_up("keys.acme.example", lambda _host, _port: found) == (
        ip_address("127.0.0.2"),
        ip_address("127.0.0.1"),
    )


def test_resolver_fault_is_raised() -> None:
    def broken(_host: str, _port: int) -> Sequence[str]:
        raise LookupError("no resolver today")

    with pytest.raises(LookupError):
        look_up("keys.acme.example", broken)


def test_lookups_that_hang_are_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow name servers of one organization must not use up threads."""
    monkeypatch.setattr(resolve, "_lookups", threading.BoundedSemaphore(1))
    released = threading.Event()
    asked: list[str] = []

    def hanging(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        released.wait(60)
        return ["127.0.0.1"]

    for _ in range(2):
        started = time.monotonic()
        with pytest.raises(ExchangeFailed) as failed:
            look_up("keys.acme.example", hanging, seconds=0.2)
        assert failed.value.failure is Failure.NAME_LOOKUP_FAILED
        assert time.monotonic() - started < 30
    assert asked == ["keys.acme.example"]

    released.set()
    assert look_up("keys.acme.example", hanging) == (ip_address("127.0.0.1"),)


def test_no_lookup_begins_when_the_time_is_up() -> None:
    with pytest.raises(ExchangeFailed):
        look_up("keys.acme.example", never, seconds=0)
