"""The two alternating producers: preparing may overlap a commit, commits may not overlap."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from relay import exactly_once
from relay.exactly_once import ExactlyOnce
from relay.health import Health
from relay.kafka_errors import RecordRefusedError
from relay.log_reader import Row
from relay.positions import Settled
from relay.receipt import Epoch, Receipt

EPOCH = Epoch(1, 1)


class Kafka:
    """The actions of both producers, in order, and their commits, which a test answers."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.commits: list[Future[None]] = []
        self.refuse = False

    def answer(self, commit: int, error: KafkaException | None = None) -> None:
        if error is None:
            self.commits[commit].set_result(None)
        else:
            self.commits[commit].set_exception(error)


class FakeTransactions:
    """Replaces one producer."""

    kafka: Kafka

    def __init__(self, _config: Any, transactional_id: str, health: Health, beat: Any) -> None:
        self._id = transactional_id

    def open(self) -> None:
        self.kafka.done.append(f"{self._id} fences")

    def patiently(self, call: Callable[[float], Any], at_most: float) -> Any:
        assert at_most < 60
        return call(0.0)

    def prepare(self, rows: Sequence[Row], receipt: TopicPartition, _group: Any) -> None:
        if self.kafka.refuse:
            raise RecordRefusedError("RECORD_TOO_LARGE", "too large")
        self.kafka.done.append(f"{self._id} prepares {receipt.offset}")

    def close(self) -> None: ...

    def commit(self) -> "Future[None]":
        self.kafka.done.append(f"{self._id} commits")
        self.kafka.commits.append(Future())
        return self.kafka.commits[-1]


class WaitingError(Exception):
    """The publisher waits for a commit."""


def certain(publisher: ExactlyOnce) -> Receipt | None:
    return publisher.confirmed


def receipt(low: int) -> Receipt:
    return Receipt(Settled(low), EPOCH)


@pytest.fixture
def fake_kafka(monkeypatch: pytest.MonkeyPatch) -> Kafka:
    made = Kafka()
    monkeypatch.setattr(FakeTransactions, "kafka", made, raising=False)
    monkeypatch.setattr(exactly_once, "TransactionalProducer", FakeTransactions)
    monkeypatch.setattr(exactly_once, "_SLICE_SECONDS", 0.0)
    return made


@pytest.fixture
def publisher(fake_kafka: Kafka) -> ExactlyOnce:
    def beat() -> None:
        raise WaitingError

    return ExactlyOnce({}, "relay", "events", Health(), beat)


def test_a_transaction_is_prepared_during_a_commit_and_committed_after_it(
    fake_kafka: Kafka, publisher: ExactlyOnce
) -> None:
    publisher.publish([], receipt(1))
    with pytest.raises(WaitingError):
        publisher.publish([], receipt(2))
    assert fake_kafka.done == ["relay prepares 1", "relay commits", "relay/2 prepares 2"]


def test_a_receipt_is_confirmed_once_it_is_committed(fake_kafka: Kafka, publisher: ExactlyOnce) -> None:
    publisher.publish([], receipt(1))
    assert certain(publisher) is None
    assert not publisher.settle(0)
    fake_kafka.answer(0)
    publisher.publish([], receipt(2))
    assert certain(publisher) == receipt(1)
    fake_kafka.answer(1)
    assert publisher.settle(0)
    assert certain(publisher) == receipt(2)
    assert fake_kafka.done[2:] == ["relay/2 prepares 2", "relay/2 commits"]


def test_after_a_failed_commit_no_later_transaction_is_committed(fake_kafka: Kafka, publisher: ExactlyOnce) -> None:
    publisher.publish([], receipt(1))
    fake_kafka.answer(0, KafkaException(KafkaError(KafkaError._FENCED, "fenced", fatal=True)))
    with pytest.raises(KafkaException):
        publisher.publish([], receipt(2))
    assert fake_kafka.done == ["relay prepares 1", "relay commits", "relay/2 prepares 2"]


def test_the_producer_of_a_refused_batch_prepares_its_parts(fake_kafka: Kafka, publisher: ExactlyOnce) -> None:
    publisher.publish([], receipt(1))
    fake_kafka.answer(0)
    fake_kafka.refuse = True
    with pytest.raises(RecordRefusedError):
        publisher.publish([], receipt(3))
    fake_kafka.refuse = False
    publisher.publish([], receipt(2))
    assert fake_kafka.done[2:] == ["relay/2 prepares 2", "relay/2 commits"]


class UnsettledGroup:
    """A broker for which an offset of the group stays pending, however long the client waits."""

    def __init__(self, config: dict[str, Any], **_: Any) -> None:
        assert config["isolation.level"] == "read_committed"

    def consumer_group_metadata(self) -> object:
        return object()

    def committed(self, _place: list[TopicPartition], _seconds: float) -> Any:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    def close(self) -> None: ...


def test_a_receipt_that_does_not_settle_counts_as_lost(
    fake_kafka: Kafka, publisher: ExactlyOnce, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exactly_once, "Consumer", UnsettledGroup)
    monkeypatch.setattr(exactly_once, "why_not", lambda *_: None)
    assert publisher.open() is None
    assert fake_kafka.done == ["relay fences", "relay/2 fences", "relay.2 fences"]


def test_a_receipt_without_a_coordinator_is_not_lost(
    fake_kafka: Kafka, publisher: ExactlyOnce, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exactly_once, "Consumer", UnsettledGroup)
    monkeypatch.setattr(exactly_once, "why_not", lambda *_: "three brokers wanted")
    with pytest.raises(KafkaException, match="three brokers wanted"):
        publisher.open()
