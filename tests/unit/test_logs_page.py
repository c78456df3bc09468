"""docs/operations/logs-and-traces.md names exactly the events of the log."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations" / "logs-and-traces.md").read_text("utf-8")
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}
NAME = re.compile(r"[a-z]+(?:_[a-z]+)*")


def _logged(tree: ast.AST) -> Iterator[str]:
    """The event of each log line: the first argument of a level's method, or the argument after a method passed on."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            parts = [node.func, *node.args]
            for method, text in pairwise(parts):
                if _is_level(method) and isinstance(text, ast.Constant) and isinstance(text.value, str):
                    yield text.value


def _is_level(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return node.id == "log"
    return isinstance(node, ast.Attribute) and node.attr in LEVELS and "log" in ast.unparse(node.value)


def test_table_lists_exactly_the_logged_events() -> None:
    code = {
        text
        for package in ("runtime", "service", "consumer", "relay", "commandline")
        for path in (ROOT / package).rglob("*.py")
        for text in _logged(ast.parse(path.read_text("utf-8")))
        if NAME.fullmatch(text)
    }
    rows = re.findall(r"^\| (`.*?) \|", PAGE.partition("## Events")[2].partition("\n## ")[0], re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == code
