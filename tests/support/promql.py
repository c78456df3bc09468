"""The names of metrics in PromQL, and the names that a process exposes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations"

_NOT_NAMES = (r'"[^"]*"', r"\{[^}]*\}", r"\[[^\]]*\]", r"\b(?:by|without|on|ignoring)\s*\([^)]*\)", r"\boffset\s+\w+")
_NAME = re.compile(r"[a-zA-Z_:][\w:]*(?!\w*\s*\()")
_OPERATORS = frozenset({"and", "or", "unless", "bool", "atan2", "inf", "nan"})
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "summary": ("_count", "_sum")}


def metrics_in(expression: str) -> set[str]:
    """The metrics that an expression selects."""
    for pattern in _NOT_NAMES:
        expression = re.sub(pattern, " ", expression)
    return set(_NAME.findall(expression)) - _OPERATORS


def exposed(text: str) -> set[str]:
    """The names of series that an answer of /metrics has, or would have with a first observation."""
    found: set[str] = set()
    for family in text_string_to_metric_families(text):
        found |= {family.name, *(sample.name for sample in family.samples)}
        found |= {family.name + suffix for suffix in _SUFFIXES.get(family.type, ())}
    return found


def alert_rules() -> dict[str, dict[str, Any]]:
    """The alerts by name."""
    groups = yaml.safe_load((OPERATIONS / "alerts.yml").read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def dashboard() -> dict[str, Any]:
    """The Grafana dashboard."""
    found: dict[str, Any] = json.loads((OPERATIONS / "dashboard.json").read_text())
    return found


def dashboard_expressions() -> Iterator[tuple[str, str]]:
    """Each query of the dashboard: the title of its panel, and its expression."""
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
