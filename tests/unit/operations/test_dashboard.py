"""Grafana can draw the dashboard, and each of its queries is valid PromQL."""

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import promtool
from tests.support.promql import dashboard, dashboard_expressions, metrics_in

_WIDTH = 24


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = dashboard()["panels"]
    return found


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not (apart_x or apart_y)


def test_dashboard_rows_are_in_order() -> None:
    rows = [panel["title"] for panel in panels() if panel["type"] == "row"]
    assert rows == ["Commands", "Stripe", "Outbox and relay", "Payments and money", "Processes"]


def test_panels_do_not_overlap_and_have_unique_ids() -> None:
    places = [panel["gridPos"] for panel in panels()]
    assert all(place["x"] + place["w"] <= _WIDTH for place in places)
    assert [pair for pair in combinations(places, 2) if overlap(*pair)] == []
    assert len({panel["id"] for panel in panels()}) == len(places)


def test_panels_query_the_selected_data_source() -> None:
    (variable,) = dashboard()["templating"]["list"]
    assert (variable["type"], variable["query"]) == ("datasource", "prometheus")
    sources = [
        each["datasource"] for panel in panels() for each in (panel, *panel.get("targets", [])) if "targets" in panel
    ]
    assert sources
    assert all(source == {"type": "prometheus", "uid": f"${{{variable['name']}}}"} for source in sources)


def test_each_panel_with_figures_has_a_description_and_a_unit() -> None:
    for panel in panels():
        if panel["type"] != "row":
            assert panel.get("description"), panel["title"]
            assert panel["fieldConfig"]["defaults"].get("unit"), panel["title"]


def test_each_query_is_valid_promql(program: Path, tmp_path: Path) -> None:
    rules = [
        {"record": f"query:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, (_, expression) in enumerate(dashboard_expressions())
    ]
    given = tmp_path / "queries.yml"
    given.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    checked = promtool.run(program, "check", "rules", str(given))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('max by (part) (payment_relay_not_ready{part="kafka"}) == 1', {"payment_relay_not_ready"}),
        ("sum(rate(a_total[5m])) / sum(rate(b_total[$__rate_interval])) > 0.05", {"a_total", "b_total"}),
        ("a unless a offset 1h or vector(0)", {"a"}),
        ("histogram_quantile(0.99, sum by (le) (rate(c_bucket[5m])))", {"c_bucket"}),
    ],
)
def test_metric_names_are_found_in_expressions(expression: str, names: set[str]) -> None:
    assert metrics_in(expression) == names
