"""What the client refuses in a file is what the API refuses, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from kit.registered_servers import registration
from watchword.client.registration import faults_of
from watchword.control.identity import api_rules
from watchword.control.servers.rules import DESCRIPTION_MAX, EXPECTED_MAX, NAME_MAX, ServerFields, check_fields

LONG = 2049


@pytest.mark.parametrize(
    "changes",
    [
        {},
        *({"name": name} for name in ("", "a b", "a-b", "é", "a\n", "x" * NAME_MAX, "x" * (NAME_MAX + 1))),
        *(
            {"description": text}
            for text in ("two\nlines", "\t", "\u202e", "x" * DESCRIPTION_MAX, "x" * (DESCRIPTION_MAX + 1), "\n" * 257)
        ),
        *(
            {member: value}
            for member in ("issuer", "audience", "client_id")
            for value in (" x", "x\u00a0", "a\u200bb", "x" * EXPECTED_MAX, "x" * LONG, " ")
        ),
        {"issuer": None},
        {"issuer": None, "client_id": "x"},
    ],
)
@pytest.mark.parametrize("confirmations", [(), ("confirm_any_token",), ("confirm_any_user",)])
def test_faults_are_those_of_the_api(changes: dict[str, Any], confirmations: tuple[str, ...]) -> None:
    values = registration(**changes)
    fields = ServerFields(
        enabled=False,
        name=values.name,
        description=values.description,
        jwks_location=values.jwks_location,
        verify_certificate=True,
        audience=values.audience or "",
        issuer=values.issuer or "",
        client_id=values.client_id or "",
        accept_any="confirm_any_token" in confirmations,
        accept_anybody="confirm_any_user" in confirmations,
    )
    api = {"audience" if member == "accept_any" else member for member in check_fields(fields)}
    assert {*faults_of(values, confirmations)} == api


@pytest.mark.parametrize("name", ["Admin", "x" * 16, "x" * 17, "a b", "é", ""])
def test_role_has_the_form_of_an_api_role(name: str) -> None:
    refused = "required_role" in faults_of(registration(required_role=name), ())
    assert refused == (not api_rules.is_role_name(name))
