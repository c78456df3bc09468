"""docs/money.md names every event, movement and news event."""

import re
from pathlib import Path

import pytest

from service.domain.event_types import SUBSCRIBED
from service.domain.ledger import SUMS, MovementKind

PAGE = (Path(__file__).parents[2] / "docs" / "money.md").read_text("utf-8")
NEWS = set(re.findall(r'"(payment\.[a-z_]+)"', Path("service/domain/news.py").read_text("utf-8")))


@pytest.mark.parametrize("event_type", SUBSCRIBED)
def test_every_event_is_in_the_table(event_type: str) -> None:
    assert f"`{event_type}`" in PAGE


@pytest.mark.parametrize("kind", MovementKind)
def test_every_movement_has_its_sum_in_the_table(kind: MovementKind) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{kind}` |")]
    shown = {name: "contested" if name == "contested" else f"`{name}`" for name in SUMS[kind]}
    assert all(name in row for name in shown.values())


def test_every_news_event_is_described() -> None:
    assert NEWS
    assert all(f"`{kind}`" in PAGE for kind in NEWS)
