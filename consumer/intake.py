"""Makes a job of a Kafka record, and puts it into the queue of its key."""

import time
from collections.abc import Callable
from functools import partial

from confluent_kafka import Message

from consumer.keyed_queue import Job
from consumer.metrics import CONSUMED, DEAD_LETTERS, SECONDS
from consumer.naming import Found, names_of, processing
from consumer.offsets import OffsetTracker
from consumer.ports import Commands
from consumer.records import origin_of, size_of
from consumer.workers import Workers
from service.domain.command_reader import read
from service.domain.commands.catalog import Command
from service.domain.received_records import InvalidCommand, Origin, UnreadableMessage

_LARGE = "\0large"
"""The key of large refused records. They run one at a time, because storing one takes ten times its size in memory."""
_LARGE_BYTES = 64 * 1024


class Intake:
    """Reads records and queues their commands; a record counts as finished once it is durable."""

    def __init__(self, commands: Commands, workers: Workers, tracker: OffsetTracker, default_currency: str) -> None:
        self._commands = commands
        self._workers = workers
        self._tracker = tracker
        self._default_currency = default_currency

    def accept(self, message: Message) -> None:
        """Queue one record. Ignores a record of a partition that is no longer ours; its new owner gets it."""
        origin = origin_of(message)
        ticket = self._tracker.begin((origin.topic, origin.partition), origin.offset, time.monotonic())
        if ticket is None:
            return
        found = read(message.value(), self._default_currency)
        kind, key, run = self._read(found, message.value(), origin)
        CONSUMED.labels(kind).inc()
        seconds = SECONDS.labels(kind)

        def timed() -> None:
            with seconds.time(), processing(origin):
                run()

        self._workers.submit(
            Job(
                ordering_key=key,
                run=timed,
                done=lambda: self._tracker.finish(ticket),
                retry=True,
                claim=ticket.claim,
                # Each unreadable record becomes a dead letter of its own; a copy of any other record has no effect.
                content=None if kind == "unreadable" else origin.value,
                size=size_of(origin),
                names=partial(names_of, found, origin),
            )
        )

    def _read(self, found: Found, value: bytes | None, origin: Origin) -> tuple[str, str, Callable[[], None]]:
        large = value is not None and len(value) > _LARGE_BYTES
        if isinstance(found, UnreadableMessage):
            place = f"{origin.topic}/{origin.partition}/{origin.offset}"
            return "unreadable", _LARGE if large else place, lambda: self._dead_letter(found, origin)
        if isinstance(found, InvalidCommand):
            return "invalid", _LARGE if large else found.ordering_key, lambda: self._refuse(found, origin)
        command: Command = found
        return str(command.type), command.ordering_key, lambda: self._commands.handle(command, origin)

    def _refuse(self, invalid: InvalidCommand, origin: Origin) -> None:
        self._commands.refuse(invalid, origin)
        DEAD_LETTERS.labels(invalid.error).inc()

    def _dead_letter(self, unreadable: UnreadableMessage, origin: Origin) -> None:
        self._commands.dead_letter(unreadable, origin)
        DEAD_LETTERS.labels(unreadable.reason).inc()
