from __future__ import annotations

from ipaddress import ip_network

import pytest

from watchword.control.identity.client_address import nearest_untrusted
from watchword.control.identity.throttle import origin_of_guesses

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("::ffff:10.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("fd00::1", "10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "192.0.2.1, 10.0.0.2,10.0.0.3", "192.0.2.1"),
        # What the browser itself wrote in front of its address is not looked at.
        ("10.0.0.1", "198.51.100.9, 192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.9, nonsense", "10.0.0.1"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        # G-06: any other client may have made the header up.
        ("192.0.2.1", "198.51.100.9", "192.0.2.1"),
        ("", "198.51.100.9", None),
        ("unix:", "198.51.100.9", None),
    ],
)
def test_the_address_is_the_nearest_that_no_trusted_proxy_has(peer: str, forwarded: str, found: str | None) -> None:
    assert nearest_untrusted(peer, forwarded, PROXIES) == found


def test_header_is_ignored_without_listed_proxies() -> None:
    assert nearest_untrusted("10.0.0.1", "198.51.100.9", ()) == "10.0.0.1"


def test_guesses_from_one_ipv6_network_count_together() -> None:
    assert origin_of_guesses("2001:db8:1:2::1") == origin_of_guesses("2001:db8:1:2:ffff::9")
    assert origin_of_guesses("2001:db8:1:2::1") != origin_of_guesses("2001:db8:1:3::1")
    assert origin_of_guesses("192.0.2.1") != origin_of_guesses("192.0.2.2")
    assert origin_of_guesses("::ffff:192.0.2.1") == origin_of_guesses("192.0.2.1")
    assert origin_of_guesses(None) == origin_of_guesses("")
