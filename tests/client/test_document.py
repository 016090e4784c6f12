"""docs/plan-and-apply.md is held to the code."""

from __future__ import annotations

import re
from pathlib import Path

from watchword.client.registration import CONFIRMATIONS, FIELDS
from watchword.client.servers_file import read_servers_file
from watchword.client.yaml_reading import MAX_OCTETS
from watchword.settings.variables import API_KEY_VARIABLE, API_ORGANIZATION_VARIABLE, PORTAL_URL_VARIABLE

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "plan-and-apply.md").read_text(encoding="utf-8")


def test_example_can_be_read() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    state = read_servers_file(example.encode(), file="servers.yaml")
    assert (state.organization, state.enabled) == ("acme", "ProdOkta")


def test_all_members_are_described() -> None:
    table = PAGE.partition("Each server has:")[2].partition("The last two")[0]
    first_cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`(\w+)`", " ".join(first_cells))) == {"id", *FIELDS, *CONFIRMATIONS}


def test_limit_and_variables_are_described() -> None:
    assert f"at most {MAX_OCTETS // 1024} KiB" in PAGE
    for variable in (PORTAL_URL_VARIABLE, API_KEY_VARIABLE, API_ORGANIZATION_VARIABLE):
        assert f"| `{variable}` |" in PAGE
