"""The guarantees for every batch, and for the end of a history."""

from collections.abc import Iterable

from proofs.reading_rule.database import Database, Stage
from relay.log_reader import Batch, Row
from relay.positions import Settled


class BrokenError(Exception):
    """A guarantee was broken; the message names it."""


def check_batch(batch: Batch, database: Database, published: frozenset[Row]) -> None:
    """Check ``batch`` before it is published. Raises BrokenError.

    A key's rows are committed in the order of their positions, because the key's lock is held until they are visible.
    Rows that a restore removed may be published after it: other programs have seen their commits.
    """
    visible = database.visible()
    out = set(published)
    for row in batch.rows:
        position, _, key, *_ = row
        if row in out:
            raise BrokenError(f"position {position} is published twice")
        if row in visible and any(other[2] == key and other not in out for other in visible if other[0] < position):
            raise BrokenError(f"position {position} is published before an earlier one of its key")
        out.add(row)
    if database.life == 0:
        _check_given_up(batch.after, database, {row[0] for row in out})


def _check_given_up(settled: Settled, database: Database, published: set[int]) -> None:
    for position, drawn in enumerate(database.drawn, 1):
        given_up = position not in published and contains(settled, position)
        if given_up and database.writers[drawn.owner - 1] != Stage.ROLLED_BACK:
            raise BrokenError(f"position {position} is given up, and its transaction is not rolled back")


def check_end(visible: Iterable[Row], published: frozenset[Row]) -> None:
    """Check that no row was skipped, once every transaction is over and all is read. Raises BrokenError."""
    skipped = [row[0] for row in visible if row not in published]
    if skipped:
        raise BrokenError(f"committed and never published: {skipped}")


def contains(settled: Settled, position: int) -> bool:
    """Whether ``position`` is settled."""
    return position <= settled.low or any(start <= position <= end for start, end in settled.above)
