"""The rules about URLs and addresses: outbound/address.py and outbound/resolve.py."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_address = partial(Mutant, "outbound/address.py")
_resolve = partial(Mutant, "outbound/resolve.py")

_HOSTS: Final = ("outbound/test_address.py::test_invalid_hosts_are_refused",)
_CHARACTERS: Final = ("outbound/test_address.py::test_ambiguous_characters_are_refused",)
_CREDENTIALS: Final = ("outbound/test_address.py::test_credentials_in_the_location_are_refused",)
_NORMAL: Final = ("outbound/test_address.py::test_location_is_normalized",)
_PORTS: Final = ("outbound/test_address.py::test_ff_01_invalid_port_is_named",)
_REFUSED: Final = ("outbound/test_address.py::test_other_addresses_are_refused",)
_PUBLIC: Final = ("outbound/test_address.py::test_public_unicast_is_accepted",)
_INSIDE: Final = ("outbound/test_address.py::test_listed_ipv6_network_opens_no_unlisted_ipv4_address",)
_LISTED: Final = ("outbound/test_address.py::test_operator_may_list_internal_networks",)
_OWN: Final = ("outbound/test_address.py::test_refused_network_takes_precedence",)
_J01: Final = ("attacks/test_fetching.py::test_j01_one_internal_address_refuses_the_host",)
_J15_NAMES: Final = ("attacks/test_fetching.py::test_j15_existing_and_unknown_internal_names_look_alike",)
_TELLING: Final = "attacks/test_fetching_telling.py::"
_J15: Final = (_TELLING + "test_j15_internal_port_shows_only_whether_tls_answers",)
_J28: Final = ("attacks/test_fetching.py::test_j28_failed_lookups_have_their_own_problem",)

_NETWORKS: Final = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
    "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "2001::/23",
    "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
)  # fmt: skip
_EMBEDDED: Final = (("::/96", 0), ("::ffff:0:0:0/96", 0), ("64:ff9b::/96", 0), ("2002::/16", 80))

MUTANTS: Final[tuple[Mutant, ...]] = (
    # The text of a location.
    _address("the greatest length of a location", "len(text) > MAX_LOCATION_LENGTH", "False",
             ("outbound/test_address.py::test_location_has_a_length_limit",)),
    _address("letters that every interpreter knows",
             'if any(ucd_3_2_0.category(character) == "Cn" for character in text):',
             "if False:", ("outbound/test_address.py::test_invalid_hosts_are_refused",)),
    _address("the refusal of what is not printable", 'not is_printable(text) or " " in text', '" " in text',
             ("outbound/test_address.py::test_ff_01_blanks_and_invisible_characters_are_named",)),
    _address("the refusal of blanks", ' or " " in text', "",
             ("outbound/test_address.py::test_ff_01_blanks_and_invisible_characters_are_named",)),
    _address("the refusal of backslashes", 'if "\\\\" in text:', "if False:",
             ("attacks/test_fetching.py::test_j02_only_https_is_accepted", *_CHARACTERS)),
    _address("https as the only scheme", "if text[: len(_HTTPS)].lower() != _HTTPS:", "if False:",
             ("outbound/test_address.py::test_only_https_with_two_slashes_is_accepted",)),
    _address("the refusal of credentials", 'if "@" in host_and_port:', "if False:", _CREDENTIALS),
    _address("the refusal of a fragment", "if hash_sign:", "if False:",
             ("outbound/test_address.py::test_fragment_is_refused",)),
    _address("the characters of a path", "not _TARGET.fullmatch(target) or ", "", _CHARACTERS),
    _address("the refusal of encoded control characters", " or _ENCODED_CONTROL.search(target)", "",
             ("attacks/test_fetching.py::test_j08_line_breaks_are_refused",)),
    _address("encoded NUL among the control characters", "%(?:[01]", "%(?:[1]", _CHARACTERS),
    _address("encoded DEL among the control characters", "|7[Ff])", ")", _CHARACTERS),
    _address("the whole of host and port being read", "_HOST_AND_PORT.fullmatch(host_and_port)",
             "_HOST_AND_PORT.match(host_and_port)", _HOSTS),
    _address("the least port", "if not 1 <= port <= _MAX_PORT:", "if not port <= _MAX_PORT:", _PORTS),
    _address("the greatest port", "if not 1 <= port <= _MAX_PORT:", "if not 1 <= port:", _PORTS),
    _address("the refusal of zone identifiers", 'if "%" in text:', "if False:", _HOSTS),
    _address("lower case", "text.lower() if text.isascii()", "text if text.isascii()", (*_NORMAL, *_HOSTS)),
    _address("one name for an absolute name", 'host = host.removesuffix(".")', "pass", _NORMAL),
    _address("the greatest length of a host", "len(host) > _MAX_HOST_LENGTH or ", "", _HOSTS),
    _address("the form of a name's labels", "not all(_LABEL.fullmatch(label) for label in labels)", "False", _HOSTS),
    _address("the end of a label", "(?:[a-z0-9-]{0,61}[a-z0-9])?", "[a-z0-9-]{0,62}", _HOSTS),
    _address("the refusal of numbers as hosts", "if _NUMERIC_LABEL.fullmatch(labels[-1]):", "if False:", _HOSTS),
    _address("hexadecimal numbers as hosts", "[0-9]+|0x[0-9a-f]*", "[0-9]+", _HOSTS),
    _address("the usual form of an address", "return str(IPv4Address(host))", "return host", _HOSTS),
    _address("the mapping of other scripts", "uts46=True", "uts46=False", _NORMAL),
    _address("the values being hidden", "(name for name, equals, _ in", "(name + _ for name, equals, _ in",
             ("outbound/test_address.py::test_values_of_the_query_are_masked_for_display",)),
    _address("the fragment being hidden", 'url.partition("#")[0].partition', "url.partition",
             ("outbound/test_address.py::test_values_of_the_query_are_masked_for_display",)),
    _address("brackets in the Host header", 'f"[{self.host}]" if ":" in self.host else self.host', "self.host",
             _NORMAL),
    # Addresses.
    *(
        _address(f"the refusal of {network}", f'    "{network}",', "    #", _REFUSED)
        for network in _NETWORKS
    ),
    *(
        _address(f"the look at what {network} carries", f'(IPv6Network("{network}"), {shift})',
                 f'(IPv6Network("100::/128"), {shift})', _INSIDE)
        for network, shift in _EMBEDDED
    ),
    _address("public unicast being the rule", '"2000::/3"', '"::/0"', _REFUSED),
    _address("unmapping", "address = _unmapped(address)\n", "\n",
             ("outbound/test_address.py::test_mapped_address_is_read_as_its_ipv4_address",)),
    _address("the check of embedded addresses", "meant = (address, *embedded_addresses(address))",
             "meant = (address,)", _INSIDE),
    _address("the local NAT64 prefix", "if address in _LOCAL_NAT64:", "if False:", _INSIDE),
    _address("the reading with a prefix of 48 bits", "for shift in (40, 32, 24)", "for shift in (32, 24)", _INSIDE),
    _address("the reading with a prefix of 56 bits", "for shift in (40, 32, 24)", "for shift in (40, 24)", _INSIDE),
    _address("the reading with a prefix of 64 bits", "for shift in (40, 32, 24)", "for shift in (40, 32)", _INSIDE),
    _address("the reading with a prefix of 96 bits", ", _low_32_bits(number)]", "]", _INSIDE),
    _address("the gap of RFC 6052", "(number >> 64 << 56) | (number & (1 << 56) - 1)", "number", _INSIDE),
    _address("Teredo", "if address in _TEREDO:", "if False:", _INSIDE),
    _address("Teredo's server", "[_low_32_bits(number >> 64), _low_32_bits(~number)]", "[_low_32_bits(~number)]",
             _INSIDE),
    _address("Teredo's client", "[_low_32_bits(number >> 64), _low_32_bits(~number)]",
             "[_low_32_bits(number >> 64)]", _INSIDE),
    _address("the turned bits of Teredo's client", "_low_32_bits(~number)", "_low_32_bits(number)", _INSIDE),
    _address("ISATAP", "if number >> 32 & 0xFFFF_FFFF in _ISATAP_INTERFACES:", "if False:", _INSIDE),
    _address("ISATAP's universal form", "{0x0000_5EFE, 0x0200_5EFE}", "{0x0000_5EFE}", _INSIDE),
    _address("ISATAP's local form", "{0x0000_5EFE, 0x0200_5EFE}", "{0x0200_5EFE}", _INSIDE),
    _address("loopback standing for itself", "if number <= 1:", "if False:", _LISTED),
    _address("the refusal of the operator's own networks", "if _is_in(address, refused):", "if False:", _OWN),
    _address("that refusal's precedence", "if _is_in(address, refused):",
             "if _is_in(address, refused) and not _is_in(address, allowed):", _OWN),
    _address("what the operator lists", "return _is_in(address, allowed) or ", "return ", _LISTED),
    _address("the refusal of what is not public", " and not _is_in(address, _NOT_PUBLIC)", "", _REFUSED),
    _address("the difference between public and internal", "    except LocationRefused:\n        return False",
             "    except LocationRefused:\n        return True",
             _J15),
    _address("internal zones", "return not dot or zone in _INTERNAL_ZONES", "return not dot", _J15_NAMES),
    _address("names without a zone", "return not dot or zone in _INTERNAL_ZONES", "return zone in _INTERNAL_ZONES",
             _J15_NAMES),
    # The lookup.
    _resolve("the refusal of internal names", "if not allowed_networks and location.address is None", "if False",
             _J15_NAMES),
    _resolve("internal names in networks that are opened", "if not allowed_networks and ", "if ",
             ("attacks/test_fetching.py::test_j15_internal_names_are_looked_up_in_an_opened_network",)),
    _resolve("addresses that are no names", "location.address is None and ", "",
             ("outbound/test_resolve.py::test_addresses_are_not_looked_up",)),
    _resolve("the check of any address", "(check_address(address, allowed_networks, refused_networks) for",
             "(address for", _J01),
    _resolve("the check of all addresses", "for address in found)", "for address in found[:1])", _J01),
    _resolve("addresses that are not looked up", "(literal,) if literal is not None else ", "",
             ("outbound/test_resolve.py::test_addresses_are_not_looked_up",)),
    _resolve("one entry for each address", "tuple(dict.fromkeys(checked))", "tuple(checked)",
             ("outbound/test_resolve.py::test_addresses_keep_their_order_without_repeats",)),
    _resolve("the bound on lookups", " or not lookups.acquire(timeout=deadline.left()):", ":",
             ("outbound/test_resolve.py::test_lookups_that_hang_are_bounded_in_number",)),
    _resolve("the end of a lookup that was waited for", "    finally:\n        lookups.release()",
             "    finally:\n        pass", ("outbound/test_resolve.py::test_lookups_that_hang_are_bounded_in_number",)),
    _resolve("the limit on a lookup's time", "answer.result(timeout=deadline.left())", "answer.result()", _J28),
    _resolve("names that do not exist", "exists = error.errno not in _NO_SUCH_HOST", "exists = True", _J28),
    _resolve("EAI_NODATA among them", ', getattr(socket, "EAI_NODATA", socket.EAI_NONAME)', "", _J28),
    _resolve("a host that has no address", "if not addresses:", "if False:", _J28),
    _resolve("the faults of a lookup", "answer.set_exception(error)", "pass",
             ("attacks/test_fetching.py::test_j28_failed_lookups_have_their_own_problem",
              "outbound/test_resolve.py::test_resolver_fault_is_raised")),
)  # fmt: skip
