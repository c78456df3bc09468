"""The reader loses and doubles no row, and keeps the order of each key, under many interleavings of writers."""

import random
from collections import defaultdict
from itertools import pairwise

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import relay.log_reader
from relay.log_reader import DoubtError, LogReader, Row
from relay.positions import Settled
from tests.unit.relay.simulated_outbox import SimulatedOutbox

KEYS = ("a", "b", "c")
STEPS = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 3), st.sampled_from(KEYS)), max_size=4)


class ReaderMachine(RuleBasedStateMachine):
    """Writers act between reads and, through ``between``, between the statements of one read."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = SimulatedOutbox()
        self.published: list[Row] = []
        self.settled = Settled()
        self.limit = 3
        self.reader = LogReader(self.outbox, self.settled, self.limit)

    @rule(steps=STEPS)
    def write(self, steps: list[tuple[int, int, str]]) -> None:
        for step in steps:
            self._act(*step)

    def _act(self, action: int, pick: int, key: str) -> None:
        running = list(self.outbox.running.values())
        if not running or (action < 3 and len(running) < 4):
            self.outbox.append(self.outbox.begin(), key)
            return
        transaction = running[pick % len(running)]
        if action < 5:
            self.outbox.append(transaction, key)
        else:
            self.outbox.finish(transaction, commit=action < 7)

    @rule(script=st.lists(STEPS, max_size=3))
    def read(self, script: list[list[tuple[int, int, str]]]) -> None:
        remaining = iter(script)

        def between() -> None:
            for step in next(remaining, []):
                self._act(*step)

        self.outbox.between = between
        self._read()
        self.outbox.between = lambda: None

    def _read(self) -> bool:
        batch = self.reader.read()
        self.published += batch.rows
        self.settled = batch.after
        return bool(batch.rows) or batch.before != batch.after

    @rule()
    def crash(self) -> None:
        last = self.outbox.last_row(self.settled.high)
        self.reader = LogReader(self.outbox, self.settled, self.limit, last)

    @rule(rows=st.integers(1, 3))
    def rows_become_larger_or_smaller(self, rows: int) -> None:
        self.outbox.room = rows

    @precondition(lambda self: self.published)
    @invariant()
    def nothing_twice(self) -> None:
        positions = [row[0] for row in self.published]
        assert len(positions) == len(set(positions))

    @invariant()
    def key_order_is_kept(self) -> None:
        by_key: dict[str, list[int]] = defaultdict(list)
        for position, _, key, *_ in self.published:
            by_key[key].append(position)
        assert all(before < after for positions in by_key.values() for before, after in pairwise(positions))

    @invariant()
    def no_running_writer_is_given_up(self) -> None:
        drawn = {row[0] for transaction in self.outbox.running.values() for row in transaction.rows}
        given_up = set(range(1, self.settled.low + 1)).union(*(range(a, b + 1) for a, b in self.settled.above))
        assert not drawn & given_up

    def teardown(self) -> None:
        for transaction in list(self.outbox.running.values()):
            self.outbox.finish(transaction, commit=transaction.number % 2 == 0)
        idle = 0
        while idle < 3:
            before = self.settled
            self._read()
            idle = idle + 1 if self.settled == before else 0
        assert {row[0] for row in self.published} == set(self.outbox.committed)
        assert self.settled == Settled(max(self.outbox.committed, default=0))


ReaderMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None, derandomize=True)
TestReader = ReaderMachine.TestCase


@pytest.mark.parametrize("seed", range(8))
def test_no_row_is_lost_doubled_or_reordered_in_long_random_histories(seed: int) -> None:
    """Writers act before every single statement. Hypothesis's budget is too small for such histories."""
    generator = random.Random(seed)

    def steps() -> list[tuple[int, int, str]]:
        count = generator.randrange(4)
        return [(generator.randrange(8), generator.randrange(4), generator.choice(KEYS)) for _ in range(count)]

    for _ in range(40):
        machine = ReaderMachine()
        for _ in range(60):
            machine.write(steps())
            machine.rows_become_larger_or_smaller(generator.randint(1, 3))
            machine.read([steps() for _ in range(3)])
            machine.no_running_writer_is_given_up()
        machine.nothing_twice()
        machine.key_order_is_kept()
        machine.teardown()


def test_long_transaction_delays_no_other_writer() -> None:
    outbox = SimulatedOutbox()
    slow, quick = outbox.begin(), outbox.begin()
    outbox.append(slow, "slow")
    outbox.append(quick, "quick")
    outbox.finish(quick, commit=True)
    reader = LogReader(outbox, Settled(), limit=10)

    assert [row[2] for row in reader.read().rows] == ["quick"]
    outbox.finish(slow, commit=True)
    assert [row[2] for row in reader.read().rows] == ["slow"]


def test_gaps_are_searched_only_after_a_writer_has_ended() -> None:
    """The gaps of a long transaction are searched once, however many they are."""
    outbox = SimulatedOutbox()
    slow = outbox.begin()
    for key in "abcde":
        outbox.append(slow, key)
    quick = outbox.begin()
    outbox.append(quick, "z")
    outbox.finish(quick, commit=True)
    reader = LogReader(outbox, Settled(), limit=10)
    reader.read()
    looks: list[int] = []
    look = outbox.look
    outbox.look = lambda ranges, last, limit: looks.append(len(ranges)) or look(ranges, last, limit)  # type: ignore[method-assign, func-returns-value]

    for _ in range(5):
        reader.read()
    assert looks == []
    outbox.finish(slow, commit=True)
    assert len(reader.read().rows) == 5
    assert looks == [1]


def test_many_committed_rows_in_gaps_are_read_in_order_and_in_bounded_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay.log_reader, "MAX_GAPS_A_LOOK", 4)
    outbox = SimulatedOutbox()
    for _ in range(50):
        writer = outbox.begin()
        outbox.append(writer, "k")
        outbox.finish(writer, commit=True)
    every_other = Settled().add([(position, position) for position in range(2, 41, 2)])
    reader = LogReader(outbox, every_other, 3, outbox.last_row(40))

    batches = [reader.read() for _ in range(20)]
    rows = [row[0] for batch in batches for row in batch.rows]
    assert rows == [*range(1, 41, 2), *range(41, 51)]
    assert max(len(batch.rows) for batch in batches) <= 6
    assert batches[-1].after == Settled(50)


def outbox_of(rows: int) -> SimulatedOutbox:
    """An outbox with this number of rows of one key, each committed by its own writer."""
    outbox = SimulatedOutbox()
    for _ in range(rows):
        writer = outbox.begin()
        outbox.append(writer, "k")
        outbox.finish(writer, commit=True)
    return outbox


def test_search_stopped_by_its_byte_limit_gives_up_no_gap() -> None:
    """Each search finds the next of the large rows."""
    outbox = outbox_of(0)
    slow = outbox.begin()
    for _ in range(20):
        outbox.append(slow, "large")
    quick = outbox.begin()
    outbox.append(quick, "quick")
    outbox.finish(quick, commit=True)
    outbox.room = 1
    reader = LogReader(outbox, Settled(), limit=10)
    assert [row[0] for row in reader.read().rows] == [21]
    outbox.finish(slow, commit=True)

    batches = [reader.read() for _ in range(21)]
    assert [row[0] for batch in batches for row in batch.rows] == list(range(1, 21))
    assert max(len(batch.rows) for batch in batches) == 1
    assert reader.open_gaps == 0


@pytest.mark.parametrize("change", ["gone", "replaced"])
def test_missing_or_replaced_last_row_ends_the_reader(change: str) -> None:
    outbox = outbox_of(3)
    reader = LogReader(outbox, Settled(), limit=10)
    reader.read()
    old = outbox.committed.pop(3)
    if change == "replaced":
        outbox.committed[3] = (*old[:3], "another value", *old[4:])

    with pytest.raises(DoubtError, match="position 3"):
        reader.read()


def test_the_receipts_last_row_is_compared_from_the_first_read_on() -> None:
    outbox = outbox_of(3)
    known = outbox.last_row(2)
    LogReader(outbox, Settled(2), 10, known).read()
    del outbox.committed[2]
    with pytest.raises(DoubtError):
        LogReader(outbox, Settled(2), 10, known).read()


def test_rows_below_the_last_one_may_be_pruned() -> None:
    outbox = outbox_of(3)
    reader = LogReader(outbox, Settled(), limit=10)
    reader.read()
    del outbox.committed[1], outbox.committed[2]
    assert reader.read().rows == []


def test_rolled_back_highest_position_is_no_doubt_until_a_row_has_it() -> None:
    outbox = outbox_of(1)
    rolled_back = outbox.begin()
    outbox.append(rolled_back, "k")
    outbox.finish(rolled_back, commit=False)
    reader = LogReader(outbox, Settled(2), limit=10)
    del outbox.committed[1]
    assert reader.read().rows == []
    outbox.committed[2] = (2, "events", "k", "handed out again", "[]", False, 0)
    with pytest.raises(DoubtError):
        reader.read()
