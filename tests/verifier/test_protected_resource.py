"""RFC 9728: the document about the API, and the challenge that names it."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from kit import acme, forge
from watchword.core.decision import Reason
from watchword.core.trust import ANY
from watchword.feed import Snapshot
from watchword.verifier import http_contract as wire
from watchword.verifier.protected_resource import ProtectedResource
from watchword.verifier.snapshot import CurrentSnapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WELL_KNOWN = "/.well-known/oauth-protected-resource"
OWN = "https://api.example/{organization}"


def resource(
    url: str = OWN, name: str | None = None, *, known: bool = True, cloud_name: str = "cloud"
) -> ProtectedResource:
    current = CurrentSnapshot(hard_limit=3600)
    if known:
        organizations = {
            "acme": acme.trust(forge.rsa_key("alice")),
            "globex": acme.trust(organization="globex", server=None),
            "initech": acme.trust(organization="initech", server=acme.server(issuer=ANY)),
            "initech-2": acme.trust(organization="initech-2", server=acme.server(issuer="acme-tokens")),
            "requiring": acme.trust(organization="requiring", server=acme.server(required_role="Orders")),
            "requiring-2": acme.trust(
                organization="requiring-2", server=acme.server(issuer=ANY, required_role="Orders")
            ),
        }
        current.swap(Snapshot("first", 1, MappingProxyType(organizations)), heard_at=forge.NOW)
    return ProtectedResource(url=url, name=name, current=current, cloud_name=cloud_name)


def denying(reason: Reason, gateway: str = "plain") -> wire.RequestHandler:
    def answer(path: str, authorization: Sequence[str], later: Callable[[wire.Response], None], /) -> wire.Response:
        return wire.PROFILES[gateway].denials[reason]

    return answer


def ask(path: str, told: ProtectedResource, answer: wire.RequestHandler | None = None) -> wire.Response:
    answered = told.wrap(answer or denying(Reason.TOKEN_MISSING))(path, [], lambda _: None)
    assert answered is not None
    return answered


def document(path: str, told: ProtectedResource) -> Any:
    answer = ask(path, told)
    assert answer.status == 200
    assert (b"content-type", b"application/json") in answer.headers
    return json.loads(answer.body)


def challenge(answer: wire.Response) -> str:
    (value,) = (value for name, value in answer.headers if name == b"www-authenticate")
    return value.decode("ascii")


def test_the_document_names_the_api_and_the_organizations_authorization_server() -> None:
    assert document(f"{WELL_KNOWN}/acme", resource(name="Orders API")) == {
        "resource": "https://api.example/acme",
        "authorization_servers": ["https://login.acme.example/"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Orders API",
    }


def test_fl_05_document_names_the_required_scope_beside_the_authorization_server() -> None:
    assert document(f"{WELL_KNOWN}/requiring", resource()) == {
        "resource": "https://api.example/requiring",
        "authorization_servers": ["https://login.acme.example/"],
        "scopes_supported": ["cloud::requiring::Orders"],
        "bearer_methods_supported": ["header"],
    }
    assert "scopes_supported" not in document(f"{WELL_KNOWN}/requiring", resource(cloud_name=""))
    told = resource("https://api.example")
    assert document(WELL_KNOWN, told) == {"resource": "https://api.example", "bearer_methods_supported": ["header"]}


@pytest.mark.parametrize("organization", ["globex", "initech", "initech-2", "requiring-2", "nobody"])
def test_no_issuer_to_tell_and_no_such_organization_look_alike(organization: str) -> None:
    assert document(f"{WELL_KNOWN}/{organization}", resource()) == {
        "resource": f"https://api.example/{organization}",
        "bearer_methods_supported": ["header"],
    }


def test_before_the_first_snapshot_the_document_names_no_server() -> None:
    assert "authorization_servers" not in document(f"{WELL_KNOWN}/acme", resource(known=False))


@pytest.mark.parametrize("path", [WELL_KNOWN, f"{WELL_KNOWN}/", f"{WELL_KNOWN}//acme"])
def test_a_document_of_nobody_is_not_there(path: str) -> None:
    assert ask(path, resource(), lambda *_: wire.NOT_FOUND).status == 404


@pytest.mark.parametrize("path", ["/.well-known", f"{WELL_KNOWN}-of/acme", f"/x{WELL_KNOWN}/acme"])
def test_other_paths_are_no_document(path: str) -> None:
    assert ask(path, resource(), lambda *_: wire.NOT_FOUND) is wire.NOT_FOUND


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        # RFC 9728 section 3.1: the well-known part stands between host and path, without a final slash.
        ("https://api.example/o/{organization}", f"https://api.example{WELL_KNOWN}/o/acme"),
        ("https://api.example/{organization}", f"https://api.example{WELL_KNOWN}/acme"),
        ("https://api.example/{organization}/", f"https://api.example{WELL_KNOWN}/acme"),
        ("https://api.example:8443/{organization}/mcp", f"https://api.example:8443{WELL_KNOWN}/acme/mcp"),
        ("https://{organization}.api.example", f"https://acme.api.example{WELL_KNOWN}"),
        ("https://{organization}.api.example/", f"https://acme.api.example{WELL_KNOWN}"),
        ("https://{organization}.api.example/mcp", f"https://acme.api.example{WELL_KNOWN}/mcp"),
        # One URL for all organizations.
        ("https://api.example", f"https://api.example{WELL_KNOWN}"),
        ("https://api.example/orders/", f"https://api.example{WELL_KNOWN}/orders"),
    ],
)
def test_every_challenge_names_the_document(url: str, expected: str) -> None:
    told = challenge(ask("/verify/plain/acme/orders", resource(url)))
    assert told == f'Bearer realm="watchword", resource_metadata="{expected}"'
    # Gateways find the organization there, and ask for its document.
    assert document(f"{WELL_KNOWN}/acme", resource(url))["resource"] == url.replace("{organization}", "acme")


def test_where_the_token_names_the_organization_one_document_is_for_all() -> None:
    told = resource("https://api.example")
    pointer = f'Bearer realm="watchword", resource_metadata="https://api.example{WELL_KNOWN}"'
    assert challenge(ask("/verify-by-token/plain", told)) == pointer
    assert document(WELL_KNOWN, told) == {"resource": "https://api.example", "bearer_methods_supported": ["header"]}


def test_no_challenge_names_a_document_whose_organization_is_not_known() -> None:
    for url in (OWN, "https://{organization}.api.example"):
        assert challenge(ask("/verify-by-token/plain", resource(url))) == 'Bearer realm="watchword"'


def test_fd_02_preflight_of_the_document_allows_every_header() -> None:
    """The verifier answers OPTIONS like GET, and browsers look at these headers of the answer."""
    headers = dict(ask(f"{WELL_KNOWN}/acme", resource()).headers)
    assert headers[b"access-control-allow-origin"] == b"*"
    assert headers[b"access-control-allow-methods"] == b"GET"
    assert headers[b"access-control-allow-headers"] == b"*, Authorization"
    assert b"access-control-allow-credentials" not in headers


@pytest.mark.parametrize("gateway", wire.PROFILES)
@pytest.mark.parametrize("reason", Reason)
def test_a_denial_is_otherwise_what_it_was_and_the_shared_one_is_not_touched(reason: Reason, gateway: str) -> None:
    shared = wire.PROFILES[gateway].denials[reason]
    before = list(shared.headers)
    answer = ask(f"/verify/{gateway}/acme", resource(), denying(reason, gateway))
    pointer = f', resource_metadata="https://api.example{WELL_KNOWN}/acme"'.encode("ascii")
    headers = [(name, value + pointer if name == b"www-authenticate" else value) for name, value in before]
    assert answer == wire.Response(shared.status, headers, shared.body)
    assert shared.headers == before
    has_challenge = any(name == b"www-authenticate" for name, _ in answer.headers)
    assert has_challenge == (reason.status in {400, 401} or reason is Reason.INSUFFICIENT_SCOPE)


@pytest.mark.parametrize(
    "name", ["..", "Acme", "acme.evil", 'a"b', "a\r\nX: y", "\u00e9", "\ud800", "a\\b", "{organization}"]
)
def test_no_name_can_end_the_challenge_or_lead_elsewhere(name: str) -> None:
    assert challenge(ask(f"/verify/plain/{name}", resource())) == 'Bearer realm="watchword"'
    assert ask(f"{WELL_KNOWN}/{name}", resource()) is wire.NOT_FOUND


def test_an_answer_that_comes_later_names_it_too() -> None:
    promised: list[Callable[[wire.Response], None]] = []
    given: list[wire.Response] = []

    def waiting(path: str, authorization: Sequence[str], later: Callable[[wire.Response], None], /) -> None:
        promised.append(later)

    assert resource().wrap(waiting)("/verify/plain/acme", [], given.append) is None
    promised[0](wire.PROFILES["plain"].denials[Reason.NO_MATCHING_KEY])
    assert "resource_metadata=" in challenge(given[0])
    allowed = wire.Response(200, [(b"x-auth-subject", b"alice")], b"")
    promised[0](allowed)
    assert given[1] is allowed


def test_a_path_that_leads_nowhere_stays_what_it_was() -> None:
    assert ask("/nowhere", resource(), lambda *_: wire.NOT_FOUND) is wire.NOT_FOUND
    odd = wire.Response(401, [(b"www-authenticate", b"Bearer")], b"")
    assert ask("/nowhere", resource(), lambda *_: odd) is odd
