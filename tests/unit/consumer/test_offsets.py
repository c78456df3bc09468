"""No commit passes a record that is not delivered or not finished, in any order of events."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from consumer.offsets import OffsetTracker, Partition, Ticket

P0: Partition = ("commands", 0)


def begin(tracker: OffsetTracker, offset: int, now: float = 0.0) -> Ticket:
    ticket = tracker.begin(P0, offset, now)
    assert ticket is not None
    return ticket


def owned() -> OffsetTracker:
    tracker = OffsetTracker()
    tracker.assign(P0)
    return tracker


def test_without_a_delivery_there_is_no_offset_to_commit() -> None:
    assert owned().uncommitted() == {}


def test_the_lowest_unfinished_holds_the_position() -> None:
    tracker = owned()
    first, second, third = (begin(tracker, offset) for offset in (5, 6, 7))
    tracker.finish(second)
    tracker.finish(third)
    assert tracker.uncommitted() == {P0: 5}
    tracker.finish(first)
    assert tracker.uncommitted() == {P0: 8}


def test_gaps_are_not_waited_for() -> None:
    tracker = owned()
    for offset in (3, 10, 400):
        tracker.finish(begin(tracker, offset))
    assert tracker.uncommitted() == {P0: 401}


def test_an_acknowledged_position_is_not_uncommitted() -> None:
    tracker = owned()
    tracker.finish(begin(tracker, 0))
    tracker.acknowledge(P0, 1)
    assert tracker.uncommitted() == {}


def test_delivery_that_went_back_takes_the_position_back() -> None:
    tracker = owned()
    tracker.finish(begin(tracker, 100))
    tracker.finish(begin(tracker, 90))
    assert tracker.uncommitted() == {P0: 91}


def test_a_record_of_an_earlier_claim_does_not_count() -> None:
    tracker = owned()
    old = begin(tracker, 5)
    tracker.release(P0)
    tracker.assign(P0)
    new = begin(tracker, 5)
    tracker.finish(old)
    assert tracker.uncommitted() == {P0: 5}
    tracker.finish(new)
    assert tracker.uncommitted() == {P0: 6}


def test_a_record_of_a_foreign_partition_is_not_begun() -> None:
    tracker = owned()
    tracker.release(P0)
    assert tracker.begin(P0, 5, 0.0) is None
    tracker.acknowledge(P0, 5)
    assert tracker.uncommitted() == {}


def test_the_oldest_unfinished_record_is_known() -> None:
    tracker = owned()
    first = begin(tracker, 1, now=10.0)
    begin(tracker, 2, now=20.0)
    assert tracker.oldest_begun() == 10.0
    tracker.finish(first)
    assert tracker.oldest_begun() == 20.0


class Broker(RuleBasedStateMachine):
    """A log with gaps, delivered from the committed position at each assignment. Commits pass durable records only."""

    @initialize(offsets=st.sets(st.integers(0, 60), min_size=5, max_size=40))
    def fill(self, offsets: set[int]) -> None:
        self.log = sorted(offsets)
        self.durable: set[int] = set()
        self.committed = 0
        self.tracker = OffsetTracker()
        self.flying: list[tuple[Ticket, int]] = []
        self.assigned = False
        self.read_from = 0

    @precondition(lambda self: not self.assigned)
    @rule()
    def assign(self) -> None:
        self.tracker.assign(P0)
        self.assigned, self.read_from = True, self.committed

    @precondition(lambda self: self.assigned)
    @rule()
    def release(self) -> None:
        self.tracker.release(P0)
        self.assigned = False

    @precondition(lambda self: self.assigned)
    @rule(count=st.integers(1, 5))
    def deliver(self, count: int) -> None:
        for offset in [offset for offset in self.log if offset >= self.read_from][:count]:
            self.flying.append((begin(self.tracker, offset), offset))
            self.read_from = offset + 1

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        ticket, offset = self.flying.pop(data.draw(st.integers(0, len(self.flying) - 1)))
        self.durable.add(offset)
        self.tracker.finish(ticket)

    @precondition(lambda self: self.assigned)
    @rule()
    def rewind(self) -> None:
        self.read_from = self.committed

    @rule(acknowledged=st.booleans())
    def commit(self, acknowledged: bool) -> None:
        for partition, position in self.tracker.uncommitted().items():
            self.committed = position
            if acknowledged:
                self.tracker.acknowledge(partition, position)

    @invariant()
    def nothing_is_passed(self) -> None:
        if hasattr(self, "log"):
            position = self.tracker.uncommitted().get(P0, self.committed)
            assert all(offset in self.durable for offset in self.log if offset < max(position, self.committed))

    @invariant()
    def memory_is_held_for_unfinished_only(self) -> None:
        if hasattr(self, "log"):
            held = sum(len(progress.unfinished) for progress in self.tracker._owned.values())
            assert held <= len(self.flying)


TestBroker = Broker.TestCase
TestBroker.settings = settings(max_examples=100, stateful_step_count=40, deadline=None, derandomize=True)
