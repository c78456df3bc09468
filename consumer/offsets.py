"""Tracks how far each partition may be committed: up to its lowest unfinished offset, never past it."""

import threading
from dataclasses import dataclass, field
from itertools import count

Partition = tuple[str, int]
"""Topic and partition number."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One assignment of a partition to this process. The same partition assigned again is another claim."""

    partition: Partition
    generation: int


@dataclass(frozen=True, slots=True)
class Ticket:
    """One delivery of one record."""

    claim: Claim
    number: int


@dataclass(frozen=True, slots=True)
class Reach:
    """Offsets: ``following`` is to be delivered next, ``position`` to be committed. ``busy``: some are unfinished."""

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

    Offsets may have gaps (compaction, transaction markers), so nothing is inferred between two records. Only unfinished
    records take memory, however many finished beyond a slow one. Any thread may call the methods.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = count()
        self._owned: dict[Partition, _Progress] = {}

    def assign(self, partition: Partition) -> Claim:
        """Begin a claim of the partition. Records that finish under an earlier claim no longer count."""
        with self._lock:
            claim = Claim(partition, next(self._numbers))
            self._owned[partition] = _Progress(claim)
            return claim

    def release(self, partition: Partition) -> None:
        """End the claim of the partition: nothing of it may be committed any more."""
        with self._lock:
            self._owned.pop(partition, None)

    def place(self, partition: Partition, offset: int, *, committed: bool) -> None:
        """Note that delivery goes on at ``offset``. ``committed``: Kafka has this offset, so it need not be committed.

        Going back begins another claim, because these offsets may now hold other records than those still running.
        """
        with self._lock:
            progress = self._owned.get(partition)
            if progress is None:
                return
            if progress.following is not None and offset < progress.following:
                progress = self._owned[partition] = _Progress(Claim(partition, next(self._numbers)))
            progress.following = offset
            progress.committed = offset if committed else None

    def reach(self) -> dict[Partition, Reach]:
        """How far each of our partitions is; None for offsets that are not known yet."""
        with self._lock:
            return {
                partition: Reach(own.following, own.position(), bool(own.unfinished))
                for partition, own in self._owned.items()
            }

    def claims(self) -> list[Claim]:
        """The claims that we have now."""
        with self._lock:
            return [progress.claim for progress in self._owned.values()]

    def begin(self, partition: Partition, offset: int, now: float) -> Ticket | None:
        """Note a delivered record; None when its partition is not ours. ``now`` is in seconds of any steady clock.

        The next record is expected right after it, also when delivery went back, so no undelivered record is passed.
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
        """Note that the record is durable. Each ticket has its own number, so it has no effect under a later claim."""
        with self._lock:
            progress = self._owned.get(ticket.claim.partition)
            if progress is not None:
                progress.unfinished.pop(ticket.number, None)

    def uncommitted(self) -> dict[Partition, int]:
        """The positions that Kafka has not acknowledged yet."""
        with self._lock:
            found = {partition: (own.position(), own.committed) for partition, own in self._owned.items()}
        return {
            partition: position
            for partition, (position, committed) in found.items()
            if position is not None and position != committed
        }

    def acknowledge(self, partition: Partition, position: int) -> None:
        """Note that Kafka has this position."""
        with self._lock:
            progress = self._owned.get(partition)
            if progress is not None:
                progress.committed = position

    def oldest_begun(self) -> float | None:
        """The time when the oldest unfinished record was delivered, on the clock of ``begin``; None without any."""
        with self._lock:
            return min((begun for own in self._owned.values() for _, begun in own.unfinished.values()), default=None)
