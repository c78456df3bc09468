"""Names use the words of docs/glossary.md. Retired words do not return."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("runtime", "service", "relay", "consumer", "commandline", "devstack", "proofs", "matrix", "bench", "tests")
CLASS = re.compile(r"^\s*class (\w+)", re.MULTILINE)
RETIRED = {
    "blow",
    "burial",
    "doorbell",
    "lane",
    "mirror",
    "recall",
    "sabotage",
    "standing",
    "stands",
    "storm",
    "told",
    "turn",
    "vigil",
    "witness",
}


def words(name: str) -> set[str]:
    """Of a name in CamelCase or snake_case, singular and in lower case."""
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return {part.lower() for part in parts} | {part.lower().removesuffix("s") for part in parts}


def named() -> Iterator[tuple[str, str]]:
    """Every module, and every class in it, with the place."""
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            place = str(path.relative_to(ROOT))
            yield place, path.stem
            yield from ((place, name) for name in CLASS.findall(path.read_text(encoding="utf-8")))


def test_no_retired_word_is_in_a_name() -> None:
    assert sorted(f"{place}: {name}" for place, name in named() if words(name) & RETIRED) == []
