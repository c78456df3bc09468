"""The relay's reading rule under every interleaving of writers, crash and restore, within a size."""

import pytest

from proofs.reading_rule.database import Size
from proofs.reading_rule.rules import RULES
from proofs.reading_rule.walk import Walk, Walked


def walk(size: Size, rule: str = "kept", *, limit: int = 1) -> Walked:
    return Walk(size, RULES[rule], limit=limit, gaps_a_look=limit).run(trace=rule != "kept")


@pytest.mark.parametrize(
    ("size", "limit", "at_least"),
    [
        pytest.param(Size(writers=3, positions=3), 2, 25_000, id="three writers"),
        pytest.param(Size(writers=4, positions=4, rows=1), 2, 600_000, id="four writers"),
        pytest.param(Size(writers=3, positions=4), 1, 100_000, id="three writers of several rows"),
        pytest.param(Size(writers=3, positions=3, rows=1, keys=1, restores=1), 1, 100_000, id="a restore"),
        pytest.param(
            Size(writers=2, positions=3, restores=1), 2, 100_000, id="a restore, transactions of several rows"
        ),
    ],
)
def test_every_interleaving_keeps_the_guarantees(size: Size, limit: int, at_least: int) -> None:
    walked = walk(size, limit=limit)
    assert walked.broken is None, walked
    assert walked.states > at_least, "or the walk ended early"


SMALL = Size(writers=2, positions=3)


@pytest.mark.parametrize(
    ("rule", "size", "broken"),
    [
        ("writers by the lock table alone", SMALL, "published before an earlier one of its key"),
        ("writers below xmax only", SMALL, "given up, and its transaction is not rolled back"),
        ("gaps before writers", SMALL, "given up, and its transaction is not rolled back"),
        ("rows behind a due gap not held back", Size(3, 4), "published before an earlier one of its key"),
        ("last row not read again", Size(2, 2, restores=1), "committed and never published"),
    ],
)
def test_each_weaker_reading_rule_breaks_a_guarantee(rule: str, size: Size, broken: str) -> None:
    walked = walk(size, rule)
    assert broken in str(walked.broken)
    assert walked.trace


def test_the_rule_needs_postgresqls_order_of_visibility_and_unlocking() -> None:
    """If a transaction released its locks before it is visible, its rows would be given up."""
    walked = walk(SMALL._replace(unlocks_first=True))
    assert "given up, and its transaction is not rolled back" in str(walked.broken)
