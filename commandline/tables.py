"""Tables for people: every id stays whole on one line, so that it can be copied."""

import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import click

Cell = Callable[[Any], str]

FREE_TEXT = frozenset({"detail", "last_error", "why"})
"""Columns that are folded between words where they don't fit; all others are never folded."""

OPTIONAL = "?"
"""At the end of a column's name: on a screen that is too narrow for one line, the column is left out."""

_GAP = "  "
_INDENT = "    "


class _Layout(NamedTuple):
    """The columns of each line of a record, the widths of all, and the free text below."""

    lines: list[list[str]]
    widths: Mapping[str, int]
    below: list[str]


def screen_width() -> int | None:
    """The terminal's width in columns; None where nothing limits a line, as in a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def render(records: Sequence[Mapping[str, Any]], columns: Sequence[str], as_text: Cell, width: int | None) -> list[str]:
    """The lines of the table.

    A record takes one line where the screen has the room. Else times of this year lose it, optional columns go, the
    other columns share two or more lines, and free text follows below. A single id that is wider than the screen is
    one line all the same: the terminal wraps it, and copies it whole.
    """
    names = [name.removesuffix(OPTIONAL) for name in columns]
    rows = [{name: _cell(record[name], as_text, "%Y-%m-%d %H:%M:%S") for name in names} for record in records]
    layout = _Layout([names], _widths(rows, names), [])
    if width is not None and _length(layout, names) > width:
        kept = [name for name in columns if not name.endswith(OPTIONAL)]
        times = "%m-%d %H:%M:%S" if _of_this_year(records, kept) else "%Y-%m-%d %H:%M:%S"
        rows = [{name: _cell(record[name], as_text, times) for name in kept} for record in records]
        layout = _packed(kept, _widths(rows, kept), width)
    head = {name: name.replace("_", " ") for name in layout.widths}
    lines = _aligned(head, layout)
    ruled = "-" * min(max(map(_cells, lines)), width or 240)
    return [*lines, ruled, *(line for row in rows for line in _of_record(row, layout, width))]


def show(lines: Sequence[str]) -> None:
    """Print them; on a terminal that they don't fit on, through the pager (``PAGER``, else ``less``)."""
    if sys.stdout.isatty() and sys.stdin.isatty() and len(lines) >= shutil.get_terminal_size().lines:
        os.environ.setdefault("LESS", "FRX")
        click.echo_via_pager("\n".join(lines) + "\n")
        return
    for line in lines:
        click.echo(line)


def _cell(value: Any, as_text: Cell, times: str) -> str:
    return f"{value.astimezone(UTC):{times}}" if isinstance(value, datetime) else as_text(value)


def _of_this_year(records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> bool:
    times = (record[name] for record in records for name in names if isinstance(record[name], datetime))
    return {time.astimezone(UTC).year for time in times} <= {datetime.now(UTC).year}


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _widths(rows: Sequence[Mapping[str, str]], names: Sequence[str]) -> dict[str, int]:
    return {name: max([_cells(name), *(_cells(row[name]) for row in rows)]) for name in names}


def _length(layout: _Layout, names: Sequence[str]) -> int:
    return sum(layout.widths[name] for name in names) + len(_GAP) * (len(names) - 1)


def _packed(names: Sequence[str], widths: Mapping[str, int], width: int) -> _Layout:
    """Each column in the first line that has room for it."""
    layout = _Layout([], widths, [name for name in names if name in FREE_TEXT])
    for name in names:
        if name in FREE_TEXT:
            continue
        for number, line in enumerate(layout.lines):
            indent = len(_GAP) if number else 0
            if indent + _length(layout, [*line, name]) <= width:
                line.append(name)
                break
        else:
            layout.lines.append([name])
    return layout


def _aligned(row: Mapping[str, str], layout: _Layout) -> list[str]:
    found = []
    for number, line in enumerate(layout.lines):
        cells = (row[name] + " " * (layout.widths[name] - _cells(row[name])) for name in line)
        found.append((_GAP if number else "") + _GAP.join(cells).rstrip())
    return found


def _of_record(row: Mapping[str, str], layout: _Layout, width: int | None) -> list[str]:
    lines = _aligned(row, layout)
    for name in layout.below:
        lines += textwrap.wrap(
            row[name],
            width or 240,
            initial_indent=_INDENT,
            subsequent_indent=_INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines
