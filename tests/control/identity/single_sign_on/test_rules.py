"""What a domain, a configuration and the claims of an ID token may say."""

from __future__ import annotations

from typing import Any

import pytest

from watchword.control.identity.single_sign_on import rules

GOOD: dict[str, Any] = {
    "issuer": "https://login.acme.example/realms/acme",
    "client_id": "watchword",
    "client_secret": "secret",
    "role_claim": "groups",
    "role_values": (("admins", "Administrator"),),
}


@pytest.mark.parametrize(
    ("typed", "domain"),
    [
        ("acme.example", "acme.example"),
        (" ACME.Example ", "acme.example"),
        ("acme.example.", "acme.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("mail.acme.example", "mail.acme.example"),
    ],
)
def test_domain_is_stored_in_ascii_and_lower_case(typed: str, domain: str) -> None:
    assert (rules.normalised_domain(typed), rules.domain_fault(typed)) == (domain, None)


@pytest.mark.parametrize(
    "typed",
    [
        "", " ", "example", "com", "localhost", "alice@acme.example", "@acme.example", "*.acme.example",
        ".acme.example", "acme..example", "acme.example/", "https://acme.example", "acme.example:443",
        "acme.example?x", "acme.example#x",
        "192.0.2.1", "[2001:db8::1]", "2130706433", "0x7f.1", "-acme.example", "acme_.example", "acme .example",
        "acme\n.example", "acme\t.example", "acme\0.example", "acme\\.example",
        "a" * 64 + ".example", "a." * 127 + "example",
    ],
)  # fmt: skip
def test_anything_else_is_no_domain(typed: str) -> None:
    assert rules.normalised_domain(typed) is None
    assert rules.domain_fault(typed) == "Enter a domain such as acme.example, without “@”."


def test_configuration_without_faults() -> None:
    assert rules.configuration_faults(**GOOD) == {}
    assert rules.configuration_faults(**(GOOD | {"client_secret": "", "role_claim": "", "role_values": ()})) == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("issuer", ""),
        ("issuer", "http://login.acme.example"),
        ("issuer", "login.acme.example"),
        ("issuer", "https://alice:secret@login.acme.example"),
        ("issuer", "https://login.acme.example#x"),
        ("issuer", "https://login.acme.example?x=1"),
        ("issuer", " https://login.acme.example"),
        ("issuer", "https://login.acme.example\n"),
        ("issuer", "https://login.acme.example/.well-known/openid-configuration"),
        ("issuer", "https://" + "a" * 2048),
        ("client_id", ""),
        ("client_id", " x"),
        ("client_id", "x\n"),
        ("client_id", "é"),
        ("client_id", "x" * 201),
        ("client_secret", "x\0"),
        ("client_secret", " "),
        ("client_secret", "x" * 1025),
        ("role_claim", "with blank"),
        ("role_claim", "x" * 101),
        ("role_values", (("", "Administrator"),)),
        ("role_values", (("x" * 201, "Administrator"),)),
        ("role_values", (("a\u202eb", "Administrator"),)),
        ("role_values", (("admins", "Administrator"), ("admins", "Auditor"))),
        ("role_values", tuple((str(number), "Administrator") for number in range(33))),
    ],
)
def test_faults_stand_at_their_field(field: str, value: object) -> None:
    assert list(rules.configuration_faults(**(GOOD | {field: value}))) == [field]


def test_values_need_a_claim() -> None:
    faults = rules.configuration_faults(**(GOOD | {"role_claim": ""}))
    assert faults == {"role_values": "Name the claim that holds these values, or remove them."}


@pytest.mark.parametrize(
    ("values", "role"),
    [
        (("admins",), 1),
        (("auditors", "admins"), 1),
        (("auditors",), 2),
        (("Admins",), None),
        (("admins ",), None),
        (("admins,auditors",), None),
        ((), None),
    ],
)
def test_first_configured_value_that_the_claim_holds_gives_the_role(values: tuple[str, ...], role: int | None) -> None:
    assert rules.role_by_claim(values, [("admins", 1), ("auditors", 2)]) == role


def test_domain_of_an_address() -> None:
    assert rules.domain_of("alice@Acme.Example") == "acme.example"
