"""Plans: matching, order, and that applying a file makes the present state equal to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.certificates import authority_pem
from kit.registered_servers import RegisteredServers, present, registration
from watchword.client.applying import apply_steps
from watchword.client.losses import losses
from watchword.client.plan_output import described, plan_json, plan_lines
from watchword.client.planning import Plan, plan
from watchword.client.registration import MAX_SERVERS, PresentServer, Registration
from watchword.client.servers_file import read_servers_file, write_servers_file
from watchword.control.servers.rules import SLOTS

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = ["ProdOkta", "prodokta", "Backup", "Entra"]
VALUES = st.none() | st.sampled_from(["no", "null", "https://acme.example", "0123", "ünï ✓", "a: b # c"])
VISIBLE = st.characters(exclude_categories=["Cc", "Cf", "Cs", "Cn", "Zl", "Zp"])
REGISTRATIONS = st.builds(
    Registration,
    name=st.sampled_from(NAMES),
    description=st.text(VISIBLE, max_size=20) | st.sampled_from(["~", "two\nlines\n"]),
    jwks_location=st.sampled_from(["https://keys.acme.example/", "https://keys.acme.example/jwks?x=1"]),
    verify_certificate=st.booleans(),
    accepts_bound_tokens=st.booleans(),
    ca_bundle=st.none(),
    issuer=VALUES,
    audience=VALUES,
    client_id=VALUES,
    required_role=st.none() | st.sampled_from(["Admin", "True"]),
)
IDS = [present(str(number)).id for number in range(3)]


@st.composite
def states(draw: st.DrawFn) -> list[PresentServer]:
    """Any state that an organization can have."""
    registrations = draw(st.lists(REGISTRATIONS, max_size=MAX_SERVERS, unique_by=lambda values: values.name.lower()))
    ids = draw(st.permutations(IDS))
    enabled = draw(st.none() | st.integers(0, 1))
    return [
        PresentServer(id=ids[index], version=draw(st.integers(1, 9)), enabled=index == enabled, registration=values)
        for index, values in enumerate(registrations)
    ]


def planned(now: Sequence[PresentServer], file: str) -> Plan:
    return plan(now, read_servers_file(file.encode(), file="servers.yaml"))


def contents(servers: Sequence[PresentServer]) -> set[tuple[Registration, bool]]:
    return {(server.registration, server.enabled) for server in servers}


@given(states())
def test_exported_state_needs_no_change(now: list[PresentServer]) -> None:
    result = planned(now, write_servers_file("acme", now))
    assert result.steps == ()
    assert list(plan_lines(result)) == ["Nothing to do: the registered servers are those of the file."]


def without_ids(file: str, servers: Sequence[PresentServer]) -> str:
    """The file in which these servers are only found by their names."""
    for server in servers:
        file = re.sub(rf'^  - id: "?{server.id}"?\n    name', "  - name", file, flags=re.MULTILINE)
    return file


@given(states(), states(), st.integers(0, MAX_SERVERS))
def test_applying_an_old_file_restores_the_old_state(
    old: list[PresentServer], now: list[PresentServer], ids_lost: int
) -> None:
    file = without_ids(write_servers_file("acme", old), old[:ids_lost])
    assert len(re.findall("^  - id: ", file, re.MULTILINE)) == max(len(old) - ids_lost, 0)
    result = planned(now, file)
    servers = RegisteredServers({server.id: server for server in now})
    assert list(apply_steps(result, servers)) == list(result.steps)
    after = [*servers.servers.values()]
    assert contents(after) == contents(old)
    assert planned(after, file).steps == ()
    assert len(plan_json(result)["steps"]) == len(result.steps)
    if any(server.enabled for server in now) and any(server.enabled for server in old):
        assert servers.without_access == 0


@given(states(), states())
def test_server_with_the_same_id_is_never_deleted(old: list[PresentServer], now: list[PresentServer]) -> None:
    result = planned(now, write_servers_file("acme", old))
    kept = {server.id for server in old} & {server.id for server in now}
    assert not kept & {step["id"] for step in plan_json(result)["steps"] if step["action"] == "delete"}


def steps(now: Sequence[PresentServer], wanted: Sequence[PresentServer]) -> list[str]:
    return [described(step) for step in planned(now, write_servers_file("acme", wanted)).steps]


def renamed(server: PresentServer, name: str) -> PresentServer:
    return PresentServer(id=server.id, version=1, enabled=server.enabled, registration=registration(name))


def test_changed_capitals_are_a_new_name_of_the_same_server() -> None:
    now = [present("ProdOkta")]
    file = write_servers_file("acme", [renamed(present("ProdOkta"), "prodokta")])
    by_name = without_ids(file, now)
    assert by_name != file
    for wanted in (file, by_name):
        (step,) = planned(now, wanted).steps
        assert described(step) == "~ change ProdOkta"


def test_names_are_swapped_by_way_of_a_third_one() -> None:
    first, second = present("First", enabled=True), present("Second")
    wanted = [renamed(first, "Second"), renamed(second, "First")]
    lines = list(plan_lines(planned([first, second], write_servers_file("acme", wanted))))
    temporary = f"Renaming{second.id.replace('-', '')[:16]}"
    assert lines == [
        "~ change Second (with a temporary name, until another server has left the new one)",
        f'    name: "Second" → "{temporary}"',
        "~ change First",
        '    name: "First" → "Second"',
        f"~ change {temporary}",
        f'    name: "{temporary}" → "First"',
        "Plan: 3 to change.",
    ]


def test_server_that_is_renamed_and_switched_off_has_both_names() -> None:
    first, second = present("First", enabled=True), present("Second")
    wanted = [
        renamed(present("First"), "Other"),
        PresentServer(id=second.id, version=1, enabled=True, registration=second.registration),
    ]
    result = planned([first, second], write_servers_file("acme", wanted))
    assert "> enabled server: First (now Other) → Second" in list(plan_lines(result))
    assert losses(result) == [
        "Client applications with tokens of First (now Other) lose access: Second is enabled instead."
    ]


def test_replacement_is_enabled_before_the_old_server_is_deleted() -> None:
    old = present("Old", enabled=True)
    assert steps([old], [present("New", enabled=True)]) == [
        "+ add New",
        "> enabled server: Old → New",
        "- delete Old with its signing keys and key history",
    ]


def test_both_are_replaced_without_a_gap() -> None:
    now = [present("A", enabled=True), present("B")]
    wanted = [present("C"), present("D", enabled=True)]
    assert steps(now, wanted) == [
        "- delete B with its signing keys and key history",
        "+ add D",
        "> enabled server: A → D",
        "- delete A with its signing keys and key history",
        "+ add C",
    ]


def test_enabled_server_without_room_for_its_successor_is_changed_in_place() -> None:
    now = [present("A", enabled=True), present("B")]
    wanted = [present("B"), present("C", enabled=True, issuer="https://new.example")]
    result = planned(now, write_servers_file("acme", wanted))
    assert list(plan_lines(result)) == [
        "~ change A",
        '    name: "A" → "C"',
        '    issuer: "https://acme.example" → "https://new.example"',
        "Plan: 1 to change.",
    ]
    assert losses(result) == [
        "A (now C) is the enabled server: tokens with the present issuer are refused from now on."
    ]


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ({}, {"issuer": "x"}, "tokens with the present issuer are refused"),
        ({}, {"issuer": None, "audience": "x"}, "tokens with any issuer are accepted"),
        ({}, {"audience": "x"}, "tokens without this audience are refused"),
        ({"client_id": "x"}, {}, "tokens with any client ID are accepted"),
        ({}, {"required_role": "Admin"}, "tokens without this API role are refused"),
        ({}, {"jwks_location": "https://keys.globex.example/"}, "tokens signed with keys that the new JWKS location"),
        ({}, {"verify_certificate": False}, "the certificate of its JWKS location is not verified"),
        ({}, {"accepts_bound_tokens": True}, "tokens bound to a key are accepted"),
        ({"accepts_bound_tokens": True}, {}, "tokens bound to a key are refused"),
    ],
)
def test_change_of_the_enabled_server_is_a_loss(before: dict[str, Any], after: dict[str, Any], sentence: str) -> None:
    wanted = write_servers_file("acme", [present("A", enabled=True, **after)])
    found = losses(planned([present("A", enabled=True, **before)], wanted))
    assert any(loss.startswith(f"A is the enabled server: {sentence}") for loss in found)
    disabled = write_servers_file("acme", [present("A", **after)])
    assert losses(planned([present("A", **before)], disabled)) == []


@pytest.mark.parametrize(
    "changes", [{"description": "x"}, {"verify_certificate": True}, {"ca_bundle": authority_pem()}]
)
def test_other_changes_of_the_enabled_server_are_no_loss(changes: dict[str, Any]) -> None:
    now = [present("A", enabled=True, verify_certificate="verify_certificate" not in changes)]
    result = planned(now, write_servers_file("acme", [present("A", enabled=True, **changes)]))
    assert result.steps
    assert losses(result) == []


def test_disabling_the_only_server_is_a_loss() -> None:
    result = planned([present("A", enabled=True)], write_servers_file("acme", [present("A")]))
    assert losses(result) == ["Client applications with tokens of A lose access: no server is enabled."]


@pytest.mark.parametrize(
    ("changes", "touches"), [({"description": "x"}, False), ({"issuer": "x"}, True), ({"required_role": "x"}, True)]
)
def test_change_that_may_refuse_the_callers_own_token_is_known(changes: dict[str, Any], touches: bool) -> None:  # noqa: FBT001
    result = planned([present("A", enabled=True)], write_servers_file("acme", [present("A", enabled=True, **changes)]))
    assert result.steps
    assert result.touches_enabled is touches


def test_without_an_enabled_server_no_caller_can_lock_itself_out() -> None:
    assert not planned([present("A")], "servers: []\nenabled_server: null\n").touches_enabled
    assert not planned([], write_servers_file("acme", [present("A")])).touches_enabled


def test_hidden_query_of_a_location_may_be_that_of_the_file() -> None:
    file = write_servers_file("acme", [present("A", jwks_location="https://keys.acme.example/?key=s3cret")])
    hidden = present("A", jwks_location="https://keys.acme.example/?key=…")
    assert hidden.is_masked
    assert planned([hidden], file).steps == ()
    other = present("A", jwks_location="https://keys.globex.example/?key=…")
    assert len(planned([other], file).steps) == 1


def test_this_file_and_the_portal_agree_on_the_number_of_servers() -> None:
    assert len(SLOTS) == MAX_SERVERS
