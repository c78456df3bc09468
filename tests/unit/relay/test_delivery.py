"""A refused record costs itself, and nothing else."""

from collections.abc import Sequence

import hypothesis.strategies as st
import pytest
from confluent_kafka import KafkaError, KafkaException
from hypothesis import given

from relay.delivery import deliver
from relay.kafka_errors import RefusedError, passes, raise_refusal, refusal
from relay.log_reader import Batch, Row, settle
from relay.positions import Settled
from relay.receipt import Epoch, Receipt


def row(position: int) -> Row:
    return (position, "events", "k", "v", "[]", False)


class PickyPublisher:
    """Refuses some positions, and says which it was when it is ``helpful``."""

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
            raise RefusedError("RECORD_TOO_LARGE", "too large", bad[0] if self._helpful else None)
        self.published += [number for number, *_ in rows]
        self.confirmed = receipt

    def settle(self, _seconds: float) -> bool:
        return True

    def idle(self) -> None: ...

    def close(self) -> None: ...


@given(st.sets(st.integers(2, 60), min_size=1), st.sets(st.integers(2, 60)), st.booleans())
def test_everything_but_the_refused_is_published_in_order(
    positions: set[int], refused: set[int], helpful: bool
) -> None:
    publisher, buried = PickyPublisher(refused, helpful=helpful), list[int]()
    rows = [row(position) for position in sorted(positions)]
    before = Settled(1)
    batch = Batch(rows, before, settle(before, rows), more=False)

    receipt = deliver(publisher, lambda row, _: buried.append(row[0]), batch, Receipt(before, Epoch(1, 1)))

    assert publisher.published == sorted(positions - refused)
    assert buried == sorted(positions & refused)
    assert receipt.settled == batch.after
    if publisher.confirmed is not None:
        published_last = publisher.published[-1]
        settled_then = settle(before, [row for row in rows if row[0] <= published_last])
        assert publisher.confirmed.settled == settled_then


def test_one_refused_among_thousands_is_found_in_a_few_transactions() -> None:
    rows = [row(position) for position in range(1, 4097)]
    batch = Batch(rows, Settled(), settle(Settled(), rows), more=False)
    publisher = PickyPublisher({1234}, helpful=False)
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
def test_a_records_own_faults(code: int, reason: str) -> None:
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
def test_the_surroundings_faults_bury_nothing(code: int) -> None:
    assert refusal(KafkaError(code)) is None
    with pytest.raises(KafkaException):
        raise_refusal(KafkaError(code))


def test_only_what_librdkafka_calls_retriable_or_late_is_called_again() -> None:
    assert passes(KafkaError(KafkaError._TIMED_OUT))
    assert passes(KafkaError(KafkaError._STATE, "", False, True, False))
    assert not passes(KafkaError(KafkaError._TIMED_OUT, "", False, False, True))
    assert not passes(KafkaError(KafkaError._FENCED, "", True, False, False))
