"""Prometheus's promtool runs the alert rules: each fires for its own fault only."""

import json
import re
from pathlib import Path
from typing import Any

from tests.support import promtool
from tests.support.promql import OPERATIONS, alert_rules
from tests.unit.operations.alert_cases import CASES, Case
from tests.unit.operations.healthy_series import HEALTHY

RULES = OPERATIONS / "alerts.yml"
_AT = "2h"
_EVERY = "10m"
"""The time between evaluations, which take most of the test's time. A fault lasts from the beginning until the end."""


def expected(case: Case | None, alert: str) -> list[dict[str, Any]]:
    """The alerts of the name ``alert`` that promtool must find firing."""
    if case is None or case.alert != alert:
        return []
    rule = alert_rules()[alert]
    annotations = {"summary": case.summary, "runbook": rule["annotations"]["runbook"]}
    return [{"exp_labels": {**rule["labels"], **case.labels}, "exp_annotations": annotations}]


def unit(name: str, case: Case | None) -> dict[str, Any]:
    """A test of promtool: the healthy series with those of the case, and the expected state of every alert."""
    series = {**HEALTHY, **(case.series if case is not None else {})}
    return {
        "name": name,
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {"eval_time": _AT, "alertname": alert, "exp_alerts": expected(case, alert)} for alert in alert_rules()
        ],
    }


def entries() -> set[str]:
    """The anchors of the runbook's headings, as the site and GitHub generate them."""
    titles = re.findall(r"^#+ (.+)$", (OPERATIONS / "runbook.md").read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower()) for title in titles}


def test_alert_rules_are_valid(program: Path) -> None:
    checked = promtool.run(program, "check", "rules", "--lint-fatal", str(RULES))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_each_alert_has_a_severity_a_summary_and_a_runbook_entry() -> None:
    for name, rule in alert_rules().items():
        assert rule["labels"]["severity"] in {"critical", "warning"}, name
        assert rule["annotations"]["summary"], name
        page, _, entry = rule["annotations"]["runbook"].partition("#")
        assert page == "runbook.md", name
        assert entry in entries(), name


def test_each_alert_fires_for_its_fault_only(program: Path, tmp_path: Path) -> None:
    assert {case.alert for case in CASES} == alert_rules().keys()
    units = [unit("all is well", None), *(unit(f"{at}: {case.alert}", case) for at, case in enumerate(CASES))]
    tests = {"rule_files": [str(RULES)], "evaluation_interval": _EVERY, "tests": units}
    given = tmp_path / "alerts_test.yml"
    given.write_text(json.dumps(tests))  # JSON is YAML
    ran = promtool.run(program, "test", "rules", str(given))
    assert ran.returncode == 0, ran.stdout + ran.stderr
