"""Reports: tables for people, JSON for the comparison of runs, plots of curves."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.figures import Result, Row, Series
from bench.machine import machine, versions
from bench.plots import svg

RESULTS = Path(__file__).resolve().parent / "results"
_VERDICT = {True: "[green]met[/]", False: "[red]not met[/]", None: "tells"}


def show(title: str, result: Result, console: Console) -> None:
    """Print a benchmark's table and notes."""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("figure", overflow="fold")
    table.add_column("median (spread)", justify="right", no_wrap=True)
    table.add_column("beside it", overflow="fold")
    table.add_column("median (spread)", justify="right", no_wrap=True)
    table.add_column("ratio", justify="right", no_wrap=True)
    table.add_column("reach", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for row in result.rows:
        beside = ("", "") if row.beside is None else (row.beside.name, _amount(row.beside))
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        table.add_row(row.figure.name, _amount(row.figure), *beside, ratio, str(row.reach or ""), _VERDICT[row.met])
    console.print(table)
    for note in result.notes:
        console.print(f"  {note}", highlight=False, markup=False)


def _amount(series: Series) -> str:
    number = series.median
    digits = 0 if number >= 100 else 2 if number >= 1 else 3
    return f"{number:,.{digits}f} {series.unit} (±{series.spread / 2:.0%})"


def save(name: str, result: Result, sizes: dict[str, Any]) -> Path:
    """Write ``results/<name>.json`` and its plots; the JSON's path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    content = {
        "benchmark": name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        "sizes": sizes,
        "rows": [_row(row) for row in result.rows],
        "notes": list(result.notes),
        **result.details,
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    for number, plot in enumerate(result.plots):
        (RESULTS / f"{name}-{number}.svg").write_text(svg(plot))
    return path


def _row(row: Row) -> dict[str, Any]:
    return {
        "figure": _series(row.figure),
        "beside": None if row.beside is None else _series(row.beside),
        "ratio": row.ratio,
        "ratios": row.ratios,
        "reach": None if row.reach is None else str(row.reach),
        "met": row.met,
    }


def _series(series: Series) -> dict[str, Any]:
    return {**asdict(series), "median": series.median, "spread": series.spread}
