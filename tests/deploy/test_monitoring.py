"""The example alerts and the dashboard. end_to_end/test_running.py shows that real processes export their metrics."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from kit.deployment import DEPLOY, ROOT
from watchword.core.decision import Reason
from watchword.verifier.listeners.refused_gateways import PROBLEMS
from watchword.worker.metrics import OUTCOMES

ALERTS = DEPLOY / "monitoring" / "alerts.yaml"
DASHBOARD = DEPLOY / "monitoring" / "dashboard.json"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]
]


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_each_alert_has_a_summary_and_a_runbook_section(rule: dict[str, Any]) -> None:
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert anchor == rule["alert"].lower()
    assert f"### {rule['alert']}\n" in (ROOT / page).read_text(encoding="utf-8")


def test_alert_names_are_unique() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names)) > 10


def test_label_values_in_alerts_exist() -> None:
    text = ALERTS.read_text(encoding="utf-8")
    reasons = {code for named in re.findall(r'reason=~"([^"]+)"', text) for code in named.split("|")}
    assert reasons
    assert reasons <= {reason.code for reason in Reason}
    problems = set(re.findall(r'problem!="([^"]+)"', text))
    assert problems
    assert problems <= set(PROBLEMS)
    outcomes = set(re.findall(r'fetches_total\{outcome="([^"]+)"', text))
    assert outcomes
    assert outcomes <= set(OUTCOMES)


def test_dashboard_panels_are_complete() -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels)
    for panel in panels:
        assert panel["targets"]
        assert all(target["expr"] for target in panel["targets"])
