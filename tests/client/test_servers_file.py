"""servers.yaml: each fault is reported at its line, all of them in one run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.certificates import authority_pem
from kit.registered_servers import present, registration
from watchword.client.plan_output import plan_json, plan_lines
from watchword.client.planning import plan
from watchword.client.registration import CONFIRMATIONS
from watchword.client.servers_file import WantedState, read_servers_file, write_servers_file
from watchword.client.yaml_reading import FileRefused

SERVER = """\
enabled_server: ProdOkta
servers:
  - name: ProdOkta
    jwks_location: https://keys.acme.example/jwks
    issuer: https://acme.example
    audience: null
    client_id: null
"""


def read(document: str) -> WantedState:
    return read_servers_file(document.encode(), file="servers.yaml")


def faults(document: str) -> list[str]:
    with pytest.raises(FileRefused) as refused:
        read(document)
    return [str(fault) for fault in refused.value.faults]


def test_shortest_file_has_the_safe_defaults() -> None:
    state = read(SERVER)
    assert (state.organization, state.enabled) == (None, "ProdOkta")
    assert state.servers[0].registration == registration()
    assert state.servers[0].id is None
    assert state.servers[0].place_of("issuer").line == 5
    assert state.servers[0].place_of("required_role") == state.servers[0].place


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("issuer:", "isuer:", "5:5: “isuer” is not known here. Did you mean “issuer”?"),
        ("    issuer: https://acme.example\n", "", "3:5: A server needs the member “issuer”. Write null"),
        ("audience: null", "audience:", "6:14: audience is empty. Write null if you mean that."),
        ("audience: null", 'audience: ""', "6:15: audience is empty."),
        ("audience: null", "audience: [x]", "6:15: audience must be a text."),
        ("name: ProdOkta", "name: ~", '3:11: name cannot be null. If ~ is the text, write "~" in quotes.'),
        ("name: ProdOkta", "name:", '3:10: name is empty. Write "" for the empty text.'),
        ("https://keys", "http://keys", "4:20: jwks_location is refused: "),
        (
            "client_id: null",
            "client_id: null\n    enabled: true",
            "8:5: “enabled” is not known here. Which server",
        ),
        ("name: ProdOkta", "name: Prod-Okta", "3:5: name must be 1 to 64 of the letters A to Z and digits."),
        ("issuer: https://acme.example", "issuer: null", "6:5: audience is null, as issuer and client_id are: every"),
        ("client_id: null", "client_id: null\n    required_role: a-b", "8:5: required_role must be 1 to 16 of"),
        ("client_id: null", "client_id: null\n    qqq: true", "8:5: “qqq” is not known here. Known: id, name,"),
        ("client_id: null", "client_id: null\n    id: ProdOkta", "8:9: id is not an id, such as"),
        ("client_id: null", 'client_id: null\n    verify_certificate: "true"', "8:25: verify_certificate must be true"),
        ("client_id: null", "client_id: null\n    verify_certificate: yes", "8:25: verify_certificate must be true"),
        ("client_id: null", "client_id: null\n    ca_bundle: x", "8:16: ca_bundle is refused: This is not a CA"),
        ("enabled_server: ProdOkta", "enabled_server: prodokta", '1:1: enabled_server "prodokta" is not the name'),
        ("enabled_server: ProdOkta\n", "", "1:1: The file needs the member “enabled_server”. Write the name"),
        (SERVER[25:], "servers:\n", "2:9: servers must be a list. Write [] for an empty one."),
        (SERVER[25:], "servers: [x]\n", "2:11: A server must consist of members in the form “name: value”."),
        (SERVER, "- x\n", "1:1: The file must consist of members in the form “name: value”."),
        (SERVER, "servers: []\nenabled_server:\n", "2:16: enabled_server is empty."),
    ],
)
def test_fault_is_reported_at_its_place(old: str, new: str, fault: str) -> None:
    assert SERVER.count(old) == 1 or old == SERVER[25:]
    assert any(line.startswith(f"servers.yaml:{fault}") for line in faults(SERVER.replace(old, new)))


def test_all_faults_are_reported_in_the_order_of_the_file() -> None:
    document = SERVER.replace("audience: null", "audienze: null").replace("https://keys", "ftp://keys")
    lines = [fault.split(" ")[0] for fault in faults(f"{document}colour: red\n")]
    assert lines == ["servers.yaml:3:5:", "servers.yaml:4:20:", "servers.yaml:6:5:", "servers.yaml:8:1:"]


def test_one_kind_of_fault_hides_no_other() -> None:
    document = SERVER.replace("name: ProdOkta", "name: &name ProdOkta").replace("https://keys", "http://keys")
    document = document.replace("audience: null", "audienze: *name") + "    client_id: x\n    <<: {issuer: x}\n"
    lines = [fault.split(" ")[0] for fault in faults(document)]
    assert lines == [f"servers.yaml:{place}:" for place in ("3:5", "3:11", "4:20", "6:5", "6:15", "8:5", "9:5")]


def test_same_name_or_id_twice_is_refused_with_the_first_line() -> None:
    entry = SERVER.split("servers:\n")[1]
    (fault,) = faults(SERVER + entry.replace("ProdOkta", "PRODOKTA"))
    assert fault == "servers.yaml:8:5: The server in line 3 has the same name."
    with_id = f"{entry}    id: {present().id}\n"
    (fault,) = faults(SERVER.replace(entry, with_id) + with_id.replace("ProdOkta", "Other").replace("-", "-", 1))
    assert fault == "servers.yaml:14:5: The server in line 8 has the same id."


def test_third_server_is_refused() -> None:
    entry = SERVER.split("servers:\n")[1]
    (fault,) = faults(SERVER + entry.replace("ProdOkta", "Second") + entry.replace("ProdOkta", "Third"))
    assert fault == "servers.yaml:13:5: An organization can have at most 2 servers."


def test_values_are_compared_in_the_form_in_which_the_api_stores_them() -> None:
    pem = "".join(f"      {line}\n" for line in authority_pem().splitlines())
    document = SERVER.replace("https://keys.acme.example/jwks", "HTTPS://Keys.Acme.Example:443/jwks")
    state = read(f"{document}    ca_bundle: |\n{pem}")
    now = [present(enabled=True, ca_bundle=authority_pem())]
    assert plan(now, state).steps == ()
    without = plan(now, read(SERVER))
    assert list(plan_lines(without))[1].startswith('    ca_bundle: "Initech Test Authority')
    assert list(plan_lines(without))[1].endswith("…) → null")
    damaged = plan([present(enabled=True, ca_bundle="x")], read(SERVER))
    assert "certificates that cannot be read → null" in list(plan_lines(damaged))[1]


def test_secret_in_a_locations_query_is_not_shown() -> None:
    now = [present(enabled=True, jwks_location="https://keys.acme.example/jwks?key=s3cret")]
    result = plan(now, read(SERVER.replace("/jwks", "/jwks?key=0ther")))
    shown = "\n".join(plan_lines(result)) + str(plan_json(result))
    assert "key=…" in shown
    assert "values in its query change" in shown
    assert "s3cret" not in shown
    assert "0ther" not in shown


def test_plan_escapes_what_a_terminal_obeys() -> None:
    now = [present(enabled=True, description="\x1b[2J\u202ex")]
    assert '"\\u001b[2J\\u202Ex" → ""' in "\n".join(plan_lines(plan(now, read(SERVER))))


def test_new_server_is_shown_with_all_its_fields() -> None:
    result = plan([], read(SERVER))
    lines = list(plan_lines(result))
    assert lines[0] == "+ add ProdOkta"
    assert '    issuer: "https://acme.example"' in lines
    assert "    audience: null" in lines
    assert lines[-2:] == ["> enabled server: none → ProdOkta", "Plan: 1 to add, another enabled server."]
    added, switch = plan_json(result)["steps"]
    assert added["fields"]["issuer"] == {"before": None, "after": "https://acme.example"}
    assert (switch["before"], switch["after"]) == (None, "ProdOkta")


@pytest.mark.parametrize("confirmation", CONFIRMATIONS)
def test_export_confirms_what_was_confirmed_before(confirmation: str) -> None:
    document = write_servers_file("acme", [replace(present(), confirmation=confirmation)])
    state = read(document)
    assert state.organization == "acme"
    assert state.servers[0].confirmations == (confirmation,)
    assert read(write_servers_file("acme", [present()])).servers[0].confirmations == ()
