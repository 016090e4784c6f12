from __future__ import annotations

from typing import TYPE_CHECKING

import argon2
import pytest
from django.contrib.auth.hashers import identify_hasher, make_password
from django.test import Client
from django.urls import reverse

from kit import people, signing_in
from kit.people import PASSWORD
from watchword.control.audit.chain import verify_chain
from watchword.control.audit.models import AuditEvent
from watchword.control.identity.models import Person, Session, SignInLink, SignInThrottle
from watchword.control.identity.passwords import BoundedArgon2
from watchword.control.identity.sign_in_link_commands import CreateSignInLink
from watchword.control.web.sign_in.views import FAILED
from watchword.settings.load import load_control_settings

if TYPE_CHECKING:
    from pytest_django import Settings

    from watchword.control.base.actor import Actor

SERVERS = (
    "/acme/administration/api-configuration/legacy-api/internet-saas-api/oauth-2-0-authorization-servers/"
)  # fmt: skip


def sign_in(client: Client, email: str = "alice@acme.example", password: str = PASSWORD, **more: str) -> object:
    return client.post("/sign-in", {"email": email, "password": password, **more})


def follow_link(client: Client, shell: Actor) -> str:
    """Open a fresh link of Alice's, as from a mail. Returns its path."""
    path = f"/sign-in/{CreateSignInLink(email='alice@acme.example').run(shell)}"
    assert client.get(path).headers["Location"] == "/set-password"
    return path


def is_signed_in(client: Client) -> bool:
    return client.get("/").headers["Location"] != "/sign-in"


def test_an_administrator_comes_to_the_servers_of_their_organization(client: Client, alice: Person) -> None:
    answer = client.post("/sign-in", {"email": " ALICE@acme.example ", "password": PASSWORD})

    assert (answer.status_code, answer.headers["Location"]) == (302, SERVERS)
    assert client.get("/").headers["Location"] == SERVERS
    event = AuditEvent.objects.latest("sequence")
    assert (event.organization, event.action, event.actor, event.result, event.address) == (
        "acme", "signed_in", "alice@acme.example", "success", "127.0.0.1",
    )  # fmt: skip


def test_an_operator_comes_to_the_organizations(client: Client, operator: Person, alice: Person) -> None:
    signing_in.sign_in(client, operator)

    answer = client.get("/", follow=True)
    assert answer.redirect_chain == [("/operator-console/organizations/", 302)]
    assert client.get("/").headers["Location"] == "/operator-console/organizations/"
    assert b"Acme" in answer.content
    assert AuditEvent.objects.latest("sequence").organization is None
    page = reverse("console:organization", args=["acme"])
    assert f'<a href="{page}">Acme</a>' in answer.content.decode()
    assert reverse("servers:list", args=["acme"]) in client.get(page).content.decode()
    assert client.get(reverse("servers:list", args=["acme"])).status_code == 200


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("alice@acme.example", "wrong"),
        ("alice@acme.example", ""),
        ("nobody@acme.example", PASSWORD),
        ("", PASSWORD),
        ("alice@acme.example\x01", PASSWORD),
        ("alice@acme.example", PASSWORD + "\x01"),
        ("alice@acme.example", "x" * 100_000),
    ],
)
def test_every_failure_reads_the_same(client: Client, alice: Person, email: str, password: str) -> None:
    answer = client.post("/sign-in", {"email": email, "password": password})

    assert answer.status_code == 422
    assert FAILED.encode() in answer.content
    assert PASSWORD.encode() not in answer.content
    assert not is_signed_in(client)


def test_deactivated_person_is_signed_out_and_gets_the_common_error(client: Client, alice: Person) -> None:
    sign_in(client)
    Person.objects.update(is_active=False)

    assert not is_signed_in(client)
    assert FAILED.encode() in client.post("/sign-in", {"email": alice.email, "password": PASSWORD}).content


def test_p_03_a_stored_hash_is_no_password(client: Client, alice: Person) -> None:
    assert alice.password.startswith("argon2$argon2id$")

    assert client.post("/sign-in", {"email": alice.email, "password": alice.password}).status_code == 422


def test_a_person_without_password_cannot_sign_in_with_an_empty_one(client: Client, alice: Person) -> None:
    alice.set_unusable_password()
    alice.save()

    assert client.post("/sign-in", {"email": alice.email, "password": ""}).status_code == 422


def test_failures_are_audited_without_typed_text(client: Client, alice: Person) -> None:
    client.post("/sign-in", {"email": "alice@acme.example", "password": "hunter2hunter2"})
    client.post("/sign-in", {"email": "my-secret-in-the-wrong-field", "password": "x"})

    known, unknown = AuditEvent.objects.order_by("sequence")[AuditEvent.objects.count() - 2 :]
    assert (known.organization, known.actor, known.result) == ("acme", "alice@acme.example", "refused")
    assert (unknown.organization, unknown.actor, unknown.target) == (None, "unknown", "unknown")
    everything = f"{list(AuditEvent.objects.values())}{list(SignInThrottle.objects.values())}"
    assert "hunter2" not in everything
    assert "wrong-field" not in everything
    assert verify_chain() is None


def test_p_02_an_unknown_person_costs_as_much_time_as_a_known_one(
    alice: Person, bob: Person, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PASSWORD_HASHERS = ["watchword.control.identity.passwords.BoundedArgon2"]
    alice.set_password(PASSWORD)
    alice.save()
    bob.set_unusable_password()
    bob.save()
    from watchword.control.identity.backend import PasswordBackend  # noqa: PLC0415 - needs Django to be set up.

    worked: list[argon2.Parameters] = []
    encode, verify = BoundedArgon2.encode, BoundedArgon2.verify

    def encoding(self: BoundedArgon2, password: str, salt: str) -> str:
        encoded = encode(self, password, salt)
        worked.append(argon2.extract_parameters(encoded.removeprefix("argon2")))
        return encoded

    def verifying(self: BoundedArgon2, password: str, encoded: str) -> bool:
        worked.append(argon2.extract_parameters(encoded.removeprefix("argon2")))
        return verify(self, password, encoded)

    monkeypatch.setattr(BoundedArgon2, "encode", encoding)
    monkeypatch.setattr(BoundedArgon2, "verify", verifying)
    for email in (alice.email, bob.email, "nobody@acme.example"):
        assert PasswordBackend().authenticate(None, email=email, password="wrong") is None

    # The time of an Argon2 hash follows from its parameters alone.
    assert len(worked) == 3
    assert worked[0].memory_cost >= 100 * 1024
    assert worked == [worked[0]] * 3


def test_backend_needs_email_and_password() -> None:
    from watchword.control.identity.backend import PasswordBackend  # noqa: PLC0415

    assert PasswordBackend().authenticate(None, email="alice@acme.example") is None
    assert PasswordBackend().authenticate(None, password=PASSWORD) is None


def test_passwords_are_argon2id(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["watchword.control.identity.passwords.BoundedArgon2"]

    assert identify_hasher(make_password(PASSWORD)).algorithm == "argon2"
    assert "$argon2id$" in make_password(PASSWORD)


def test_behind_a_listed_proxy_the_browsers_address_counts(client: Client, alice: Person, settings: Settings) -> None:
    settings.WATCHWORD = load_control_settings(trusted_proxies="127.0.0.0/8")

    sign_in(client)
    client.post(
        "/sign-in", {"email": alice.email, "password": "wrong"}, headers={"X-Forwarded-For": "198.51.100.9, 192.0.2.1"}
    )

    assert [event.address for event in AuditEvent.objects.order_by("-sequence")[:2]] == ["192.0.2.1", "127.0.0.1"]


@pytest.mark.parametrize(
    "onward",
    [
        "https://evil.example/",
        "http:evil.example",
        "//evil.example/",
        "///evil.example/",
        "////evil.example",
        "/\\evil.example/",
        "\\\\evil.example/",
        "\\/evil.example/",
        "/\t/evil.example/",
        "/\n/evil.example/",
        "/\r\n/evil.example/",
        "\t//evil.example/",
        " //evil.example/",
        "\x01//evil.example/",
        "https:///evil.example/",
        "https:\\evil.example",
        "//alice@evil.example/",
        "//127.0.0.1:8080@evil.example/",
        "http://127.0.0.1:8080/",
        "javascript:alert(1)",
        "data:text/html,x",
        "somewhere",
        "?next=//evil.example",
        "//[evil",
        "",
        "/" + "a" * 100_000,
    ],
)
def test_signing_in_leads_to_no_other_site(client: Client, alice: Person, onward: str) -> None:
    answer = client.post("/sign-in", {"email": alice.email, "password": PASSWORD, "next": onward})
    again = client.get("/sign-in", {"next": onward})

    assert (answer.status_code, answer.headers["Location"]) == (302, SERVERS)
    assert (again.status_code, again.headers["Location"]) == (302, SERVERS)


@pytest.mark.parametrize("onward", ["/acme/somewhere?x=1", "/", "/acme/%2F/evil.example", "/%5Cevil.example"])
def test_signing_in_leads_back_to_the_page_asked_for(client: Client, alice: Person, onward: str) -> None:
    answer = client.post("/sign-in", {"email": alice.email, "password": PASSWORD, "next": onward})

    assert answer.headers["Location"] == onward


def test_signed_in_person_skips_the_sign_in_page(client: Client, alice: Person) -> None:
    sign_in(client)

    assert client.get("/sign-in").headers["Location"] == SERVERS
    assert client.get("/sign-in?next=/sessions/").headers["Location"] == "/sessions/"


def test_the_link_shows_a_form_as_often_as_it_is_looked_at(client: Client, alice: Person, shell: Actor) -> None:
    path = follow_link(client, shell)

    for _ in range(2):
        answer = client.get(path, follow=True)
        assert answer.status_code == 200
        assert b"alice@acme.example" in answer.content


def test_the_link_sets_the_password_signs_in_and_is_used_up(client: Client, alice: Person, shell: Actor) -> None:
    elsewhere = Client()
    sign_in(elsewhere)
    path = follow_link(client, shell)
    chosen = "tangerine gravel orbit"

    answer = client.post("/set-password", {"password": chosen, "password_again": chosen})

    assert answer.headers["Location"] == SERVERS
    assert is_signed_in(client)
    assert not is_signed_in(elsewhere)
    assert client.get(path).status_code == 404
    assert client.post("/set-password", {"password": chosen, "password_again": chosen}).status_code == 404


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"password": "tangerine", "password_again": "tangerine"}, "password"),
        ({"password": PASSWORD, "password_again": "other"}, "password_again"),
    ],
)
@pytest.mark.usefixtures("alice")
def test_refused_new_password_shows_its_error_and_logs_no_link(
    client: Client, shell: Actor, typed: dict[str, str], field: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = follow_link(client, shell)

    answer = client.post("/set-password", typed)

    assert answer.status_code == 422
    assert f'id="{field}-error"'.encode() in answer.content
    assert typed["password"].encode() not in answer.content
    assert path.removeprefix("/sign-in/") not in caplog.text
    assert client.get("/set-password").status_code == 200


def test_a_link_used_up_elsewhere_meanwhile_is_refused(client: Client, alice: Person, shell: Actor) -> None:
    path = follow_link(client, shell)
    CreateSignInLink(email=alice.email).run(shell)

    assert client.get("/set-password").status_code == 404
    assert client.get(path).status_code == 404


def test_without_a_link_no_password_is_set(client: Client, alice: Person) -> None:
    assert client.post("/set-password", {"password": PASSWORD, "password_again": PASSWORD}).status_code == 404


def test_the_secret_of_a_link_is_stored_nowhere(client: Client, alice: Person, shell: Actor) -> None:
    path = follow_link(client, shell)

    assert path.removeprefix("/sign-in/") not in str([*SignInLink.objects.values(), *AuditEvent.objects.values()])
    assert not Session.objects.exists()
    cookie = client.cookies["watchword_link"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["max-age"]) == (True, "Lax", "/", 3600)


def test_after_its_use_the_browser_forgets_the_link(client: Client, alice: Person, shell: Actor) -> None:
    follow_link(client, shell)
    client.post("/set-password", {"password": PASSWORD, "password_again": PASSWORD})

    assert client.cookies["watchword_link"].value == ""


def test_no_password_can_be_set_that_is_too_long_to_sign_in_with(client: Client, alice: Person, shell: Actor) -> None:
    follow_link(client, shell)
    longest = "tangerine gravel orbit " + "y" * 1800

    refused = client.post("/set-password", {"password": longest, "password_again": longest})

    assert refused.status_code == 422
    assert b"at most 1024 characters" in refused.content
    fits = longest[:1024]
    assert client.post("/set-password", {"password": fits, "password_again": fits}).status_code == 302
    assert Client().post("/sign-in", {"email": alice.email, "password": fits}).status_code == 302


@pytest.mark.parametrize("typed", ["alice@acme.example", "Alexandra Longname"])
def test_no_password_can_be_set_that_is_the_persons_own_name(
    client: Client, alice: Person, shell: Actor, typed: str
) -> None:
    Person.objects.update(name="Alexandra Longname")
    follow_link(client, shell)

    assert client.post("/set-password", {"password": typed, "password_again": typed}).status_code == 422


def test_an_unknown_link_is_refused_with_a_sentence(client: Client, db: None) -> None:
    answer = client.get("/sign-in/made-up")

    assert answer.status_code == 404
    assert b"This sign-in link has been used, has expired or was never valid." in answer.content


def test_request_without_session_leads_to_the_sign_in_page(client: Client, db: None) -> None:
    assert client.get("/").headers["Location"] == "/sign-in"
    assert client.get("/sign-in").status_code == 200


def test_page_without_session_redirects_with_its_address(client: Client, alice: Person) -> None:
    answer = client.get(SERVERS)
    assert answer.headers["Location"].startswith("/sign-in?next=/acme/")

    answer = client.get(answer.headers["Location"])
    assert f'value="{SERVERS}"'.encode() in answer.content


def test_people_of_the_kit_have_their_roles(alice: Person) -> None:
    assert str(alice) == "alice@acme.example"
    assert people.PASSWORD not in str(Person.objects.values())
