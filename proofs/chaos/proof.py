"""The operators' own proofs at the end: ``outbox audit`` and ``payment audit``."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from devstack.service_process import ROOT, overlaid
from proofs.chaos.evidence import UNPUBLISHABLE, Scene

_SECONDS = 180.0
_UNPUBLISHABLE = "SELECT event_id::text FROM outbox WHERE type = %s"


def operator(environment: Mapping[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    """Run an operator's command; returns its output."""
    return subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), *command],
        cwd=ROOT,
        env=overlaid(os.environ, environment),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def faults_by_audit(environment: Mapping[str, str], scene: Scene, may_repeat: set[str]) -> list[str]:
    """Its findings, without unpublishable rows and without events that the delivery may repeat."""
    done = operator(environment, "outbox", "audit", "--since", "1d", "--json")
    if done.returncode == 0:
        return []
    known = {row["event_id"] for row in scene.rows(_UNPUBLISHABLE, (UNPUBLISHABLE,))} | may_repeat
    faults = faults_in(done.stdout, known) if done.stdout else []
    return faults if faults or known else [f"exit code {done.returncode}: {done.stderr.strip()}"]


def faults_of_money(environment: Mapping[str, str]) -> list[str]:
    """The differences that ``payment audit`` finds, after a reconciliation for lost webhooks."""
    operator(environment, "payment", "reconcile", "--since", "1d")
    done = operator(environment, "payment", "audit", "--since", "1d", "--json")
    if done.returncode == 0:
        return []
    found = json.loads(done.stdout)["differs"] if done.stdout else []
    return [f"money: {one}" for one in found] or [f"exit code {done.returncode}: {done.stderr.strip()}"]


def faults_in(report: str, unpublishable: set[str]) -> list[str]:
    """The other rows of the report."""
    found: dict[str, Any] = json.loads(report)
    lists = {name: rows for name, rows in found.items() if isinstance(rows, list)}
    return [
        f"{name}: {row}"
        for name, rows in lists.items()
        for row in rows
        if not isinstance(row, dict) or row.get("event_id") not in unpublishable
    ]
