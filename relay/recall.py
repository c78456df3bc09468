"""Where to begin: what the relay remembers, and whether it can be trusted."""

from collections.abc import Callable
from typing import NamedTuple

from relay.checkpoint import Checkpoint
from relay.positions import Settled
from relay.receipt import Epoch, Receipt, Witness


class Memory(NamedTuple):
    """What is settled for certain, and why there may be more of it, None when there is not."""

    settled: Settled
    doubt: str | None


def recall(
    receipt: Receipt | None, mirror: Checkpoint | None, epoch: Epoch, witness_at: Callable[[int], Witness | None]
) -> Memory:
    """The receipt, if it is of this database and this database is not older than it; else the mirror, doubted.

    The mirror is as old as the database: what it calls settled is, in whichever life. A restored database may hand
    out positions again that the receipt calls settled, but never one up to a row that it still holds.
    """
    mirrored = mirror.settled if mirror is not None else Settled()
    if receipt is None:
        return Memory(mirrored, "Kafka holds no receipt")
    if receipt.epoch != epoch:
        return Memory(mirrored, "the database was restored, promoted or exchanged")
    if receipt.witness is None or witness_at(receipt.witness.position) != receipt.witness:
        return Memory(mirrored, "the database lost rows that were published")
    if receipt.partial:
        return Memory(receipt.settled, "the receipt had no room for all that was published")
    if mirrored.low > receipt.settled.low:
        return Memory(receipt.settled, "the receipt is older than the checkpoint")
    return Memory(receipt.settled, None)


def recall_without_receipts(mirror: Checkpoint | None, epoch: Epoch) -> Memory:
    """For at-least-once delivery: the mirror is all there is."""
    if mirror is None:
        return Memory(Settled(), "there is no checkpoint")
    return Memory(mirror.settled, None if mirror.epoch == epoch else "the database was restored, promoted or exchanged")
