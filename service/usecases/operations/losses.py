"""Finds what the database has lost: it sieves the topics' records, batch by batch, and keeps those without a row."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from uuid import UUID

from runtime.plurals import number_of
from service.domain.command_reader import read
from service.domain.commands.authorize import Authorize
from service.domain.commands.catalog import Command
from service.domain.commands.command import CommandKey, CommandType, kept_type
from service.domain.messages import DEAD_LETTER, OutgoingMessage
from service.domain.payment import as_uuid, payment_id_of
from service.domain.published import Published
from service.domain.received_records import InvalidCommand, Origin, UnreadableMessage
from service.storage import operator_outbox, operator_recovery
from service.storage.engine import Engine
from service.storage.operator_session import reading

_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LostRecord:
    """A record of the commands topic that was processed, and of which the database knows nothing."""

    origin: Origin
    subject: Command | InvalidCommand | UnreadableMessage

    @property
    def key(self) -> CommandKey | None:
        """The key under which its row is kept; None for a record that is only a dead letter."""
        match self.subject:
            case UnreadableMessage():
                return None
            case InvalidCommand() as invalid:
                return CommandKey(kept_type(invalid.command_type), invalid.correlation_id)
            case command:
                return command.key

    @property
    def payment_id(self) -> UUID | None:
        """The payment that the command is about."""
        match self.subject:
            case UnreadableMessage() | InvalidCommand():
                return None
            case Authorize() as authorize:
                return payment_id_of(authorize.correlation_id)
            case command:
                return command.payment_id

    @property
    def name(self) -> str:
        """The command or the dead letter, in words."""
        if self.key is not None:
            return f"{self.key.command_type} {self.key.correlation_id}"
        return f"dead letter of {self.origin.topic}[{self.origin.partition}] at {self.origin.offset}"


@dataclass(frozen=True)
class Losses:
    """``records`` in the order in which they were sent; ``messages`` are all published ones without a row."""

    records: list[LostRecord] = field(default_factory=list)
    messages: list[OutgoingMessage] = field(default_factory=list)
    published: Published = field(default_factory=Published)

    @cached_property
    def by_payment(self) -> "dict[UUID, Pieces]":
        """The losses of each payment."""
        found: defaultdict[UUID, Pieces] = defaultdict(Pieces)
        for record in self.records:
            if record.payment_id is not None:
                found[record.payment_id].records.append(record)
        for message in self.messages:
            payment_id = as_uuid(message.key)
            if payment_id is not None:
                found[payment_id].messages += 1
        return dict(found)


@dataclass(slots=True)
class Pieces:
    """What is lost of one payment; ``messages`` is a number."""

    records: list[LostRecord] = field(default_factory=list)
    messages: int = 0

    def __str__(self) -> str:
        names = dict.fromkeys(record.name for record in self.records)
        return ", ".join([*names, *([number_of(self.messages, "message")] if self.messages else [])])

    @property
    def has_authorize(self) -> bool:
        """Whether the command that makes the payment is among them."""
        return any(isinstance(record.subject, Authorize) for record in self.records)


class LossFinder:
    """Finds messages and records without a row. Add the messages first, because an answered command is always lost."""

    def __init__(self, engine: Engine, default_currency: str) -> None:
        self._engine = engine
        self._default_currency = default_currency
        self._messages: dict[UUID, OutgoingMessage] = {}
        self._records: list[LostRecord] = []
        self._sequences: dict[UUID, int] = {}

    def messages(self, some: Sequence[OutgoingMessage]) -> None:
        """Messages of ours, in the order of their topic. Raises the database's error."""
        with reading(self._engine) as connection:
            missing = set(operator_outbox.missing_ids(connection, [message.event_id for message in some]))
        for message in some:
            payment_id = as_uuid(message.key)
            if message.sequence is not None and payment_id is not None:
                self._sequences[payment_id] = max(message.sequence, self._sequences.get(payment_id, 0))
            if message.event_id in missing:
                self._messages.setdefault(message.event_id, message)

    def records(self, some: Sequence[tuple[Origin, bool]]) -> None:
        """Records of the commands topic, each with whether its group has processed it. Raises the database's error."""
        found = [
            (LostRecord(origin, read(origin.value, self._default_currency)), processed) for origin, processed in some
        ]
        answered = Published(self._messages)
        counted = [
            record
            for record, processed in found
            if processed or (record.key is not None and answered.has_answered(record.key))
        ]
        with reading(self._engine) as connection:
            keys = operator_recovery.missing_commands(connection, {each.key for each in counted if each.key})
            places = operator_recovery.missing_letters(connection, {_place(each) for each in counted if not each.key})
        self._records += [each for each in counted if each.key in keys or (not each.key and _place(each) in places)]

    def losses(self) -> Losses:
        """Everything that was kept. Raises the database's error."""
        messages = list(self._messages.values())
        pairs = {(message.key, message.sequence) for message in messages if message.sequence is not None}
        with reading(self._engine) as connection:
            used = operator_recovery.used_sequences(connection, pairs)
        usable = [message for message in messages if (message.key, message.sequence or 0) not in used]
        letters = {message.key: message for message in usable if message.type == DEAD_LETTER}
        events = {message.event_id: message for message in usable if message.type != DEAD_LETTER}
        records = sorted(self._records, key=lambda each: (each.origin.sent_at or _EVER, *_place(each)))
        return Losses(records, usable, Published(events, letters, self._sequences, _types(records)))


def _types(records: Sequence[LostRecord]) -> dict[UUID, frozenset[CommandType]]:
    """The types of each payment's commands."""
    found: defaultdict[UUID, set[CommandType]] = defaultdict(set)
    for record in records:
        if record.payment_id is not None and not isinstance(record.subject, InvalidCommand | UnreadableMessage):
            found[record.payment_id].add(record.subject.type)
    return {payment_id: frozenset(types) for payment_id, types in found.items()}


def _place(record: LostRecord) -> operator_recovery.Place:
    return record.origin.topic, record.origin.partition, record.origin.offset
