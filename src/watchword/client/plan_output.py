"""A plan for people and for programs. Pure.

The query of a JWKS location may hold a secret, and plans end up in the logs of pipelines: its values are not shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchword.client.losses import losses
from watchword.client.planning import AddServer, ChangeServer, DeleteServer, Step, SwitchEnabled
from watchword.client.registration import FIELDS
from watchword.client.yaml_writing import visible
from watchword.outbound.address import masked
from watchword.outbound.ca_bundle import CaBundleRefused, read_ca_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword.client.planning import Plan, Value

ADD, CHANGE, DELETE, ENABLE = "add", "change", "delete", "enable"
_TEMPORARILY = " (with a temporary name, until another server has left the new one)"
MARKS = {ADD: "+", CHANGE: "~", DELETE: "-", ENABLE: ">"}


def described(step: Step, plan: Plan | None = None) -> str:
    """One line, such as `~ change ProdOkta`; with the plan, a server that it renames has both names."""
    match step:
        case AddServer():
            return f"{MARKS[ADD]} add {step.wanted.name}"
        case ChangeServer():
            temporary = step.registration.name != step.wanted.name
            return f"{MARKS[CHANGE]} change {step.server.name}{_TEMPORARILY if temporary else ''}"
        case DeleteServer():
            return f"{MARKS[DELETE]} delete {step.server.name} with its signing keys and key history"
        case SwitchEnabled():
            before = "none" if step.before is None else step.before.name
            if step.before is not None and plan is not None:
                before = plan.title(step.before)
            after = "none" if step.target is None else step.target.name
            return f"{MARKS[ENABLE]} enabled server: {before} → {after}"


def plan_lines(plan: Plan) -> Iterator[str]:
    """The diff and a summary, a line each."""
    for step in plan.steps:
        yield described(step, plan)
        if isinstance(step, ChangeServer):
            for name, (before, after) in step.changes.items():
                yield f"    {name}: {shown(name, before)} → {shown(name, after)}{_hidden(name, before, after)}"
        if isinstance(step, AddServer):
            for name, value in step.wanted.registration.as_json().items():
                yield f"    {name}: {shown(name, value)}"
    yield summary(plan)


def summary(plan: Plan) -> str:
    if not plan.steps:
        return "Nothing to do: the registered servers are those of the file."
    counts = {
        kind: sum(isinstance(step, of) for step in plan.steps)
        for kind, of in ((ADD, AddServer), (CHANGE, ChangeServer), (DELETE, DeleteServer))
    }
    parts = [f"{count} to {kind}" for kind, count in counts.items() if count]
    if any(isinstance(step, SwitchEnabled) for step in plan.steps):
        parts.append("another enabled server")
    return f"Plan: {', '.join(parts)}."


def plan_json(plan: Plan) -> dict[str, Any]:
    """For programs: the steps with the values before and after."""
    return {"changes": bool(plan.steps), "steps": [_step_json(step) for step in plan.steps], "losses": losses(plan)}


def _step_json(step: Step) -> dict[str, Any]:
    match step:
        case AddServer():
            none = dict.fromkeys(FIELDS)
            pairs = {name: (none[name], value) for name, value in step.wanted.registration.as_json().items()}
            return {"action": ADD, "server": step.wanted.name, "fields": _fields_json(pairs)}
        case ChangeServer():
            return {
                "action": CHANGE,
                "server": step.server.name,
                "id": step.server.id,
                "fields": _fields_json(step.changes),
            }
        case DeleteServer():
            return {"action": DELETE, "server": step.server.name, "id": step.server.id}
        case SwitchEnabled():
            return {
                "action": ENABLE,
                "before": None if step.before is None else step.before.name,
                "after": None if step.target is None else step.target.name,
            }


def _fields_json(pairs: dict[str, tuple[Value, Value]]) -> dict[str, dict[str, Value]]:
    return {name: {"before": _plain(name, old), "after": _plain(name, new)} for name, (old, new) in pairs.items()}


def shown(name: str, value: Value) -> str:
    """A value in one line, without what must not be in a log."""
    if name == "ca_bundle" and isinstance(value, str):
        return _certificates(value)
    value = _plain(name, value)
    if isinstance(value, str):
        return visible(value)
    return {None: "null", True: "true", False: "false"}[value]


def _plain(name: str, value: Value) -> Value:
    return masked(value) if name == "jwks_location" and isinstance(value, str) else value


def _hidden(name: str, before: Value, after: Value) -> str:
    same = shown(name, before) == shown(name, after)
    return " (values in its query change)" if same else ""


def _certificates(pem: str) -> str:
    try:
        anchors = read_ca_bundle(pem).anchors
    except CaBundleRefused:
        # Of the present state: an older version of the portal may have accepted what this version refuses.
        return "certificates that cannot be read"
    return ", ".join(f"{visible(anchor.name)} (SHA-256 {anchor.fingerprint[:23]}…)" for anchor in anchors)
