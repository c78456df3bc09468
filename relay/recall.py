"""Where to begin: what the relay remembers, and whether it can be trusted."""

from collections.abc import Callable
from typing import NamedTuple

from relay.checkpoint import Checkpoint
from relay.doubts import Life
from relay.positions import Settled
from relay.receipt import Epoch, Receipt, Witness

WitnessAt = Callable[[int], Witness | None]


NO_RECEIPTS = "with at-least-once delivery only the topics say what was sent last"


class Memory(NamedTuple):
    """What is remembered as settled, and why that must be compared with the topics first, None when it need not be."""

    settled: Settled
    doubt: str | None
    used_again: bool = False
    """Positions that are settled may have been handed out again: for recent rows only the topics prove anything."""


def recall(
    receipt: Receipt | None, mirror: Checkpoint | None, life: Life, witness_at: WitnessAt, mended: str | None = None
) -> Memory:
    """The receipt, if this database is not older than it; else the mirror, which is as old as the database.

    While the receipt's last row stands, and the sequence was never behind, no position up to it can have been handed
    out again, whoever was promoted: PostgreSQL logs what a sequence hands out before the row that uses it. What a copy
    of the database hands out is another matter. ``mended`` says that the sequence was behind.
    """
    settled, doubt = _trusted(receipt, mirror.settled if mirror is not None else Settled(), witness_at)
    used_again = _used_again([receipt.epoch] if receipt is not None else [], mirror, life, mended)
    return Memory(settled, used_again or doubt, used_again is not None)


def _trusted(receipt: Receipt | None, mirrored: Settled, witness_at: WitnessAt) -> tuple[Settled, str | None]:
    if receipt is None:
        return mirrored, "Kafka holds no receipt"
    if receipt.witness is None or witness_at(receipt.witness.position) != receipt.witness:
        return mirrored, "the database lost rows that were published"
    if receipt.partial:
        return receipt.settled, "the receipt had no room for all that was published"
    if mirrored.low > receipt.settled.low:
        return receipt.settled, "the receipt is older than the checkpoint"
    return receipt.settled, None


def _used_again(known: list[Epoch], mirror: Checkpoint | None, life: Life, mended: str | None) -> str | None:
    if mended is not None:
        return mended
    if mirror is not None:
        known = [*known, mirror.epoch]
        if mirror.doubt is not None:
            return mirror.doubt
        if mirror.outbox not in {None, life.outbox}:
            return "the outbox was restored, or is a copy"
    if any(epoch.system_identifier != life.epoch.system_identifier for epoch in known):
        return "the database is a copy on another server"
    return None


def recall_without_receipts(mirror: Checkpoint | None, life: Life, mended: str | None = None) -> Memory:
    """For at-least-once delivery: the mirror, and the topics for whatever was sent after it."""
    if mirror is None:
        return Memory(Settled(), "there is no checkpoint")
    used_again = _used_again([], mirror, life, mended)
    promoted = NO_RECEIPTS if mirror.epoch == life.epoch else "the database was restored or promoted"
    return Memory(mirror.settled, used_again or promoted, used_again is not None)
