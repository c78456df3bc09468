"""Where to begin: what the relay remembers, and whether it can be trusted."""

from collections.abc import Callable
from typing import NamedTuple

from relay.checkpoint import Checkpoint
from relay.doubts import Life
from relay.positions import Settled
from relay.receipt import Epoch, LastRow, Receipt

LastRowAt = Callable[[int], LastRow | None]


NO_RECEIPTS = "with at-least-once delivery only the topics say what was sent last"


class ResumePoint(NamedTuple):
    """What is remembered as settled, and why that must be compared with the topics first, None when it need not be."""

    settled: Settled
    doubt: str | None
    used_again: bool = False
    """Positions that are settled may have been handed out again: for recent rows only the topics prove anything."""


def resume_from_receipt(
    receipt: Receipt | None,
    checkpoint: Checkpoint | None,
    life: Life,
    last_row_at: LastRowAt,
    mended: str | None = None,
) -> ResumePoint:
    """The receipt, if this database is not older than it; else the checkpoint, which is as old as the database.

    While the receipt's last row stands, and the sequence was never behind, no position up to it can have been handed
    out again, whoever was promoted: PostgreSQL logs what a sequence hands out before the row that uses it. What a copy
    of the database hands out is another matter. ``mended`` says that the sequence was behind.
    """
    settled, doubt = _trusted(receipt, checkpoint.settled if checkpoint is not None else Settled(), last_row_at)
    used_again = _used_again([receipt.epoch] if receipt is not None else [], checkpoint, life, mended)
    return ResumePoint(settled, used_again or doubt, used_again is not None)


def _trusted(receipt: Receipt | None, checkpointed: Settled, last_row_at: LastRowAt) -> tuple[Settled, str | None]:
    if receipt is None:
        return checkpointed, "Kafka holds no receipt"
    if receipt.last_row is None or last_row_at(receipt.last_row.position) != receipt.last_row:
        return checkpointed, "the database lost rows that were published"
    if receipt.partial:
        return receipt.settled, "the receipt had no room for all that was published"
    if checkpointed.low > receipt.settled.low:
        return receipt.settled, "the receipt is older than the checkpoint"
    return receipt.settled, None


def _used_again(known: list[Epoch], checkpoint: Checkpoint | None, life: Life, mended: str | None) -> str | None:
    if mended is not None:
        return mended
    if checkpoint is not None:
        known = [*known, checkpoint.epoch]
        if checkpoint.doubt is not None:
            return checkpoint.doubt
        if checkpoint.outbox not in {None, life.outbox}:
            return "the outbox was restored, or is a copy"
    if any(epoch.system_identifier != life.epoch.system_identifier for epoch in known):
        return "the database is a copy on another server"
    return None


def resume_from_checkpoint(checkpoint: Checkpoint | None, life: Life, mended: str | None = None) -> ResumePoint:
    """For at-least-once delivery: the checkpoint, and the topics for whatever was sent after it."""
    if checkpoint is None:
        return ResumePoint(Settled(), "there is no checkpoint")
    used_again = _used_again([], checkpoint, life, mended)
    promoted = NO_RECEIPTS if checkpoint.epoch == life.epoch else "the database was restored or promoted"
    return ResumePoint(checkpoint.settled, used_again or promoted, used_again is not None)
