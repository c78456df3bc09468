"""The mutants agree with the code: every patch applies, and every guarantee has a mutant."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from proofs.mutation.mutant import ROOT, Mutant, MutantError, all_mutants

MUTANTS = all_mutants()
DOCUMENT = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
ROWS = {row.split("|")[1].strip() for row in DOCUMENT.splitlines() if row.startswith("| ")} - {"Guarantee"}
HEADINGS = set(re.findall(r"^## (.+)$", DOCUMENT, re.MULTILINE))
PARAMETERS = re.compile(r"\[.*\]$")


@cache
def _defined_in(path: Path) -> set[str]:
    """Node ids below the file: functions, classes and their functions."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
    return found


def _copied(mutant: Mutant, tree: Path) -> None:
    for name in mutant.files:
        copy = tree / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")


def test_guarantees_of_document_and_mutants_are_the_same() -> None:
    guarantees = {mutant.guarantee for mutant in MUTANTS.values()}
    assert set() == ROWS - guarantees, "these guarantees have no mutant"
    assert set() == guarantees - ROWS - HEADINGS, "the document has other words for these"


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=list(MUTANTS))
def test_the_patch_applies_and_the_result_compiles(mutant: Mutant, tmp_path: Path) -> None:
    _copied(mutant, tmp_path)
    mutant.apply(tmp_path)
    for name in mutant.files:
        if name.endswith(".py"):
            compile((tmp_path / name).read_text(encoding="utf-8"), name, "exec")


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=list(MUTANTS))
def test_tests_of_each_mutant_exist(mutant: Mutant) -> None:
    assert mutant.tests
    for test in mutant.tests:
        path, _, name = PARAMETERS.sub("", test).partition("::")
        assert not name or name in _defined_in(ROOT / path), test


def test_every_test_named_in_the_document_catches_a_mutant() -> None:
    """A test is named by a guarantee only if it fails for a mutant."""
    tried = {tuple(PARAMETERS.sub("", test).split("::")) for each in MUTANTS.values() for test in each.tests}
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", DOCUMENT))
    assert set() == named - {(ids[0], ids[-1]) for ids in tried}


def test_outdated_patch_is_refused_by_name(tmp_path: Path) -> None:
    mutant = next(iter(MUTANTS.values()))
    _copied(mutant, tmp_path)
    for name in mutant.files:
        (tmp_path / name).write_text("")
    with pytest.raises(MutantError, match=mutant.name):
        mutant.apply(tmp_path)
