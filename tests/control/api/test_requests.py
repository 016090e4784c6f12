"""What every operation refuses before its command: unreadable bodies, odd queries and versions, other methods."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.core.exceptions import BadRequest, RequestDataTooBig, TooManyFieldsSent
from django.db import InterfaceError, OperationalError
from django.http import Http404

from kit import api_access, registrations, sample_portal
from kit.api_client import ApiClient, with_key
from watchword.control.audit.models import AuditEvent
from watchword.control.servers import validate
from watchword.control.servers.models import AuthorizationServer

if TYPE_CHECKING:
    from watchword.control.organizations.models import Organization

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

SERVERS: Final = "/organizations/acme/authorization-servers"
GOOD: Final[dict[str, Any]] = {"name": "New", "jwks_location": registrations.LOCATION, "issuer": "https://a.example"}


@pytest.fixture
def client(acme: Organization, monkeypatch: pytest.MonkeyPatch) -> ApiClient:
    monkeypatch.setattr(validate, "probe", sample_portal.probe)
    api_access.api_role()
    return with_key()


BODIES: Final[dict[str, tuple[Any, int, str, list[str] | None]]] = {
    "nothing": (b"", 415, "media_type_unsupported", ["header:/Content-Type"]),
    "no JSON": (b"{", 400, "body_malformed", []),
    "another value": (b"[]", 400, "body_malformed", []),
    "a text": (b'"x"', 400, "body_malformed", []),
    "two values": (b"{} {}", 400, "body_malformed", []),
    "a byte order mark": (b"\xef\xbb\xbf{}", 400, "body_malformed", []),
    "UTF-16": (json.dumps(GOOD).encode("utf-16"), 400, "body_malformed", []),
    "no UTF-8": (b'{"name": "\xff"}', 400, "body_malformed", []),
    "half of a pair": (rb'{"name": "\ud800"}', 400, "body_malformed", []),
    "NaN": (b'{"name": NaN}', 400, "body_malformed", []),
    "infinity": (b'{"name": 1e999}', 400, "body_malformed", []),
    "a long number": (b'{"name": ' + b"9" * 5000 + b"}", 400, "body_malformed", []),
    "deep nesting": (b'{"a":' * 5000 + b"1" + b"}" * 5000, 400, "body_malformed", []),
    "a repeated member": (b'{"name": "A", "name": "B"}', 400, "body_malformed", ["body:/name"]),
    "one repeated by an escape": (rb'{"name": "A", "n\u0061me": "B"}', 400, "body_malformed", ["body:/name"]),
    "a repeated member inside": (b'{"x": [{"a/b": 1, "a/b": 2}]}', 400, "body_malformed", ["body:/x/0/a~1b"]),
    "a repeated member above deep nesting": (b'{"x": 1, "x": ' + b'{"a":' * 2000 + b"1" + b"}" * 2001, 400,
                                             "body_malformed", None),
    "many repeated members": (b"{" + b", ".join(b'"a%d": 1' % (n % 99) for n in range(9999)) + b"}", 400,
                              "body_malformed", None),
    "many unknown members": ({**GOOD, **dict.fromkeys(map(str, range(99)), True)}, 422, "fields_invalid", None),
    "U+0000": (rb'{"name": "a\u0000b", "jwks_location": "x"}', 422, "fields_invalid", ["body:/name"]),
    "U+0000 in a name": (rb'{"a\u0000b": 1}', 422, "fields_invalid", ["body:"]),
    "an unknown member": ({**GOOD, "enabled": True}, 422, "fields_invalid", ["body:/enabled"]),
    "a missing member": ({"name": "New"}, 422, "fields_invalid", ["body:/jwks_location"]),
    "a number for a text": ({**GOOD, "name": 7}, 422, "fields_invalid", ["body:/name"]),
    "null for a text": ({**GOOD, "name": None}, 422, "fields_invalid", ["body:/name"]),
    "a text for a truth value": ({**GOOD, "verify_certificate": "true"}, 422, "fields_invalid",
                                 ["body:/verify_certificate"]),
    "a number for a truth value": ({**GOOD, "verify_certificate": 1}, 422, "fields_invalid",
                                   ["body:/verify_certificate"]),
    "an object for a text": ({**GOOD, "issuer": {}}, 422, "fields_invalid", ["body:/issuer"]),
    "an empty issuer": ({**GOOD, "issuer": ""}, 422, "fields_invalid", ["body:/issuer"]),
    "two mistakes": ({"name": 1, "more": 2, "jwks_location": "x"}, 422, "fields_invalid", ["body:/name", "body:/more"]),
    "what a rule refuses": ({**GOOD, "name": "no spaces"}, 422, "fields_invalid", ["body:/name"]),
    "what must be confirmed": ({**GOOD, "issuer": None}, 422, "fields_invalid", ["body:/confirm_any_token"]),
    "a private key": ({**GOOD, "ca_bundle": "-----BEGIN PRIVATE KEY-----"}, 422, "fields_invalid", ["body:/ca_bundle"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_p13_body_that_could_be_misread_is_a_problem_and_nothing_is_stored(name: str, client: ApiClient) -> None:
    body, status, reason, pointers = BODIES[name]
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    received = client.send("POST", SERVERS, raw=raw)
    assert (received.status, received.reason) == (status, reason), received.body
    assert received.pointers == pointers if pointers is not None else len(received.pointers) in {0, 50}
    assert AuthorizationServer.objects.count() == 0
    assert not AuditEvent.objects.filter(action="server_added").exists()


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json, x",
        "application/merge-patch+json", "application/json; charset=utf-16", "application/json; x=y", "text/json", "*/*",
    ],
)  # fmt: skip
def test_body_of_another_type_is_refused(kind: str, client: ApiClient) -> None:
    received = client.send("POST", SERVERS, GOOD, kind=kind)
    assert (received.status, received.reason) == (415, "media_type_unsupported")
    assert received.pointers == ["header:/Content-Type"]


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip", ""])
def test_body_with_a_content_coding_is_refused(coding: str, client: ApiClient) -> None:
    received = ApiClient(client.secret, {"Content-Encoding": coding}).send("POST", SERVERS, GOOD)
    assert (received.status, received.reason) == (415, "media_type_unsupported")


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF8"']
)
def test_json_is_taken_with_its_only_character_set(kind: str, client: ApiClient) -> None:
    assert client.send("POST", SERVERS, GOOD, kind=kind).status == 201


def test_operation_without_a_body_refuses_one(client: ApiClient) -> None:
    server = client.send("POST", SERVERS, GOOD).body["id"]
    received = client.send("POST", f"{SERVERS}/{server}/refresh", {})
    assert (received.status, received.reason) == (400, "body_unexpected")


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ("x=1", ["query:/x"]),
        ("x=1&x=2", ["query:/x"]),
        ("name=a&more=b", ["query:/name", "query:/more"]),
        ("a%2Fb=1", ["query:/a~1b"]),
        ("%ff=1", []),
        ("x", []),
        ("&".join(f"p{number}=1" for number in range(200)), []),
    ],
)
def test_unknown_query_parameter_is_refused(query: str, pointers: list[str], client: ApiClient) -> None:
    received = client.get(f"{SERVERS}?{query}")
    assert (received.status, received.reason, received.pointers) == (400, "query_invalid", pointers)


def test_versions_are_required_exact_and_of_the_same_object(client: ApiClient) -> None:
    first = client.send("POST", SERVERS, GOOD)
    other = client.send("POST", SERVERS, {**GOOD, "name": "Other"})
    path = f"{SERVERS}/{first.body['id']}"
    answers = {
        None: (428, "if_match_missing"),
        "": (400, "if_match_malformed"),
        "*": (400, "if_match_malformed"),
        "1": (400, "if_match_malformed"),
        '"1", "2"': (400, "if_match_malformed"),
        f"W/{first.headers['ETag']}": (412, "version_stale"),
        '"1"': (412, "version_stale"),
        '"x.1"': (412, "version_stale"),
        first.headers["ETag"].replace(".1", ".01"): (412, "version_stale"),
        first.headers["ETag"].replace(".1", ".2"): (412, "version_stale"),
        first.headers["ETag"].replace(".1", ".99999999999999999999"): (412, "version_stale"),
        other.headers["ETag"]: (412, "version_stale"),
    }
    for sent, expected in answers.items():
        for method, body in (("PATCH", {"description": "Changed"}), ("DELETE", None)):
            received = client.send(method, path, body, if_match=sent)
            assert (received.status, received.reason) == expected, (method, sent)
            assert received.pointers == ["header:/If-Match"]
    changed = client.send("PATCH", path, {"description": "Changed"}, if_match=first.headers["ETag"])
    assert (changed.status, changed.body["version"], changed.body["validation"]) == (200, 2, None)
    assert changed.headers["ETag"] == client.get(path).headers["ETag"]
    assert client.send("DELETE", path, if_match=first.headers["ETag"]).status == 412
    assert client.send("DELETE", path, if_match=changed.headers["ETag"]).status == 204
    assert client.get(path).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/nothing", "/organizations/acme/nothing", "/organizations/acme/authorization-servers/", f"{SERVERS}/1",
        f"{SERVERS}/%00", "/organizations/ac%2Fme/authorization-servers", "/organizations/ACM\u00c9/enabled-server",
        "", f"/{SERVERS}", f"/.{SERVERS}", f"/%2e{SERVERS}", "/organizations/globex/%2e%2e/acme/authorization-servers",
        "/organizations//authorization-servers", f"{SERVERS}%20", f"{SERVERS}%0a", f"{SERVERS};x=1", f"{SERVERS}%3Fx=1",
        "/organizations/acme/api-roles/-1", "/organizations/acme/api-roles/1.0", "/organizations/acme/api-roles/\u0663",
        f"/organizations/acme/api-roles/{'9' * 5000}",
    ],
)  # fmt: skip
def test_unknown_address_is_not_found_and_no_page(path: str, client: ApiClient) -> None:
    for method in ("GET", "POST", "OPTIONS", "TRACE"):
        received = client.send(method, path)
        assert (received.status, received.reason) == (404, "not_found"), method


def test_other_method_is_a_problem_that_names_the_allowed_ones(client: ApiClient) -> None:
    received = client.send("PUT", SERVERS, {})
    assert (received.status, received.reason) == (405, "method_not_allowed")
    assert received.headers["Allow"] == "GET, HEAD, POST"
    for method in ("OPTIONS", "TRACE", "PROPFIND"):
        received = client.send(method, SERVERS)
        assert (received.reason, received.headers["Allow"]) == ("method_not_allowed", "GET, HEAD, POST")
    assert client.send("POST", "/openapi.json").headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("organization", ["ACME", "Acme", "acme_", "a" * 300])
def test_organization_is_found_by_its_exact_id(organization: str, client: ApiClient) -> None:
    for path in ("authorization-servers", "api-roles", "activity", "audit-events"):
        assert client.get(f"/organizations/{organization}/{path}").reason == "not_found"


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_p14_method_is_that_of_the_request(name: str, client: ApiClient) -> None:
    received = ApiClient(client.secret, {name: "DELETE", "If-Match": '"1"'}).get(f"{SERVERS}?_method=DELETE")
    assert received.reason == "query_invalid"
    assert ApiClient(client.secret, {name: "POST"}).get(SERVERS).status == 200


def test_p14_other_origins_get_no_permission(client: ApiClient) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for method in ("GET", "POST", "OPTIONS"):
        received = ApiClient(client.secret, asked).send(method, SERVERS, {} if method == "POST" else None)
        assert not [name for name in received.headers if name.lower().startswith("access-control")]
        assert "Set-Cookie" not in received.headers


def test_head_is_answered_like_get(client: ApiClient) -> None:
    response = ApiClient(client.secret).send("HEAD", SERVERS)
    assert (response.status, response.body) == (200, b"")


@pytest.mark.parametrize("sent", ["a b", "x" * 65, "-x", '"', "a\u00e9"])
def test_odd_request_id_is_replaced(sent: str, client: ApiClient) -> None:
    received = client.get(SERVERS, request_id=sent)
    assert received.headers["X-Request-ID"] not in {"", sent}


def test_request_id_is_echoed_also_in_problems(client: ApiClient) -> None:
    received = client.get(f"{SERVERS}?x=1", request_id="deploy-17.a_b")
    assert (received.headers["X-Request-ID"], received.body["request_id"]) == ("deploy-17.a_b", "deploy-17.a_b")


def test_p14_cookies_mean_nothing(client: ApiClient, alice: Any, django_assert_max_num_queries: Any) -> None:
    cookie = f"watchword_session={sample_portal.session_of(alice)}"
    assert ApiClient(None, {"Cookie": cookie}).get(SERVERS).reason == "credentials_missing"
    with django_assert_max_num_queries(4) as seen:
        assert ApiClient(client.secret, {"Cookie": cookie}).get(SERVERS).status == 200
    assert not [query for query in seen.captured_queries if "session" in query["sql"]]


def test_foreign_host_is_a_problem(client: ApiClient, settings: Any) -> None:
    received = ApiClient(client.secret, {"Host": "evil.example"}).get(SERVERS)
    assert (received.status, received.reason) == (400, "request_unreadable")


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (RuntimeError("secret"), 500, "failed"), (OperationalError("secret"), 503, "unavailable"),
        (InterfaceError("secret"), 503, "unavailable"), (Http404("secret"), 404, "not_found"),
        (BadRequest("secret"), 400, "request_unreadable"), (TooManyFieldsSent("secret"), 400, "request_unreadable"),
        (RequestDataTooBig("secret"), 413, "too_large"),
    ],
)  # fmt: skip
def test_exception_is_a_problem_without_its_text(
    error: Exception, status: int, reason: str, client: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("watchword.control.api.servers.registrations", fail)
    received = ApiClient(client.secret, raises=False).get(SERVERS)
    assert (received.status, received.reason) == (status, reason)
    assert "secret" not in json.dumps(received.body)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_address_of_the_api_itself_is_not_found(method: str, client: ApiClient) -> None:
    assert client.send(method, "/").status == 404
