"""Names use the words of docs/glossary.md. Retired words do not return."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("runtime", "service", "relay", "consumer", "commandline", "devstack", "proofs", "matrix", "bench", "tests")
CLASS = re.compile(r"^\s*class (\w+)", re.MULTILINE)
FUNCTION_OR_ATTRIBUTE = re.compile(r"^\s*(?:async )?def (\w+)|\bself\.(\w+)", re.MULTILINE)
RETIRED = {
    "blow",
    "burial",
    "buried",
    "bury",
    "doorbell",
    "lane",
    "mirror",
    "recall",
    "sabotage",
    "sieve",
    "standing",
    "stands",
    "storm",
    "stutter",
    "told",
    "turn",
    "untold",
    "vigil",
    "whatever",
    "whoever",
    "witness",
}
FREE = {"standing", "stands", "turn"}
"""Words that names of functions and attributes may have, for example of a standby or of text that is turned around."""


@cache
def words(name: str) -> set[str]:
    """Of a name in CamelCase or snake_case, singular and in lower case."""
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return {part.lower() for part in parts} | {part.lower().removesuffix("s") for part in parts}


def names_in(source: str) -> Iterator[tuple[str, set[str]]]:
    """Each name that the source defines, with the words that it must not have."""
    yield from ((name, RETIRED) for name in CLASS.findall(source))
    yield from ((one or other, RETIRED - FREE) for one, other in FUNCTION_OR_ATTRIBUTE.findall(source))


def named() -> Iterator[tuple[str, str, set[str]]]:
    """Every module, and every name in it, with the place and the retired words."""
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            place = str(path.relative_to(ROOT))
            yield place, path.stem, RETIRED
            yield from ((place, *found) for found in names_in(path.read_text(encoding="utf-8")))


def test_no_retired_word_is_in_a_name() -> None:
    assert sorted({f"{place}: {name}" for place, name, retired in named() if words(name) & retired}) == []
