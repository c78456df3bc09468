"""The table at the end of a chaos run."""

import json
from collections import Counter
from io import StringIO

from rich.console import Console

from proofs.chaos.audit import Findings
from proofs.chaos.plan import Attack
from proofs.chaos.proof import faults_in
from proofs.chaos.report import show
from proofs.chaos.run import Result


def _result(findings: Findings) -> Result:
    struck = Counter({Attack.PROMOTED: 2, Attack.RELAY_KILLED: 3})
    return Result(10, 20, 3, 40, 20, 2, struck, [4.0, 11.6], Counter({"too long": 4}), [], findings, 61.0)


def _shown(findings: Findings) -> list[list[str]]:
    output = StringIO()
    show(_result(findings), Console(file=output, width=200))
    return [line.strip("│ \n").split("│") for line in output.getvalue().splitlines()]


def _rows(findings: Findings) -> dict[str, str]:
    return {row[0].strip(): row[1].strip() for row in _shown(findings) if len(row) == 2}


def test_table_counts_faults_and_outages() -> None:
    rows = _rows(Findings([], [], [], [], []))
    assert rows["faults survived"] == "5"
    assert rows[str(Attack.PROMOTED)] == "2"
    assert rows["that came again"] == "2"
    assert rows["outages reported"] == "2"
    assert rows["after seconds, at most"] == "12"
    assert rows["rows that the database refused"] == "4"
    assert rows["outages not reported"] == "0"


def test_unreported_outage_fails_the_run_and_is_named() -> None:
    findings = Findings([], [], [], [], [], unreported=["Kafka is away: not reported"], unproven=["missing: 4"])
    assert not _result(findings).clean
    rows = _rows(findings)
    assert rows["outages not reported"] == "1"
    assert rows["not proven by the audits"] == "1"
    assert ["outages not reported: Kafka is away: not reported"] in _shown(findings)


def test_only_unpublishable_rows_may_be_missing_in_an_audit() -> None:
    report = {
        "compared": 3,
        "missing": [{"event_id": "a", "position": 1}, {"event_id": "b", "position": 2}],
        "doubled": [],
    }
    assert faults_in(json.dumps(report), {"a", "b"}) == []
    assert faults_in(json.dumps(report), {"a"}) == ["missing: {'event_id': 'b', 'position': 2}"]
