"""The operator's proxy: outbound/proxy.py, what resolve.py and exchange.py do beside one, and its credentials."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_proxy = partial(Mutant, "outbound/proxy.py")
_resolve = partial(Mutant, "outbound/resolve.py")
_exchange = partial(Mutant, "outbound/exchange.py")
_fetch = partial(Mutant, "jwks/fetch.py")

_THROUGH: Final = "jwks/test_proxy.py::test_fe_01_"
_PROBLEMS: Final = "jwks/test_proxy_problems.py::test_fe_01_"

_ANSWERS: Final = (_PROBLEMS + "each_proxy_response_has_its_problem",)
_NOT_THERE: Final = (_PROBLEMS + "unreachable_proxy_has_one_problem",)
_CERTIFICATE: Final = (_PROBLEMS + "the_certificate_of_the_proxy_is_always_checked",)
_ADDRESSES: Final = (_THROUGH + "invalid_proxy_addresses_are_refused",)
_ONLY: Final = (_THROUGH + "only_the_proxy_is_connected_to",)
_INTERNAL: Final = (_PROBLEMS + "names_only_the_proxy_knows_may_be_internal",)

MUTANTS: Final[tuple[Mutant, ...]] = (
    # Where a connection goes.
    _exchange("the proxy being connected to", "return proxy.connect(policy.proxy, policy.resolver, connecting)",
           "return transport.connect(target.addresses, target.location.port, connecting)", _ONLY),
    _exchange("the tunnel", "        if policy.proxy is not None:\n            stream =",
           "        if False:\n            stream =", _ONLY),
    _exchange("the look-up beside a proxy", "look_up = checked_addresses if policy.proxy is None else",
           "look_up = checked_addresses if True else", _ONLY),
    _exchange("the doubt about what only the proxy knows",
              "internal = not (addresses and all(map(is_public, addresses)))",
           "internal = not all(map(is_public, addresses))", _INTERNAL),
    _fetch("what the page says of a proxy", '    if policy.proxy is None:\n        return "The server accepts',
           '    if True:\n        return "The server accepts', (_THROUGH + "findings_say_that_a_proxy_is_used",)),
    _resolve("the check of what is known beside a proxy", "if failed.failure not in _UNKNOWN_HERE:", "if False:",
             (_THROUGH + "names_of_internal_addresses_are_not_sent_to_the_proxy",)),
    _resolve("the refusal of internal names beside a proxy",
             "    if is_internal_name(location.host):\n        raise", "    if False:\n        raise",
             (_THROUGH + "unknown_internal_name_is_refused",)),
    # The request.
    _proxy("the brackets of an address", 'f"[{location.host}]" if ":" in location.host else location.host',
           "location.host", (_THROUGH + "ipv6_addresses_are_sent_in_brackets",)),
    _proxy("the credentials", "if proxy.credentials is not None:", "if False:",
           (_THROUGH + "only_the_proxy_gets_the_credentials",)),
    _proxy("the silence about credentials", "field(default=None, repr=False)", "None",
           (_THROUGH + "repr_does_not_show_credentials",)),
    # TLS with the proxy.
    _proxy("TLS with the proxy", "if proxy.over_tls else connection", "if False else connection", _ONLY),
    _proxy("the check of the proxy's certificate", "context_for(verify_certificate=True,",
           "context_for(verify_certificate=False,", _CERTIFICATE),
    _proxy("the name in the proxy's certificate", "server_hostname=proxy.host", 'server_hostname="keys.globex.example"',
           (_THROUGH + "proxy_is_reached_by_name", *_CERTIFICATE)),
    _proxy("the problem of TLS with the proxy", "raise ExchangeFailed(Failure.PROXY_TLS_FAILED) from None",
           "raise", _CERTIFICATE),
    _proxy("the problem of an absent proxy", "raise ExchangeFailed(Failure.PROXY_UNREACHABLE) from None",
           "raise", _NOT_THERE),
    # The answer.
    _proxy("one time for all that cannot be reached", "connecting.wait_out()", "pass",
           (_PROBLEMS + "hosts_the_proxy_cannot_reach_have_their_problem",)),
    _proxy("the bound on a header", "len(head) > max_bytes", "len(head) > 1 << 40", _ANSWERS),
    _proxy("the exact bound on a header", "len(head) > max_bytes", "len(head) > max_bytes + 1", _ANSWERS),
    _proxy("the bound on interim answers", "bytes_left -= len(head)", "pass", _ANSWERS),
    _proxy("interim answers being skipped", "if status >= 200:", "if True:",
           (_THROUGH + "tunnel_begins_after_the_header",)),
    _proxy("the first octets being HTTP", ' or not b"HTTP/1.".startswith(head[:7])', "", _ANSWERS),
    _proxy("the end of the bytes", "        if not received:\n", "        if False:\n", _ANSWERS),
    _proxy("the whole of a status line", "_STATUS.fullmatch(", "_STATUS.match(", _ANSWERS),
    _proxy("the end of what success is", "if 200 <= status < 300:", "if 200 <= status:", _ANSWERS),
    _proxy("sign-ins of another kind", "if challenges and not any(map(_BASIC.search, challenges)):", "if False:",
           _ANSWERS),
    _proxy("407 without a challenge", "if challenges and not any(", "if not any(", _ANSWERS),
    _proxy("the difference between no and wrong credentials", "missing = proxy.credentials is None",
           "missing = True", _ANSWERS),
    _proxy("refusals by the proxy's rules", "if status in {403, 451}:", "if status in {451}:", _ANSWERS),
    _proxy("4xx that mean the server", " or status in _ABOUT_THE_SERVER", "", _ANSWERS),
    # The setting.
    _proxy("the schemes", 'parts.scheme not in {"http", "https"} or ', "", _ADDRESSES),
    _proxy("the refusal of a password in the address", "if parts.username is not None:", "if False:", _ADDRESSES),
    _proxy("the refusal of a path", " or not is_bare:", ":", _ADDRESSES),
    _proxy("the refusal of blanks and line breaks", "not _PRINTABLE.fullmatch(text) or ", "", _ADDRESSES),
    _proxy("the form of a host", "if not _PRINTABLE.fullmatch(text) or not (_HOST.fullmatch(host) or _is_ipv6(host)):",
           "if not _PRINTABLE.fullmatch(text):", _ADDRESSES),
    _proxy("the form of credentials", "if not _CREDENTIALS.fullmatch(credentials):", "if False:",
           (_THROUGH + "invalid_credentials_are_refused",)),
)  # fmt: skip
