"""A refused record goes to the dead letters, and all other records are published."""

from collections.abc import Sequence

import hypothesis.strategies as st
import pytest
from confluent_kafka import KafkaError, KafkaException
from hypothesis import given

from relay.delivery import deliver
from relay.failures import Failures
from relay.kafka_errors import RecordRefusedError, passes, raise_refusal, refusal
from relay.log_reader import Batch, Row, settle
from relay.positions import Settled
from relay.receipt import Epoch, Receipt


def row(position: int) -> Row:
    return (position, "events", "k", "v", "[]", False, 0)


class RefusingPublisher:
    """Refuses some positions, and names the refused one if it is ``helpful``."""

    def __init__(self, refused: set[int], *, helpful: bool) -> None:
        self.published: list[int] = []
        self.confirmed: Receipt | None = None
        self.transactions = 0
        self._refused = refused
        self._helpful = helpful

    def open(self) -> Receipt | None:
        return None

    def publish(self, rows: Sequence[Row], receipt: Receipt) -> None:
        self.transactions += 1
        bad = [number for number, *_ in rows if number in self._refused]
        if bad:
            raise RecordRefusedError("RECORD_TOO_LARGE", "too large", bad[0] if self._helpful else None)
        self.published += [number for number, *_ in rows]
        self.confirmed = receipt

    def settle(self, _seconds: float) -> bool:
        return True

    def idle(self) -> None: ...

    def close(self) -> None: ...


@given(st.sets(st.integers(2, 60), min_size=1), st.sets(st.integers(2, 60)), st.booleans())
def test_all_rows_except_refused_ones_are_published_in_order(
    positions: set[int], refused: set[int], helpful: bool
) -> None:
    publisher, kept = RefusingPublisher(refused, helpful=helpful), list[int]()
    rows = [row(position) for position in sorted(positions)]
    before = Settled(1)
    batch = Batch(rows, before, settle(before, rows), more=False)

    receipt = deliver(publisher, lambda row, _: kept.append(row[0]), batch, Receipt(before, Epoch(1, 1)))

    assert publisher.published == sorted(positions - refused)
    assert kept == sorted(positions & refused)
    assert receipt.settled == batch.after
    if publisher.confirmed is not None:
        published_last = publisher.published[-1]
        settled_then = settle(before, [row for row in rows if row[0] <= published_last])
        assert publisher.confirmed.settled == settled_then


def test_rows_known_to_be_refused_are_never_sent() -> None:
    publisher, kept = RefusingPublisher({3, 7}, helpful=False), list[int]()
    rows = [row(position) for position in range(1, 9)]
    batch = Batch(rows, Settled(), settle(Settled(), rows), more=False)

    def known(rows: Sequence[Row]) -> dict[int, RecordRefusedError]:
        return {at: RecordRefusedError("RECORD_TOO_LARGE", "") for at, row in enumerate(rows) if row[0] in {3, 7}}

    receipt = deliver(publisher, lambda row, _: kept.append(row[0]), batch, Receipt(Settled(), Epoch(1, 1)), known)
    assert (publisher.published, kept) == ([1, 2, 4, 5, 6, 8], [3, 7])
    assert publisher.transactions == 3
    assert receipt.settled == Settled(8)


class Report:
    """The delivery report of a record that was not delivered."""

    def __init__(self, row: Row) -> None:
        self._row = row

    def topic(self) -> str:
        return self._row[1]

    def key(self) -> bytes:
        return self._row[2].encode()

    def value(self) -> bytes:
        return self._row[3].encode()


def failures(*reports: tuple[int, Row]) -> Failures:
    found = Failures()
    for code, failed in reports:
        found.note(KafkaError(code), Report(failed))  # type: ignore[arg-type]
    return found


ROWS: list[Row] = [(1, "events", "k", "ä", "[]", False, 0), (2, "events", "k", "b", "[]", False, 0)]
TOO_LARGE, PURGED = KafkaError.MSG_SIZE_TOO_LARGE, KafkaError._PURGE_QUEUE


def test_a_single_refused_record_is_named_among_its_purged_neighbors() -> None:
    found = failures((PURGED, ROWS[0]), (TOO_LARGE, ROWS[1])).refusal(ROWS)
    assert found is not None
    assert (found.reason, found.position) == ("RECORD_TOO_LARGE", 2)


def test_no_record_is_blamed_when_several_are_refused_together() -> None:
    found = failures((TOO_LARGE, ROWS[0]), (TOO_LARGE, ROWS[1]))
    refused = found.refusal(ROWS)
    assert refused is not None
    assert refused.position is None
    assert found.batch_refused


def test_no_row_becomes_a_dead_letter_if_another_error_occurred() -> None:
    found = failures((TOO_LARGE, ROWS[0]), (KafkaError.NOT_ENOUGH_REPLICAS, ROWS[1]))
    assert found.refusal(ROWS) is None
    assert found.cause().code() == KafkaError.NOT_ENOUGH_REPLICAS
    assert failures((PURGED, ROWS[0])).cause().code() == PURGED
    assert not failures()


def test_refused_row_among_thousands_is_found_in_few_transactions() -> None:
    rows = [row(position) for position in range(1, 4097)]
    batch = Batch(rows, Settled(), settle(Settled(), rows), more=False)
    publisher = RefusingPublisher({1234}, helpful=False)
    deliver(publisher, lambda *_: None, batch, Receipt(Settled(), Epoch(1, 1)))
    assert publisher.transactions == 25


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (KafkaError.MSG_SIZE_TOO_LARGE, "RECORD_TOO_LARGE"),
        (KafkaError.TOPIC_EXCEPTION, "TOPIC_NAME_INVALID"),
        (KafkaError.INVALID_RECORD, "RECORD_INVALID"),
    ],
)
def test_errors_caused_by_a_record_have_a_reason(code: int, reason: str) -> None:
    found = refusal(KafkaError(code))
    assert found is not None
    assert found.reason == reason


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._FENCED,
        KafkaError.NOT_ENOUGH_REPLICAS,
    ],
)
def test_errors_not_caused_by_a_record_create_no_dead_letter(code: int) -> None:
    assert refusal(KafkaError(code)) is None
    with pytest.raises(KafkaException):
        raise_refusal(KafkaError(code))


def test_only_retriable_or_late_calls_are_repeated() -> None:
    assert passes(KafkaError(KafkaError._TIMED_OUT))
    assert passes(KafkaError(KafkaError._STATE, "", False, True, False))
    assert not passes(KafkaError(KafkaError._TIMED_OUT, "", False, False, True))
    assert not passes(KafkaError(KafkaError._FENCED, "", True, False, False))
