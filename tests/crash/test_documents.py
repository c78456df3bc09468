"""The documents of guarantees name existing tests, and crash points and names of the code."""

import ast
import re
from pathlib import Path

import pytest

from tests.crash.points import ALL

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
GUARANTEES, ADDING = ROOT / "docs" / "guarantees.md", ROOT / "docs" / "adding-a-command.md"


def _tests_in(path: Path) -> set[str]:
    return {
        node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)
    }


@pytest.mark.parametrize("document", [GUARANTEES, ADDING], ids=lambda path: path.name)
def test_every_named_test_exists(document: Path) -> None:
    named = NAMED.findall(document.read_text(encoding="utf-8"))
    assert named
    for path, name in named:
        assert (ROOT / path).is_file(), path
        assert not name or name in _tests_in(ROOT / path), f"{path}::{name}"


def test_every_guarantee_names_a_test_and_its_limit() -> None:
    rows = [line for line in GUARANTEES.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    rows = [row for row in rows if not row.startswith("| Guarantee")]
    assert len(rows) > 15
    for row in rows:
        _, guarantee, rests_on, held_by, limit, _ = (cell.strip() for cell in row.split("|"))
        assert guarantee.endswith(".")
        assert rests_on
        assert NAMED.search(held_by), guarantee
        assert limit


def test_guide_names_existing_crash_points_and_files() -> None:
    text = ADDING.read_text(encoding="utf-8")
    points = re.findall(r"CRASH_AT=([a-z_]+\.[a-z_]+)", text)
    assert points
    assert set(points) <= set(ALL)
    files = re.findall(r"`((?:service|proofs|tests|docs)/[\w./]+)`", text)
    assert [path for path in files if not (ROOT / path).exists()] == []
