"""How far each partition may be committed: to its lowest unfinished offset, never past it."""

import threading
from dataclasses import dataclass, field
from itertools import count

Partition = tuple[str, int]
"""Topic and partition number."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One assignment of a partition to this process; the same partition given again is another claim."""

    partition: Partition
    generation: int


@dataclass(frozen=True, slots=True)
class Ticket:
    """One delivery of one record."""

    claim: Claim
    number: int


@dataclass(frozen=True, slots=True)
class Reach:
    """``following`` is to be delivered next, ``position`` to be committed; ``busy`` while something is unfinished."""

    following: int | None
    position: int | None
    busy: bool


@dataclass(slots=True)
class _Progress:
    claim: Claim
    unfinished: dict[int, tuple[int, float]] = field(default_factory=dict)
    following: int | None = None
    committed: int | None = None

    def position(self) -> int | None:
        return min((offset for offset, _ in self.unfinished.values()), default=self.following)


class OffsetTracker:
    """Positions as Kafka counts them: the offset of the next record to read.

    Offsets may have gaps (compaction, transaction markers), so nothing is inferred between two records. Memory is
    held for unfinished records only, however many finished beyond a slow one. Safe to use from many threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = count()
        self._owned: dict[Partition, _Progress] = {}

    def assign(self, partition: Partition) -> Claim:
        """The partition is ours from now on; what finishes under an earlier claim no longer counts."""
        with self._lock:
            claim = Claim(partition, next(self._numbers))
            self._owned[partition] = _Progress(claim)
            return claim

    def release(self, partition: Partition) -> None:
        """The partition is no longer ours: nothing of it may be committed."""
        with self._lock:
            self._owned.pop(partition, None)

    def place(self, partition: Partition, offset: int, *, stands: bool) -> None:
        """Delivery goes on at ``offset``; with ``stands`` there is nothing to commit before more is finished.

        Going back makes another claim: what lies there now may be other records than those that finish meanwhile.
        """
        with self._lock:
            progress = self._owned.get(partition)
            if progress is None:
                return
            if progress.following is not None and offset < progress.following:
                progress = self._owned[partition] = _Progress(Claim(partition, next(self._numbers)))
            progress.following = offset
            progress.committed = offset if stands else None

    def reach(self) -> dict[Partition, Reach]:
        """How far each partition is; None what nobody has said yet."""
        with self._lock:
            return {
                partition: Reach(own.following, own.position(), bool(own.unfinished))
                for partition, own in self._owned.items()
            }

    def claims(self) -> list[Claim]:
        """What is ours now."""
        with self._lock:
            return [progress.claim for progress in self._owned.values()]

    def begin(self, partition: Partition, offset: int, now: float) -> Ticket | None:
        """A record was delivered; None when its partition is not ours. ``now`` in seconds of any steady clock.

        The record after it is expected next, also when delivery went back: so nothing undelivered is ever passed.
        """
        with self._lock:
            progress = self._owned.get(partition)
            if progress is None:
                return None
            ticket = Ticket(progress.claim, next(self._numbers))
            progress.unfinished[ticket.number] = (offset, now)
            progress.following = offset + 1
            return ticket

    def finish(self, ticket: Ticket) -> None:
        """The record is durable. A ticket's number is used once: under a later claim it counts for nothing."""
        with self._lock:
            progress = self._owned.get(ticket.claim.partition)
            if progress is not None:
                progress.unfinished.pop(ticket.number, None)

    def uncommitted(self) -> dict[Partition, int]:
        """Positions that Kafka has not acknowledged yet."""
        with self._lock:
            found = {partition: (own.position(), own.committed) for partition, own in self._owned.items()}
        return {
            partition: position
            for partition, (position, committed) in found.items()
            if position is not None and position != committed
        }

    def acknowledge(self, partition: Partition, position: int) -> None:
        """Kafka has this position."""
        with self._lock:
            progress = self._owned.get(partition)
            if progress is not None:
                progress.committed = position

    def oldest_begun(self) -> float | None:
        """When the longest unfinished record was delivered, on the clock given to ``begin``."""
        with self._lock:
            return min((begun for own in self._owned.values() for _, begun in own.unfinished.values()), default=None)
