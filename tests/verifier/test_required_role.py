"""A registration that requires an API role: what the verifier answers gateways, from the path to the response."""

from __future__ import annotations

import json
import threading
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import pytest

from kit import acme, forge
from kit.processes import wait_until
from watchword.core.decision import Reason
from watchword.feed import Snapshot
from watchword.verifier import http_contract as wire
from watchword.verifier.app import Verifier
from watchword.verifier.snapshot import CurrentSnapshot
from watchword.verifier.token_cache import TokenCache
from watchword.verifier.unknown_keys import UnknownKeys
from watchword.verifier.usage.counting import Usage

if TYPE_CHECKING:
    from watchword.core.trust import Trust

CLOUD: Final = "api.example"
KEY = forge.ec_key("alice")
OTHER = forge.ec_key("bob")


def requiring(role: str | None, organization: str = "acme", key: forge.Key = KEY) -> Trust:
    return acme.trust(organization=organization, server=acme.server(key, required_role=role))


class Gate:
    """A verifier that caches tokens, and what it answers."""

    def __init__(self, *trusts: Trust, cloud: str = CLOUD) -> None:
        self.usage, self.tokens = Usage(), TokenCache(2**20)
        self.current = CurrentSnapshot(hard_limit=3600)
        self.verifier = Verifier(
            current=self.current,
            usage=self.usage,
            unknown_keys=UnknownKeys(),
            token_cache=self.tokens,
            cloud_name=cloud,
            clock=lambda: forge.NOW,
        )
        self.know(*trusts)

    def know(self, *trusts: Trust) -> None:
        known = MappingProxyType({trust.organization: trust for trust in trusts})
        self.current.swap(Snapshot("first", 1, known), heard_at=forge.NOW)

    def ask(self, token: str | None, path: str = "/verify/plain/acme") -> wire.Response:
        answer = self.verifier.respond(path, [] if token is None else [f"Bearer {token}"])
        assert answer is not None
        return answer

    def role(self, token: str, path: str = "/verify/plain/acme") -> str | None:
        """The role that the API gets; None if the request is refused."""
        answer = self.ask(token, path)
        return dict(answer.headers)[b"x-auth-role"].decode("ascii") if answer.status == 200 else None


def carrying(*roles: str, organization: str = "acme", key: forge.Key = KEY) -> str:
    return forge.token(key, "ES256", scope=" ".join(f"{CLOUD}::{organization}::{role}" for role in roles))


@pytest.mark.parametrize("path", ["/verify/plain/acme", "/verify-by-token/plain"])
def test_fl_05_refusal_names_the_scope_of_the_organization(path: str) -> None:
    gate = Gate(requiring("Orders"))
    assert gate.role(carrying("Orders"), path) == "Orders"
    refused = gate.ask(carrying("Billing"), path)
    assert refused.status == 403
    challenge = dict(refused.headers)[b"www-authenticate"].decode("ascii")
    assert challenge.endswith(f', scope="{CLOUD}::acme::Orders"')
    assert json.loads(refused.body)["scope"] == f"{CLOUD}::acme::Orders"
    assert b"scope=" not in str(wire.PROFILES["plain"].denials[Reason.INSUFFICIENT_SCOPE].headers).encode()
    outcomes = {taken.key.outcome: taken.key.organization for taken in gate.usage.take()}
    assert outcomes == {"": "acme", "insufficient_scope": "acme"}


def test_fl_05_fj_01_only_a_token_of_the_organization_learns_that_a_role_is_required() -> None:
    """The answer to every other client is the same object as for an organization that requires none."""
    requires, free, unknown = Gate(requiring("Orders")), Gate(requiring(None)), Gate()
    for token in (None, "x", carrying("Orders", key=OTHER), carrying("Billing", key=OTHER.named("alice"))):
        assert requires.ask(token) is free.ask(token) is unknown.ask(token)
    assert requires.ask(forge.token(KEY, "ES256", exp=1)) is free.ask(forge.token(KEY, "ES256", exp=1))


def test_fl_05_cached_token_follows_a_change_of_the_required_role() -> None:
    gate = Gate(requiring(None))
    token = carrying("Orders", "Billing")
    assert (gate.role(token), gate.role(token)) == ("", "")
    gate.know(requiring("Billing"))
    assert (gate.role(token), gate.role(token)) == ("Billing", "Billing")
    gate.know(requiring("Orders"))
    assert (gate.role(token), gate.role(token)) == ("Orders", "Orders")
    gate.know(requiring("Reader"))
    assert (gate.role(token), gate.role(token)) == (None, None)


def test_fl_05_verifier_without_a_cloud_name_cannot_decide() -> None:
    gate = Gate(requiring("Orders"), cloud="")
    refused = gate.ask(carrying("Orders"))
    assert refused is wire.PROFILES["plain"].denials[Reason.CLOUD_NAME_MISSING]
    assert refused.status == 503
    # Its whole fleet lacks the name most likely, and one organization must not make nginx avoid a verifier.
    assert gate.ask(carrying("Orders"), "/verify/nginx/acme").status == 403
    gate.know(requiring(None))
    assert gate.role(carrying("Orders")) == ""


def test_fl_05_request_that_waited_for_its_key_needs_the_role_too() -> None:
    gate, rotated, given = Gate(requiring("Orders")), KEY.named("rotated"), list[wire.Response]()
    stop = threading.Event()
    for role in ("Orders", "Billing"):
        authorization = [f"Bearer {carrying(role, key=rotated)}"]
        assert gate.verifier.respond("/verify/plain/acme", authorization, given.append) is None
    gate.know(acme.trust(server=acme.server(KEY, rotated, required_role="Orders")))
    thread = threading.Thread(target=gate.verifier.pending_requests.run, args=(stop,))
    thread.start()
    try:
        wait_until(lambda: len(given) == 2, what="both answers", timeout=30)
    finally:
        stop.set()
        gate.verifier.pending_requests.wake()
        thread.join()
    allowed, refused = given
    assert dict(allowed.headers)[b"x-auth-role"] == b"Orders"
    assert f'scope="{CLOUD}::acme::Orders"'.encode() in dict(refused.headers)[b"www-authenticate"]


def test_fl_05_role_of_another_organization_is_none() -> None:
    gate = Gate(requiring("Orders"), requiring("Orders", "globex", OTHER))
    assert gate.role(carrying("Orders", organization="globex")) is None
    assert gate.role(carrying("Orders", organization="globex", key=OTHER), "/verify/plain/globex") == "Orders"
