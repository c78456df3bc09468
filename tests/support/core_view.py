"""The visible state of the payment core: its tables, its outbox, and Stripe's ledger."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from devstack.stripe_simulator.client import SimulatorControl
from service.storage.engine import Engine

WRITTEN = (
    "SELECT (SELECT json_agg(p ORDER BY p.payment_id)::text FROM payments p) AS payments, "
    "(SELECT json_agg(o.event_id ORDER BY o.position)::text FROM outbox o) AS outbox, "
    "(SELECT json_agg(t.id ORDER BY t.id)::text FROM payment_transitions t) AS transitions, "
    "(SELECT json_agg(c ORDER BY c.arrival)::text FROM commands c) AS commands, "
    "(SELECT json_agg(s.event_id ORDER BY s.event_id)::text FROM stripe_events s) AS inbox"
)
"""All data of the service in one row, which changes with every write."""


@dataclass(frozen=True)
class Event:
    """A row of the outbox with parsed value and headers."""

    type: str
    key: str
    sequence: int | None
    correlation_id: str
    payload: dict[str, Any]
    headers: dict[str, str]

    @property
    def answers(self) -> tuple[str, str] | None:
        """Type and correlation id of the command that this event answers."""
        command_type = self.headers.get("command_type")
        return None if command_type is None else (command_type, self.correlation_id)

    @property
    def summary(self) -> str:
        """The event in short: ``release_payment: payment.failed INVALID_STATE``."""
        words = [self.type, *(str(self.payload[name]) for name in ("error", "status") if name in self.payload)]
        return f"{self.headers.get('command_type', 'news')}: {' '.join(words)}"


class CoreView:
    """A test's own reads, independent of the service."""

    def __init__(self, database: Engine, stripe_control: SimulatorControl) -> None:
        self.database = database
        self.stripe = stripe_control

    def sql(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """Run one statement of the test's own."""
        with self.database.begin() as connection:
            result = connection.execute(text(statement), values)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []

    def payment_id(self, order_id: str) -> UUID:
        """The order's newest payment."""
        found = self.sql("SELECT payment_id FROM payments WHERE order_id = :o ORDER BY created_at DESC", o=order_id)
        return UUID(str(found[0]["payment_id"]))

    def payment(self, payment_id: UUID) -> dict[str, Any]:
        """Its row."""
        return self.sql("SELECT * FROM payments WHERE payment_id = :p", p=payment_id)[0]

    def status(self, payment_id: UUID) -> str:
        """Its status."""
        return str(self.payment(payment_id)["status"])

    def intent(self, payment_id: UUID) -> str:
        """Its PaymentIntent's id."""
        return str(self.payment(payment_id)["stripe_payment_intent_id"])

    def command(self, correlation_id: str, command_type: str) -> dict[str, Any]:
        """A command's row."""
        where = "correlation_id = :c AND command_type = :t"
        return self.sql(f"SELECT * FROM commands WHERE {where}", c=correlation_id, t=command_type)[0]

    def events(self, about: UUID | None = None) -> list[Event]:
        """The events topic's part of the outbox, in order: all, or one payment's."""
        where = "topic = 'payment_events'" + ("" if about is None else " AND key = :key")
        rows = self.sql(
            f"SELECT * FROM outbox WHERE {where} ORDER BY position", **({"key": str(about)} if about else {})
        )
        return [_event(row) for row in rows]

    def summaries(self, about: UUID | None = None) -> list[str]:
        """The events in short."""
        return [event.summary for event in self.events(about)]

    def outcome(self, command_type: str, correlation_id: str) -> Event:
        """The command's only outcome event; fails for none or several."""
        (found,) = [event for event in self.events() if event.answers == (command_type, correlation_id)]
        return found

    def effects(self, payment_id: UUID | None = None) -> list[str]:
        """The entries of the simulator's ledger for the payment, or for all, in order."""
        wanted = None if payment_id is None else str(payment_id)
        entries = self.stripe.ledger()
        return [str(e.effect) for e in entries if wanted in {None, e.metadata.get("payment_id")}]


def _event(row: dict[str, Any]) -> Event:
    value = json.loads(row["value"])
    headers = dict(row["headers"])
    return Event(row["type"], row["key"], row["sequence"], value["correlation_id"], value["payload"], headers)
