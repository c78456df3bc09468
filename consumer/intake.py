"""From a Kafka record to a job in its lane."""

import time
from collections.abc import Callable

from confluent_kafka import Message

from consumer.lanes import Job
from consumer.metrics import CONSUMED, DEAD_LETTERS, SECONDS
from consumer.offsets import OffsetTracker
from consumer.ports import Commands
from consumer.workers import Workers
from service.domain.command_reader import read
from service.domain.commands import Command, InvalidCommand, Origin, UnreadableMessage
from service.logs import get_logger

_log = get_logger(__name__)


class Intake:
    """Reads records and queues what they ask for; each counts as finished once it is durable."""

    def __init__(self, commands: Commands, workers: Workers, tracker: OffsetTracker, default_currency: str) -> None:
        self._commands = commands
        self._workers = workers
        self._tracker = tracker
        self._default_currency = default_currency

    def accept(self, message: Message) -> None:
        """Queue one record. A record of a partition that is no longer ours is left to its new owner."""
        origin = _origin(message)
        ticket = self._tracker.begin((origin.topic, origin.partition), origin.offset, time.monotonic())
        if ticket is None:
            return
        kind, lane, run = self._read(origin)
        CONSUMED.labels(kind).inc()
        seconds = SECONDS.labels(kind)

        def timed() -> None:
            with seconds.time():
                run()

        self._workers.submit(
            Job(
                lane=lane,
                run=timed,
                done=lambda: self._tracker.finish(ticket),
                retry=True,
                claim=ticket.claim,
                # Of what cannot be read each record is a dead letter; a copy of anything else has no effect.
                content=None if kind == "unreadable" else origin.value,
                size=len(origin.value or b"") + len(origin.key or b""),
            )
        )

    def _read(self, origin: Origin) -> tuple[str, str, Callable[[], None]]:
        found = read(origin.value, self._default_currency)
        if isinstance(found, UnreadableMessage):
            return "unreadable", f"{origin.topic}/{origin.partition}/{origin.offset}", lambda: self._bury(found, origin)
        if isinstance(found, InvalidCommand):
            return "invalid", found.lane, lambda: self._refuse(found, origin)
        command: Command = found
        return str(command.type), command.lane, lambda: self._commands.handle(command, origin)

    def _refuse(self, invalid: InvalidCommand, origin: Origin) -> None:
        self._commands.refuse(invalid, origin)
        DEAD_LETTERS.labels(invalid.error).inc()

    def _bury(self, unreadable: UnreadableMessage, origin: Origin) -> None:
        self._commands.bury(unreadable, origin)
        DEAD_LETTERS.labels(unreadable.reason).inc()


def _origin(message: Message) -> Origin:
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    if topic is None or partition is None or offset is None:
        raise ValueError("a record without its place is no record of a topic")
    return Origin(
        topic=topic,
        partition=partition,
        offset=offset,
        key=message.key(),
        value=message.value(),
        headers=_headers(message),
    )


def _headers(message: Message) -> list[tuple[str, bytes | None]]:
    try:
        found = message.headers() or []
    except (SystemError, UnicodeDecodeError) as exc:  # The binding decodes names as UTF-8; a sender may not encode so.
        _log.warning("headers cannot be read", offset=message.offset(), partition=message.partition(), error=str(exc))
        return []
    pairs = found.items() if isinstance(found, dict) else found
    return [(name, value.encode() if isinstance(value, str) else value) for name, value in pairs]
