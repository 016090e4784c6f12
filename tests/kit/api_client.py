"""A client of the management API, and access tokens for it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from django.test import Client
from django.utils import timezone
from jsonschema import Draft202012Validator

from kit import api_access, forge
from watchword.control.api.openapi import FILE

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "/api/v1"
KEY: Final = forge.ec_key("first")
"""What `registrations.add` publishes if no other key is named."""


@dataclass(frozen=True)
class Received:
    """A response, its body read."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def reason(self) -> str:
        return str(self.body["reason"])

    @property
    def pointers(self) -> list[str]:
        return [f"{error['in']}:{error['pointer']}" for error in self.body["errors"]]


@dataclass(frozen=True)
class ApiClient:
    """Sends requests with one credential."""

    secret: str | None
    headers: Mapping[str, str] = field(default_factory=dict)
    raises: bool = True

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        kind: str = "application/json",
        if_match: str | None = None,
        request_id: str | None = None,
    ) -> Received:
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        named = {"If-Match": if_match, "X-Request-ID": request_id}
        sent = {**self.headers, **{name: value for name, value in named.items() if value is not None}}
        if self.secret is not None:
            sent = {"Authorization": f"Bearer {self.secret}", **sent}
        response = Client(raise_request_exception=self.raises).generic(
            method, f"{PREFIX}{path}", content, content_type=kind if content else "", headers=sent
        )
        text = b"".join(response) if response.streaming else response.content
        kinds = response.get("Content-Type", "")
        assert "html" not in kinds
        received = Received(
            response.status_code, json.loads(text) if kinds.endswith("json") and text else text, response.headers
        )
        if method != "HEAD":
            check_documented(method, path, received, kinds)
        return received

    def get(self, path: str, request_id: str | None = None) -> Received:
        return self.send("GET", path, request_id=request_id)


@cache
def documented() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def check_documented(method: str, path: str, received: Received, kind: str) -> None:
    """The response is one that the document has, with this status, content type and body."""
    described = _described(path.partition("?")[0])
    if described is None or method.lower() not in described:
        # Unknown addresses and other methods are no operations.
        assert received.status in {404, 405, 400}, (method, path, received)
        schema: dict[str, Any] = {"$ref": "#/components/schemas/Problem"}
        assert kind == "application/problem+json"
    else:
        responses = described[method.lower()]["responses"]
        assert str(received.status) in responses, (method, path, received)
        response = responses[str(received.status)]
        if "$ref" in response:
            response = documented()["components"]["responses"][response["$ref"].rpartition("/")[2]]
        missing = set(response["headers"]) - set(received.headers) - {"Retry-After"}
        assert missing == set(), (method, path, missing)
        if "content" not in response:
            assert received.body == b"", (method, path, received)
            return
        assert kind.partition(";")[0] in response["content"], (method, path, kind)
        schema = response["content"][kind.partition(";")[0]]["schema"]
    if kind.endswith("json"):
        whole = {**schema, "components": documented()["components"]}
        Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(received.body)


def _described(path: str) -> dict[str, Any] | None:
    for template, described in documented()["paths"].items():
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template).replace(".", r"\."), path):
            found: dict[str, Any] = described
            return found
    return None


def with_key(role: str | None = "Deployer", organization: str | None = "acme", name: str = "ci") -> ApiClient:
    """A client with an API key; its role must exist."""
    return ApiClient(api_access.api_key(role, organization, name).secret)


def token(*scopes: str, key: forge.Key = KEY, **claims: object) -> str:
    """An access token of Acme's server, good from now on."""
    now = int(timezone.now().timestamp())
    good: dict[str, object] = {"iat": now - 10, "nbf": now - 10, "exp": now + 300, "scope": " ".join(scopes)}
    return forge.token(key, "ES256", payload=forge.claims(**{**good, **claims}))


def scope(role: str = "Deployer", organization: str = "acme") -> str:
    return f"{api_access.CLOUD}::{organization}::{role}"
