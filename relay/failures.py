"""Records that were not delivered, and which of them is at fault."""

from collections.abc import Sequence

from confluent_kafka import KafkaError, Message

from relay.kafka_errors import CONSEQUENCES, REFUSALS, RecordRefusedError, refusal
from relay.log_reader import Row


class Failures:
    """Filled by librdkafka's delivery reports: failures only."""

    def __init__(self) -> None:
        self.errors: list[KafkaError] = []
        """Of those that are no refusals, and not the consequence of another one."""

        self.refused: list[tuple[KafkaError, Message]] = []
        self._first: KafkaError | None = None

    def __bool__(self) -> bool:
        return self._first is not None

    def clear(self) -> None:
        """Before records are sent."""
        self.errors.clear()
        self.refused.clear()
        self._first = None

    def note(self, error: KafkaError | None, message: Message) -> None:
        """One record failed."""
        if error is None:
            return
        self._first = self._first or error
        if error.code() in REFUSALS:
            self.refused.append((error, message))
        elif error.code() not in CONSEQUENCES:
            self.errors.append(error)

    def cause(self) -> KafkaError:
        """The error that the others follow from, as far as it was reported. Only when there is any."""
        found = self.errors[0] if self.errors else self._first
        assert found is not None  # noqa: S101 - the caller has looked
        return found

    @property
    def batch_refused(self) -> bool:
        """Whether several records were refused together: it may be their sum that is too large."""
        return len(self.refused) > 1

    def refusal(self, rows: Sequence[Row]) -> RecordRefusedError | None:
        """The refusal, of one of ``rows`` when it is known of which; None when the surroundings are at fault."""
        if not self.refused or self.errors:
            return None
        error, message = self.refused[0]
        position = None if self.batch_refused else _position(message, rows)
        return refusal(error, position)

    def spared(self, rows: Sequence[Row]) -> list[int]:
        """Positions of those of ``rows``, all of them sent, that no refusal can mean: they were delivered.

        A report names topic, key and value; of rows that agree in all three none is spared. Only when there are no
        other errors.
        """
        refused = {_content(message) for _, message in self.refused}
        return [row[0] for row in rows if (row[1], row[2].encode(), row[3].encode()) not in refused]


def _content(message: Message) -> tuple[str | None, bytes | None, bytes | None]:
    return message.topic(), _bytes(message.key()), _bytes(message.value())


def _bytes(sent: str | bytes | None) -> bytes | None:
    return sent.encode() if isinstance(sent, str) else sent


def _position(message: Message, rows: Sequence[Row]) -> int | None:
    key, value = message.key(), message.value()
    for position, topic, its_key, its_value, _, _ in rows:
        if topic == message.topic() and _same(its_key, key) and _same(its_value, value):
            return position
    return None


def _same(text: str, sent: str | bytes | None) -> bool:
    return sent is not None and len(text) <= len(sent) and text.encode() == sent
