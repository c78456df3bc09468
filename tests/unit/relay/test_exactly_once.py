"""Two producers that take turns: what may overlap, and what may not."""

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from relay import exactly_once
from relay.exactly_once import ExactlyOnce
from relay.health import Health
from relay.kafka_errors import RefusedError
from relay.log_reader import Row
from relay.positions import Settled
from relay.receipt import Epoch, Receipt

EPOCH = Epoch(1, 1)


class Kafka:
    """What both producers did, in order, and the commits that the broker has not answered."""

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
    """Stands in for one producer."""

    kafka: Kafka

    def __init__(self, _config: Any, transactional_id: str, _health: Health, _beat: Any) -> None:
        self._id = transactional_id

    def prepare(self, rows: Sequence[Row], receipt: TopicPartition, _group: Any) -> None:
        if self.kafka.refuse:
            raise RefusedError("RECORD_TOO_LARGE", "too large")
        self.kafka.done.append(f"{self._id} prepares {receipt.offset}")

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
def kafka(monkeypatch: pytest.MonkeyPatch) -> Kafka:
    made = Kafka()
    monkeypatch.setattr(FakeTransactions, "kafka", made, raising=False)
    monkeypatch.setattr(exactly_once, "Transactions", FakeTransactions)
    monkeypatch.setattr(exactly_once, "_SLICE_SECONDS", 0.0)
    return made


@pytest.fixture
def publisher(kafka: Kafka) -> ExactlyOnce:
    def beat() -> None:
        raise WaitingError

    return ExactlyOnce({}, "relay", "events", Health(), beat)


def test_committed_in_order_and_prepared_meanwhile(kafka: Kafka, publisher: ExactlyOnce) -> None:
    publisher.publish([], receipt(1))
    with pytest.raises(WaitingError):
        publisher.publish([], receipt(2))
    assert kafka.done == ["relay prepares 1", "relay commits", "relay.2 prepares 2"]


def test_certain_is_what_was_committed(kafka: Kafka, publisher: ExactlyOnce) -> None:
    publisher.publish([], receipt(1))
    assert certain(publisher) is None
    assert not publisher.settle(0)
    kafka.answer(0)
    publisher.publish([], receipt(2))
    assert certain(publisher) == receipt(1)
    kafka.answer(1)
    assert publisher.settle(0)
    assert certain(publisher) == receipt(2)
    assert kafka.done[2:] == ["relay.2 prepares 2", "relay.2 commits"]


def test_after_a_failed_commit_nothing_is_committed(kafka: Kafka, publisher: ExactlyOnce) -> None:
    publisher.publish([], receipt(1))
    kafka.answer(0, KafkaException(KafkaError(KafkaError._FENCED, "fenced", fatal=True)))
    with pytest.raises(KafkaException):
        publisher.publish([], receipt(2))
    assert kafka.done == ["relay prepares 1", "relay commits", "relay.2 prepares 2"]


def test_a_refused_batch_leaves_the_turn_to_its_parts(kafka: Kafka, publisher: ExactlyOnce) -> None:
    publisher.publish([], receipt(1))
    kafka.answer(0)
    kafka.refuse = True
    with pytest.raises(RefusedError):
        publisher.publish([], receipt(3))
    kafka.refuse = False
    publisher.publish([], receipt(2))
    assert kafka.done[2:] == ["relay.2 prepares 2", "relay.2 commits"]
