"""docs/glossary.md is alphabetical and has one sentence for each term."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text("utf-8")
ROWS = re.findall(r"^\| ([a-z][^|]*?) \| ([^|]+?) \|$", PAGE, re.MULTILINE)
CORE = """
    outbox, inbox, relay, position, gap, receipt, checkpoint, resume point, command, command key, outcome event,
    news event, step, recovery point, idempotency key, key generation, lease, fencing token, look, movement, ledger,
    dead letter, ordering key, replay, repair, reconcile, audit
"""


def test_every_table_row_has_a_term_and_its_meaning() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("| ")]
    assert len(lines) == len(ROWS) + 1, "the head is no term"


def test_terms_are_sorted_and_unique() -> None:
    terms = [term for term, _ in ROWS]
    assert terms == sorted(set(terms))


def test_every_meaning_is_one_sentence() -> None:
    assert [term for term, meaning in ROWS if not re.fullmatch(r"[A-Z].*[^.]\.", meaning) or ". " in meaning] == []


def test_central_terms_of_the_design_are_explained() -> None:
    assert {word.strip() for word in CORE.split(",")} <= {term for term, _ in ROWS}
