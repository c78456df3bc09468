"""Numbers agree with the words behind them, wherever people read them."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from runtime.plurals import number_of

ROOT = Path(__file__).resolve().parents[3]
PRODUCT = ("commandline", "consumer", "relay", "runtime", "service")
_THINGS = "row|record|command|event|message|payment|order|letter|topic|partition|group|replica|position|difference"
_COUNTED = re.compile(rf" (?:more |missing |dead |open )?(?:{_THINGS})s\b| (?:are|wait|stand)\b|.*\(s\)")

NO_NUMBERS = {"relay/doubts.py: self.drawn are handed out again below "}
"""The position up to which, not a number of things."""


@pytest.mark.parametrize(
    ("number", "words", "said"),
    [
        (1, ("row",), "1 row"),
        (0, ("row",), "0 rows"),
        (2, ("row waits", "rows wait"), "2 rows wait"),
        (1, ("is open", "are open"), "1 is open"),
    ],
)
def test_number_comes_with_the_word_in_its_form(number: int, words: tuple[str, ...], said: str) -> None:
    assert number_of(number, *words) == said


def values_before_words(tree: ast.AST) -> Iterator[str]:
    """The parts of f-strings that have a value and, right behind it, a word in the plural."""
    for text in ast.walk(tree):
        for value, words in pairwise(text.values if isinstance(text, ast.JoinedStr) else ()):
            behind = str(getattr(words, "value", ""))
            if isinstance(value, ast.FormattedValue) and _COUNTED.match(behind):
                yield ast.unparse(value.value) + behind


def test_no_text_for_people_has_a_plural_behind_any_number() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {part}"
        for package in PRODUCT
        for path in (ROOT / package).rglob("*.py")
        for part in values_before_words(ast.parse(path.read_text("utf-8")))
    }
    assert found == NO_NUMBERS
