"""An outbox in memory. Its transactions draw positions, lock their key, and commit late or roll back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from relay.gaps import Writers
from relay.log_reader import Found, Row
from relay.positions import Range
from relay.receipt import LastRow


@dataclass
class Transaction:
    """One writer. It holds the lock of every key for which it has appended rows."""

    number: int
    rows: list[Row] = field(default_factory=list)


class SimulatedOutbox:
    """Answers the reader's three statements. ``between`` runs before each, so that writers act at any point."""

    def __init__(self) -> None:
        self.position = 0
        self.running: dict[int, Transaction] = {}
        self.committed: dict[int, Row] = {}
        self.between: Callable[[], None] = lambda: None
        self.room = 1000
        """The number of rows for which a read has enough bytes."""

        self._started = 0

    def begin(self) -> Transaction:
        self._started += 1
        self.running[self._started] = transaction = Transaction(self._started)
        return transaction

    def append(self, transaction: Transaction, key: str) -> None:
        """Draw a position, unless another transaction holds the key."""
        if any(row[2] == key for other in self.running.values() if other is not transaction for row in other.rows):
            return
        self.position += 1
        transaction.rows.append((self.position, "events", key, "value", "[]", False, 0))

    def finish(self, transaction: Transaction, *, commit: bool) -> None:
        del self.running[transaction.number]
        if commit:
            self.committed |= {row[0]: row for row in transaction.rows}

    def tail(self, last: int, limit: int) -> Found:
        self.between()
        above = [self.committed[position] for position in sorted(self.committed) if position > last]
        return self._found(above, last, limit)

    def last_row(self, position: int) -> LastRow | None:
        return LastRow.of(self.committed[position]) if position in self.committed else None

    def writers(self) -> Writers:
        self.between()
        return frozenset(number for number, transaction in self.running.items() if transaction.rows)

    def look(self, ranges: Sequence[Range], last: int, limit: int) -> Found:
        self.between()
        inside = [position for start, end in ranges for position in range(start, end + 1)]
        rows = [self.committed[position] for position in sorted(inside) if position in self.committed]
        return self._found(rows, last, limit)

    def _found(self, rows: list[Row], last: int, limit: int) -> Found:
        taken = rows[: min(limit, self.room)]
        return Found(self.committed.get(last), taken, complete=taken == rows)
