"""The mutation kit keeps up with the code: every change can still be made, and every guarantee has its turn."""

import ast
import re
from pathlib import Path

import pytest

from proofs.mutation import guarantees
from proofs.mutation.mechanism import ROOT, Change, ChangeError, Mechanism
from proofs.mutation.table import GROUPS, MECHANISMS

DOCUMENT = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
ROWS = {row.split("|")[1].strip() for row in DOCUMENT.splitlines() if row.startswith("| ")} - {"Guarantee"}
HEADINGS = set(re.findall(r"^## (.+)$", DOCUMENT, re.MULTILINE))
NAMED = {text for name, text in vars(guarantees).items() if name.isupper()}
PARAMETERS = re.compile(r"\[.*\]$")


def _defined_in(path: Path) -> set[str]:
    """Node ids below the file: functions, classes and their functions."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
    return found


def test_no_name_is_used_twice() -> None:
    assert len(MECHANISMS) == sum(len(group) for group in GROUPS)


def test_the_guarantees_are_those_of_the_document() -> None:
    assert set() == ROWS - NAMED, "add them to proofs/mutation/guarantees.py"
    assert set() == NAMED - ROWS - HEADINGS, "the document words them otherwise"


def test_every_guarantee_has_a_mechanism_to_take_out() -> None:
    assert NAMED - {mechanism.guarantee for mechanism in MECHANISMS.values()} == set()


@pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=list(MECHANISMS))
def test_it_can_be_taken_out(mechanism: Mechanism, tmp_path: Path) -> None:
    """What was changed compiles; two changes of one file do not stand in each other's way."""
    for change in mechanism.changes:
        copy = tmp_path / change.path
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.exists():
            copy.write_text((ROOT / change.path).read_text(encoding="utf-8"), encoding="utf-8")
        change.apply(tmp_path)
        if copy.suffix == ".py":
            compile(copy.read_text(encoding="utf-8"), change.path, "exec")


@pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=list(MECHANISMS))
def test_its_tests_exist(mechanism: Mechanism) -> None:
    assert mechanism.tests
    for test in mechanism.tests:
        path, _, name = PARAMETERS.sub("", test).partition("::")
        assert not name or name in _defined_in(ROOT / path), test


def test_every_test_that_the_document_names_was_seen_to_fail() -> None:
    """Each stands in an entry: taking that entry's mechanism out makes it fail."""
    tried = {tuple(PARAMETERS.sub("", test).split("::")) for each in MECHANISMS.values() for test in each.tests}
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", DOCUMENT))
    assert set() == named - {(ids[0], ids[-1]) for ids in tried}


@pytest.mark.parametrize("text", ["a b", "a a"])
def test_a_change_that_fits_nowhere_or_twice_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(text.replace("b", "c"))
    with pytest.raises(ChangeError, match=r"code\.py"):
        Change("code.py", "b" if "b" in text else "a", "").apply(tmp_path)
