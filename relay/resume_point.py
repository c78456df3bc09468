"""Decides where a term begins: by the receipt or the checkpoint, and whether that memory can be trusted."""

from collections.abc import Callable
from typing import NamedTuple

from relay.checkpoint import Checkpoint
from relay.doubts import Life
from relay.positions import Settled
from relay.receipt import Epoch, LastRow, Receipt

LastRowAt = Callable[[int], LastRow | None]


NO_RECEIPTS = "at-least-once delivery keeps no receipt"


class ResumePoint(NamedTuple):
    """The positions remembered as settled, and why they must be compared with the topics first; None when not."""

    settled: Settled
    doubt: str | None
    used_again: bool = False
    """Whether settled positions may have been handed out again. For recent rows only the topics then prove anything."""


def resume_from_receipt(
    receipt: Receipt | None,
    checkpoint: Checkpoint | None,
    life: Life,
    last_row_at: LastRowAt,
    mended: str | None = None,
) -> ResumePoint:
    """Resume from the receipt if this database is not older; else from the checkpoint, which is as old as the database.

    While the receipt's last row is unchanged, and the sequence was never behind, no position up to it was handed out
    again, not even after a promotion: PostgreSQL logs a sequence's value before the row that uses it. A copy of the
    database on another server may hand positions out again. ``mended`` says that the sequence was behind.
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
    """For at-least-once delivery: resume from the checkpoint; the topics tell which later rows were sent."""
    if checkpoint is None:
        return ResumePoint(Settled(), "there is no checkpoint")
    used_again = _used_again([], checkpoint, life, mended)
    promoted = NO_RECEIPTS if checkpoint.epoch == life.epoch else "the database was restored or promoted"
    return ResumePoint(checkpoint.settled, used_again or promoted, used_again is not None)
