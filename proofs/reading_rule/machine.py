"""The relay's steps on a database. Each statement, each publication and each start is one step."""

from collections.abc import Hashable
from typing import Any, Generic, NamedTuple, TypeVar

from proofs.reading_rule.database import Database, Snapshot
from proofs.reading_rule.guarantees import BrokenError, check_batch
from proofs.reading_rule.rules import Rule
from proofs.reading_rule.stepped_reader import AskWriters, Look, SteppedReader, Tail
from relay.doubts import Life
from relay.gaps import Writers
from relay.log_reader import Batch, Found, Row, settle
from relay.receipt import Epoch, LastRow, Receipt
from relay.resume_point import resume_from_receipt

T = TypeVar("T", bound=Hashable)
Rows = tuple[Row, ...]

_EPOCH = Epoch(1, 1)
"""The same in every life: the hardest restores change neither system identifier nor timeline."""


class Numbers(Generic[T]):
    """Numbers for all values met."""

    def __init__(self) -> None:
        self.values: list[T] = []
        self._numbers: dict[T, int] = {}

    def of(self, value: T) -> int:
        """The number of ``value``: the same each time."""
        number = self._numbers.setdefault(value, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number


class Kafka(NamedTuple):
    """Records and receipt, committed together."""

    published: frozenset[Row] = frozenset()
    receipt: Receipt | None = None


class View(NamedTuple):
    """The parts of a database that statements can see."""

    rows: Rows
    snapshot: Snapshot
    locks: Writers


class Point(NamedTuple):
    """The relay's state between two steps."""

    reader: int | None = None
    """The reader's number; None: the relay is about to start from its receipt."""
    snapshot: Snapshot | None = None
    """The snapshot of a statement that has still to read the lock table."""
    looked: Rows | None = None
    """The rows that the coming look sees, for a rule that looks first."""


class Relay:
    """Steps between numbered states. Each is computed once: a reader's next state depends only on the answer."""

    def __init__(self, rule: Rule, limit: int) -> None:
        self._rule = rule
        self.reader = SteppedReader(rule.reader, limit)
        self.points = Numbers[Point]()
        self.kafkas = Numbers[Kafka]()
        self._known: dict[tuple[int, Hashable], int] = {}
        self._started: dict[tuple[int, Rows], tuple[int, int]] = {}

    def begin(self) -> tuple[int, int]:
        """Kafka with nothing in it, and a relay that is about to start."""
        return self.kafkas.of(Kafka()), self.points.of(Point())

    def step(self, database: Database, view: View, kafka: int, number: int) -> tuple[int, int]:
        """Kafka and relay after the relay's next step. Raises BrokenError."""
        point = self.points.values[number]
        if point.reader is None:
            if (kafka, view.rows) not in self._started:
                self._started[kafka, view.rows] = self._start(view, kafka)
            return self._started[kafka, view.rows]
        waits_for = self.reader.nodes[point.reader].waits_for
        if isinstance(waits_for, Batch):
            return self._publish(waits_for, database, kafka), self.points.of(Point(self.reader.read_on(point.reader)))
        if waits_for is None:
            if database.life == 0:
                raise BrokenError("history changed, says the reader, and it did not")
            return kafka, self.points.of(Point())
        seen = self._seen(waits_for, point, view)
        after = self._known.get((number, seen))
        if after is None:
            after = self._known[number, seen] = self.points.of(self._answered(point.reader, point, waits_for, seen))
        return kafka, after

    def next_step(self, number: int) -> str:
        """The relay's next step, in words."""
        point = self.points.values[number]
        if point.reader is None:
            return "the relay starts from its receipt"
        waits_for = self.reader.nodes[point.reader].waits_for
        if isinstance(waits_for, Batch):
            return f"the relay publishes {[row[0] for row in waits_for.rows]}"
        return f"the relay asks {waits_for}{', for the lock table' if point.snapshot else ''}"

    def _seen(self, request: Tail | Look | AskWriters, point: Point, view: View) -> Hashable:
        """The data that the next step reads."""
        if isinstance(request, AskWriters):
            if point.snapshot is not None:
                return view.locks
            return view.snapshot, view.rows if self._rule.looks_first else None
        return view.rows if point.looked is None else point.looked

    def _answered(self, reader: int, point: Point, request: Tail | Look | AskWriters, seen: Any) -> Point:
        if not isinstance(request, AskWriters):
            return Point(self.reader.answer(reader, _found(seen, request)))
        if point.snapshot is None:
            snapshot, looked = seen
            return Point(reader, snapshot, looked)
        after = self.reader.answer(reader, self._rule.running(seen, point.snapshot))
        looks = isinstance(self.reader.nodes[after].waits_for, Look)
        return Point(after, looked=point.looked if looks else None)

    def _publish(self, batch: Batch, database: Database, number: int) -> int:
        kafka = self.kafkas.values[number]
        check_batch(batch, database, kafka.published)
        if not batch.rows or kafka.receipt is None:
            return number
        receipt = kafka.receipt.after(settle(batch.before, batch.rows), batch.rows)
        return self.kafkas.of(Kafka(kafka.published.union(batch.rows), receipt))

    def _start(self, view: View, number: int) -> tuple[int, int]:
        """Begin as relay.takeover does: decide on the resume point, and in doubt compare outbox and published rows."""
        kafka = self.kafkas.values[number]
        rows = {row[0]: row for row in view.rows}

        def last_row_at(position: int) -> LastRow | None:
            return LastRow.of(rows[position]) if position in rows else None

        memory = resume_from_receipt(kafka.receipt, None, Life(_EPOCH, 1), last_row_at)
        receipt = kafka.receipt
        if receipt is None or memory.doubt is not None:
            settled = settle(memory.settled, [row for row in view.rows if row in kafka.published])
            receipt = Receipt(settled, _EPOCH, last_row_at(settled.high))
            number = self.kafkas.of(Kafka(kafka.published, receipt))
        return number, self.points.of(Point(self.reader.begin(receipt.settled, receipt.last_row)))


def _found(rows: Rows, request: Tail | Look) -> Found:
    at_last = next((row for row in rows if row[0] == request.last), None)
    if isinstance(request, Tail):
        asked = [row for row in rows if row[0] > request.last]
    else:
        asked = [row for row in rows if any(start <= row[0] <= end for start, end in request.ranges)]
    return Found(at_last, asked[: request.limit], complete=len(asked) <= request.limit)
