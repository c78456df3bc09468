"""Finds what a restored database has lost of the topics' messages, and brings rows back into it."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import select, text, tuple_, update

from service.domain.commands.command import CommandKey
from service.domain.messages import OutgoingMessage
from service.storage import outbox
from service.storage.engine import Connection
from service.storage.models import Command, DeadLetter, OutboxRow, Payment

Place = tuple[str, int, int]
"""Topic, partition and offset of a record."""

_DOUBT = text("UPDATE relay_checkpoints SET doubt = coalesce(doubt, 'lost rows come back from the topics')")


def missing_commands(connection: Connection, keys: Collection[CommandKey]) -> set[CommandKey]:
    """Those of the command keys that no row has."""
    columns = (Command.command_type, Command.correlation_id)
    found = select(*columns).where(tuple_(*columns).in_([tuple(key) for key in keys]))
    return set(keys) - {CommandKey(*row) for row in connection.execute(found)}


def missing_letters(connection: Connection, places: Collection[Place]) -> set[Place]:
    """Those of the records that are no dead letters."""
    columns = (DeadLetter.topic, DeadLetter.partition, DeadLetter.offset)
    found = select(*columns).where(tuple_(*columns).in_(list(places)))
    return set(places) - {(topic, partition, offset) for topic, partition, offset in connection.execute(found)}


def used_sequences(connection: Connection, wanted: Collection[tuple[str, int]]) -> set[tuple[str, int]]:
    """Those of the pairs of key and sequence that a row of the outbox has."""
    columns = (OutboxRow.key, OutboxRow.sequence)
    found = select(*columns).where(tuple_(*columns).in_(list(wanted)), ~OutboxRow.replayed)
    return {(key, sequence) for key, sequence in connection.execute(found) if sequence is not None}


def existing_payments(connection: Connection, payment_ids: Collection[UUID]) -> set[UUID]:
    """Those of the payments that there are."""
    return set(connection.scalars(select(Payment.payment_id).where(Payment.payment_id.in_(payment_ids))))


def raise_sequences(connection: Connection, sequences: Mapping[UUID, int]) -> None:
    """Let each payment count its events from its published ones on: no sequence is given twice."""
    for payment_id, last in sorted(sequences.items()):
        raised = update(Payment).where(Payment.payment_id == payment_id, Payment.event_sequence < last)
        connection.execute(raised.values(event_sequence=last))


def doubt_checkpoints(connection: Connection) -> None:
    """Have each relay compare outbox and topics before it publishes: commit this before rows come back."""
    connection.execute(_DOUBT)


_LOCK = select(Payment.payment_id).order_by(Payment.payment_id).with_for_update()


def append_missing(connection: Connection, messages: Sequence[OutgoingMessage], payment_ids: Collection[UUID]) -> int:
    """Append those of the messages that have no row; says how many. Their payments are locked first, in one order."""
    connection.execute(_LOCK.where(Payment.payment_id.in_(sorted(payment_ids))))
    ids = [message.event_id for message in messages]
    there = set(connection.scalars(select(OutboxRow.event_id).where(OutboxRow.event_id.in_(ids))))
    missing = [message for message in messages if message.event_id not in there]
    outbox.append(connection, missing)
    return len(missing)
