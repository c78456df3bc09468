"""Rows whose topic does not exist are held back, all others go on, and held-back rows come before later ones."""

import random
from collections.abc import Mapping, Sequence

import pytest

from relay import held_back
from relay.held_back import HeldBackReader
from relay.log_reader import LogReader, Row
from relay.positions import Range, Settled
from relay.receipt import LastRow
from tests.unit.relay.simulated_outbox import SimulatedOutbox


class Topics:
    """Replaces the brokers."""

    def __init__(self, *existing: str) -> None:
        self.names = set(existing)

    def fault(self, topic: str) -> str | None:
        return None if topic in self.names else "no such topic"

    def existing(self) -> set[str]:
        return self.names

    def is_name(self, topic: str) -> bool:
        return topic != ""


class Outbox(SimulatedOutbox):
    """An outbox whose rows have a topic and are committed at once."""

    def write(self, topic: str, key: str = "k") -> int:
        self.position += 1
        self.committed[self.position] = (self.position, topic, key, "value", "[]", False, 0)
        return self.position


class Rig:
    """A reader, and the rows that it returned."""

    def __init__(self, outbox: Outbox, topics: Topics, settled: Settled = Settled(), limit: int = 10) -> None:  # noqa: B008
        self.reported: Mapping[str, str] = {}
        self.rows: list[Row] = []
        self.settled = settled
        known = outbox.committed.get(settled.high)
        reader = LogReader(outbox, settled, limit, LastRow.of(known) if known else None)
        self._reader = HeldBackReader(reader, topics, self._report)  # type: ignore[arg-type]

    def _report(self, topics: Mapping[str, str]) -> None:
        self.reported = topics

    def read(self) -> list[int]:
        """Read one batch; its positions."""
        batch = self._reader.read()
        assert not set(positions(batch.before)) & {row[0] for row in batch.rows}
        self.rows += batch.rows
        self.settled = batch.after
        return [row[0] for row in batch.rows]


def positions(settled: Settled) -> list[int]:
    ranges: Sequence[Range] = [(1, settled.low), *settled.above]
    return [position for start, end in ranges for position in range(start, end + 1)]


@pytest.fixture(autouse=True)
def asks_at_each_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_back, "_ASK_SECONDS", 0.0)


def test_rows_of_other_topics_are_read_and_held_back_rows_are_not_settled() -> None:
    outbox, topics = Outbox(), Topics("events")
    waits, goes = outbox.write("nowhere"), outbox.write("events")
    rig = Rig(outbox, topics)
    assert rig.read() == [goes]
    assert rig.settled == Settled(0, ((goes, goes),))
    assert rig.reported == {"nowhere": "no such topic; 1 row waits"}
    topics.names.add("nowhere")
    later = outbox.write("nowhere")
    assert rig.read() == [waits, later]
    assert rig.settled == Settled(later)
    assert rig.reported == {}


def test_a_new_reader_finds_the_held_back_rows() -> None:
    outbox, topics = Outbox(), Topics("events")
    waits, goes = outbox.write("nowhere"), outbox.write("events")
    first = Rig(outbox, topics)
    first.read()
    topics.names.add("nowhere")
    second = Rig(outbox, topics, first.settled)
    assert second.read() == [waits]
    assert second.settled == Settled(goes)


def test_deleted_held_back_row_delays_no_other_row() -> None:
    outbox, topics = Outbox(), Topics("events")
    del outbox.committed[outbox.write("nowhere")]
    waits, goes = outbox.write("nowhere"), outbox.write("events")
    rig = Rig(outbox, topics)
    assert rig.read() == [goes]
    del outbox.committed[waits]
    topics.names.add("nowhere")
    assert rig.read() == []
    assert rig.settled == Settled(goes)


def test_rows_become_dead_letters_if_too_many_are_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_back, "_MAX_TOPICS", 1)
    outbox = Outbox()
    outbox.write("nowhere")
    beyond, nameless = outbox.write("where else"), outbox.write("")
    rig = Rig(outbox, Topics())
    assert rig.read() == [beyond, nameless]
    assert list(rig.reported) == ["nowhere"]


@pytest.mark.parametrize("seed", range(30))
def test_rows_of_a_topic_are_read_once_and_in_order_while_topics_change(seed: int) -> None:
    chooser = random.Random(seed)
    outbox, topics = Outbox(), Topics("a")
    rig = Rig(outbox, topics, limit=chooser.randint(1, 7))
    for _ in range(200):
        match chooser.randint(0, 5):
            case 0:
                topics.names ^= {chooser.choice("bcd")}
            case 1 | 2:
                rig.read()
            case _:
                outbox.write(chooser.choice("abcd"))
    topics.names |= set("abcd")
    while rig.settled != Settled(outbox.position):
        rig.read()
    for topic in "abcd":
        assert [row[0] for row in rig.rows if row[1] == topic] == [
            position for position, row in sorted(outbox.committed.items()) if row[1] == topic
        ]
