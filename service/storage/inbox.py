"""The inbox: one row a webhook event, in the same transaction as its effect."""

from uuid import UUID

from sqlalchemy import Connection, bindparam
from sqlalchemy.dialects.postgresql import insert as pg_insert

from service.domain.ports import StripeEvent
from service.storage.tables import stripe_events

_ADD = (
    pg_insert(stripe_events)
    .values(
        event_id=bindparam("event_id"),
        type=bindparam("type"),
        object_id=bindparam("object_id"),
        stripe_created_at=bindparam("stripe_created_at"),
        payment_id=bindparam("payment_id"),
        result=bindparam("result"),
    )
    .on_conflict_do_nothing()
    .returning(stripe_events.c.event_id)
)


def add(connection: Connection, event: StripeEvent, payment_id: UUID | None, result: str) -> bool:
    """Record a delivery; False when this event was recorded before. A simultaneous delivery waits for the first."""
    values = {
        "event_id": event.id,
        "type": event.type,
        "object_id": event.object_id,
        "stripe_created_at": event.created_at,
        "payment_id": payment_id,
        "result": result,
    }
    return connection.execute(_ADD, values).first() is not None
