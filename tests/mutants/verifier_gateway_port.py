"""When gateways can connect: verifier/listeners/gateway_port.py, what /readyz says of it, and nginx's 503."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_admin = partial(Mutant, "verifier/assembly.py")
_port = partial(Mutant, "verifier/listeners/gateway_port.py")
_contract = partial(Mutant, "verifier/http_contract.py")

_PORT: Final = "verifier/listeners/test_gateway_port.py::"
_EMPTY: Final = (_PORT + "test_fi_03_a_verifier_that_knows_nothing_refuses_connections_until_the_feed_answers",)
_TOO_OLD: Final = (_PORT + "test_fi_03_a_verifier_cut_off_too_long_closes_and_opens_when_the_feed_answers",)
_TOGETHER: Final = (_PORT + "test_when_one_listener_cannot_open_the_others_close",)
_HELD: Final = (_PORT + "test_a_closed_port_is_held_and_opens_again_once_its_last_requests_are_answered",)
_LEAVING: Final = (_PORT + "test_it_stays_open_while_the_verifier_is_leaving",)
_READY: Final = ("verifier/test_admin_http.py::test_it_is_not_ready_before_gateways_can_connect",)
_NGINX: Final = (
    "verifier/test_http_contract.py::test_nginx_gets_only_what_auth_request_can_pass_on_and_can_restore_the_rest",
)

MUTANTS: Final[tuple[Mutant, ...]] = (
    _port("a closed port before there is a snapshot", "elif why_not is None and not self.is_open",
          "elif not self.is_open", _EMPTY),
    _port("closing when the snapshot is too old", "if why_not is not None and self.is_open", "if False", _TOO_OLD),
    _port("an open port while the verifier is leaving", "current.why_undecidable(now)", "current.why_not_ready(now)",
          _LEAVING),
    _port("the wait for requests under way", "                listener.drain()", "                pass", _TOGETHER),
    _port("one worker at a time", "self._worker.drained.wait(DRAIN_SECONDS)", "pass", _HELD),
    _port("closing the others", "            self._close(listeners)\n            for", "            for", _TOGETHER),
    _port("holding the port while it is closed", "self._reserved = _reserve_again(*self._address)", "pass", _HELD),
    _admin("a port that is not open yet", "if why_not is None and not gateway_port.is_open", "if False", _READY),
    _contract("a true 503 for nginx", "plain.status if reason in _OF_THIS_VERIFIER else", "", _NGINX),
    _contract("the bound of that 503 to what another verifier may know better",
          "frozenset({Reason.TRUST_STALE, Reason.UNDECIDABLE})",
          "frozenset({Reason.TRUST_STALE, Reason.UNDECIDABLE, Reason.KEYS_STALE})", _NGINX),
)  # fmt: skip
