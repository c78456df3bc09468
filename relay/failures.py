"""Keeps the records that were not delivered, and finds the one at fault."""

from collections.abc import Sequence

from confluent_kafka import KafkaError, Message

from relay.kafka_errors import CONSEQUENCES, REFUSALS, RecordRefusedError, refusal
from relay.log_reader import Row


class Failures:
    """The failures among librdkafka's delivery reports."""

    def __init__(self) -> None:
        self.errors: list[KafkaError] = []
        """Errors that are neither a refusal nor the consequence of another error."""

        self.refused: list[tuple[KafkaError, Message]] = []
        self._first: KafkaError | None = None

    def __bool__(self) -> bool:
        return self._first is not None

    def clear(self) -> None:
        """Forget all failures. Call this before records are sent."""
        self.errors.clear()
        self.refused.clear()
        self._first = None

    def note(self, error: KafkaError | None, message: Message) -> None:
        """Note that one record failed."""
        if error is None:
            return
        self._first = self._first or error
        if error.code() in REFUSALS:
            self.refused.append((error, message))
        elif error.code() not in CONSEQUENCES:
            self.errors.append(error)

    def cause(self) -> KafkaError:
        """The error that caused the others, as far as it was reported. Call this only if there are failures."""
        found = self.errors[0] if self.errors else self._first
        assert found is not None  # noqa: S101 - the caller has looked
        return found

    @property
    def batch_refused(self) -> bool:
        """Whether several records were refused together: perhaps only their sum is too large."""
        return len(self.refused) > 1

    def refusal(self, rows: Sequence[Row]) -> RecordRefusedError | None:
        """The refusal, with the position of its row if that is known; None when no record is at fault."""
        if not self.refused or self.errors:
            return None
        error, message = self.refused[0]
        position = None if self.batch_refused else _position(message, rows)
        return refusal(error, position)

    def spared(self, rows: Sequence[Row]) -> list[int]:
        """Positions of the ``rows``, all of them sent, that were delivered because no refusal can mean them.

        A report names topic, key and value, so it may mean every row that has all three. Call this only if there are
        no other errors.
        """
        refused = {_content(message) for _, message in self.refused}
        return [row[0] for row in rows if (row[1], row[2].encode(), row[3].encode()) not in refused]


def _content(message: Message) -> tuple[str | None, bytes | None, bytes | None]:
    return message.topic(), _bytes(message.key()), _bytes(message.value())


def _bytes(sent: str | bytes | None) -> bytes | None:
    return sent.encode() if isinstance(sent, str) else sent


def _position(message: Message, rows: Sequence[Row]) -> int | None:
    key, value = message.key(), message.value()
    for position, topic, its_key, its_value, *_ in rows:
        if topic == message.topic() and _same(its_key, key) and _same(its_value, value):
            return position
    return None


def _same(text: str, sent: str | bytes | None) -> bool:
    return sent is not None and len(text) <= len(sent) and text.encode() == sent
