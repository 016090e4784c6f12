"""The OpenAPI document: it is what the code declares, it is valid, and breaking changes have names."""

from __future__ import annotations

import json
import runpy
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import openapi_spec_validator
import pytest
from django.test import Client

from kit.openapi_changes import breaking
from watchword.control.api.openapi import FILE, document, text_of
from watchword.control.api.types import Body, Resource
from watchword.control.api.urls import api

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COMMAND = "Write it with: .venv/bin/python -m watchword.control.api > src/watchword/control/api/openapi.json"


@pytest.fixture(scope="module")
def committed() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def test_committed_document_is_that_of_the_code(committed: dict[str, Any]) -> None:
    now = document(api)
    if text_of(now) != FILE.read_text():
        named = breaking(committed, now)
        clients = "It breaks clients:\n- " + "\n- ".join(named) if named else "It breaks no client."
        pytest.fail(f"The code's document differs from openapi.json. {clients}\n{COMMAND}")


def test_command_prints_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_module("watchword.control.api", run_name="__main__")
    assert capsys.readouterr().out == text_of(document(api))


def test_document_is_openapi_3_1(committed: dict[str, Any]) -> None:
    assert committed["openapi"].startswith("3.1")
    openapi_spec_validator.validate(committed)


def test_document_is_served_as_it_is_without_credentials() -> None:
    response = Client().get("/api/v1/openapi.json", headers={"Host": "testserver"})
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert response.content == FILE.read_bytes()


def models(of: type[Any]) -> Iterator[type[Any]]:
    for each in of.__subclasses__():
        yield each
        yield from models(each)


def test_no_two_bodies_have_one_name() -> None:
    names = [each.__name__ for base in (Body, Resource) for each in models(base)]
    assert sorted(names) == sorted(set(names)), "the document would describe only one of them"


def _without(where: list[str]) -> Callable[[dict[str, Any]], None]:
    def remove(found: dict[str, Any]) -> None:
        for part in where[:-1]:
            found = found[part]
        del found[where[-1]]

    return remove


def _with(where: list[str], value: Any) -> Callable[[dict[str, Any]], None]:
    def put(found: dict[str, Any]) -> None:
        for part in where[:-1]:
            found = found[part]
        found[where[-1]] = value

    return put


PATH = "/organizations/{organization}/authorization-servers"
SCHEMAS = ["components", "schemas"]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (_without(["paths", PATH]), f"GET {PATH} is gone"),
        (_without(["paths", PATH, "post"]), f"POST {PATH} is gone"),
        (_without([*SCHEMAS, "Server", "properties", "issuer"]), "Server.issuer is gone from responses"),
        (_with([*SCHEMAS, "Server", "properties", "name"], {"type": "integer"}), "Server.name has another type"),
        (_without([*SCHEMAS, "ServerRegistration", "properties", "issuer"]),
         "ServerRegistration.issuer is no longer accepted"),
        (_with([*SCHEMAS, "ServerRegistration", "required"], ["jwks_location", "name", "issuer"]),
         "ServerRegistration.issuer is now required"),
        (_with(["paths", PATH, "get", "parameters"], []), f"GET {PATH}: the parameter organization is gone"),
        (_without(["paths", PATH, "post", "responses", "201"]), f"POST {PATH}: the response 201 is gone"),
        (_with(["paths", PATH, "get", "operationId"], "list"), f"GET {PATH}: the operationId was renamed"),
    ],
)  # fmt: skip
def test_change_that_breaks_clients_is_named(
    change: Callable[[dict[str, Any]], None], name: str, committed: dict[str, Any]
) -> None:
    after = deepcopy(committed)
    change(after)
    assert name in breaking(committed, after)


@pytest.mark.parametrize(
    "change",
    [
        _with(["paths", "/new"], {"get": {"operationId": "new", "responses": {}}}),
        _with([*SCHEMAS, "Server", "properties", "more"], {"type": "string"}),
        _with([*SCHEMAS, "ServerRegistration", "properties", "more"], {"type": "string"}),
        _with(["info", "description"], "Other words"),
    ],
)
def test_addition_breaks_no_client(change: Callable[[dict[str, Any]], None], committed: dict[str, Any]) -> None:
    after = deepcopy(committed)
    change(after)
    assert breaking(committed, after) == []
