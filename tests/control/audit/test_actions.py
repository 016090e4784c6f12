"""Every action that the code records has a name on the page."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import watchword
from watchword.control.audit.actions import ACTIONS, INTERFACES, REASONS, RESULTS, label_of
from watchword.control.base.actor import Interface
from watchword.control.base.refusals import RefusalReason
from watchword.control.base.unit_of_work import _MISSING_RIGHT

CONTROL = Path(watchword.__file__).parent / "control"
# Not an event but the name of a URL.
NO_EVENTS = {"_ask"}


def actions_in(source: str) -> set[str]:
    """Every string that is given as `action`, and the third argument of `record_refused`."""
    found: set[str] = set()
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in NO_EVENTS:
            continue
        given = [keyword.value for keyword in call.keywords if keyword.arg == "action"]
        if name == "record_refused" and len(call.args) > 2:
            given.append(call.args[2])
        for value in given:
            assert not isinstance(value, ast.JoinedStr), f"{name}: an action made at run time cannot be found"
            found |= {
                node.value for node in ast.walk(value) if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }
    return found


@pytest.mark.parametrize("path", sorted(CONTROL.rglob("*.py")), ids=lambda path: str(path.relative_to(CONTROL)))
def test_every_action_in_the_code_has_a_name(path: Path) -> None:
    missing = actions_in(path.read_text()) - set(ACTIONS)
    assert not missing, f"name them in control/audit/actions.py: {missing}"


def test_search_finds_all_actions() -> None:
    source = "change(a, b, action='one')\nwork.record(action='two' if x else 'three')\nrecord_refused(a, b, 'four', r)"
    assert actions_in(source) == {"one", "two", "three", "four"}
    assert actions_in("_ask(action='enable')") == set()
    with pytest.raises(AssertionError, match="run time"):
        actions_in("change(action=f'{x}_done')")


def test_the_other_tables_are_complete() -> None:
    assert set(INTERFACES) == set(Interface.values)
    missing_right = {reason.code for reason in {*_MISSING_RIGHT, RefusalReason.NOT_FOUND}}
    assert missing_right <= set(REASONS) <= {reason.code for reason in RefusalReason}
    assert set(RESULTS) == {"success", "refused"}


def test_unknown_action_gets_a_readable_label() -> None:
    assert label_of("server_renamed") == "Server renamed"
