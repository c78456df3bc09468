"""The state of the simulated Stripe account, and its events."""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from stripe import api_version as library_api_version

from devstack.stripe_simulator.cards import Card, Complaint
from devstack.stripe_simulator.clock import Clock
from devstack.stripe_simulator.errors import no_such
from devstack.stripe_simulator.ledger import Effect, Ledger, LedgerEntry
from devstack.stripe_simulator.wire import Json

Publish = Callable[[str, str, str], None]
"""Receives an event's id, type and JSON."""


@dataclass(frozen=True, slots=True)
class Actor:
    """The actor: an API request (with its id and idempotency key), the Dashboard, the customer or Stripe."""

    by: str
    request_id: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class RefundEnd:
    """The course of a refund: its first status, the last one if different, and the reason of its wait."""

    first: str
    last: str | None = None
    pending_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of the account. Times in seconds of the simulator's clock."""

    search_lag: float = 1.0
    """Time until search finds a new intent; Stripe documents up to a minute ("Search")."""
    registered_accounts_only: bool = False
    settlement_delay: float = 2 * 86400.0
    """Time of a captured charge in the pending balance."""
    settlement_currency: str | None = None
    """The currency of the platform's balance; None: every charge settles in its own currency."""
    exchange_rate: float = 1.0
    """Minor units of the settlement currency for one minor unit of another currency."""
    refunds_wait_for_balance: bool = False
    """A refund that the available balance does not cover is `pending` ("Refunds: pending refunds")."""
    captures_process: bool = False
    """A capture is `processing` until the bank has decided ("Asynchronous capture")."""
    dispute_fee: int = 1500
    """In minor units of the settlement currency; not returned after a lost dispute ("Disputes: fees")."""


@dataclass
class State:
    """The account's objects by id, each as Stripe renders it, oldest first."""

    clock: Clock
    publish: Publish
    rng: random.Random
    options: Options = field(default_factory=Options)
    ledger: Ledger = field(default_factory=Ledger)
    payment_intents: dict[str, Json] = field(default_factory=dict)
    charges: dict[str, Json] = field(default_factory=dict)
    refunds: dict[str, Json] = field(default_factory=dict)
    transfers: dict[str, Json] = field(default_factory=dict)
    reversals: dict[str, dict[str, Json]] = field(default_factory=dict)
    accounts: dict[str, Json] = field(default_factory=dict)
    customers: dict[str, Json] = field(default_factory=dict)
    payment_methods: dict[str, Json] = field(default_factory=dict)
    events: dict[str, str] = field(default_factory=dict)
    cards: dict[str, Card] = field(default_factory=dict)
    connected_balance: dict[tuple[str, str], int] = field(default_factory=dict)
    holds: deque[tuple[float, str]] = field(default_factory=deque)
    """Expiry and intent of each hold, earliest first, because all holds last equally long."""
    disputes: dict[str, Json] = field(default_factory=dict)
    early_fraud_warnings: dict[str, Json] = field(default_factory=dict)
    reviews: dict[str, Json] = field(default_factory=dict)
    balance_transactions: dict[str, Json] = field(default_factory=dict)
    webhook_endpoints: dict[str, Json] = field(default_factory=dict)
    revoked_accounts: set[str] = field(default_factory=set)
    """Connected accounts that have revoked the platform's access."""
    used_methods: set[str] = field(default_factory=set)
    """PaymentMethods without a customer that are used up."""
    settles_at: dict[str, float] = field(default_factory=dict)
    """Time at which each captured charge leaves the pending balance."""
    transferred: dict[str, int] = field(default_factory=dict)
    """Amount transferred from each charge, reversals not subtracted."""
    unsettled_refunds: dict[str, str] = field(default_factory=dict)
    """Unfinished refunds and the final status of each."""
    refund_ends: deque[RefundEnd] = field(default_factory=deque)
    """The ends of the next refunds, independent of the card."""
    complaints: deque[tuple[str, Complaint]] = field(default_factory=deque)
    """Charges that the banks of their cards will dispute."""
    processing: dict[str, int] = field(default_factory=dict)
    """Intents with a `processing` capture, and its amount."""
    actor: Actor = Actor("stripe")

    def new_id(self, prefix: str, length: int = 24) -> str:
        """A new id in Stripe's style."""
        return f"{prefix}{self.rng.getrandbits(4 * length):0{length}x}"

    def emit(self, type_: str, subject: Json) -> None:
        """Record an event with a snapshot of its subject, and send it to the webhooks."""
        request = {"id": self.actor.request_id, "idempotency_key": self.actor.idempotency_key}
        self.emit_as(type_, subject, request=request)

    def emit_as(self, type_: str, subject: Json, **envelope: object) -> Json:
        """Record any event and send it to the webhooks.

        ``envelope`` overrides fields of the event's top level: `request`, `account` (a connected account's),
        `livemode`, `api_version` … With it tests send the events of other programs, accounts and API versions.
        """
        event: Json = {
            "id": self.new_id("evt_3"),
            "object": "event",
            "api_version": library_api_version,
            "created": self.clock.stamp(),
            "data": {"object": subject},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": type_,
            **envelope,
        }
        text = json.dumps(event)
        self.events[event["id"]] = text
        self.publish(event["id"], event["type"], text)
        return event

    def record(
        self, effect: Effect, id_: str, amount: int, charge: Json | None, intent: Json | None, **more: Any
    ) -> None:
        """Add one effect to the ledger; `more` may hold the destination account, and metadata if no intent has them."""
        subject = intent or charge or more
        self.ledger.add(
            LedgerEntry(
                effect=effect,
                id=id_,
                amount=amount,
                currency=more.get("currency") or subject.get("currency", ""),
                payment_intent=intent["id"] if intent else None,
                charge=charge["id"] if charge else None,
                destination=more.get("destination"),
                metadata=dict(subject.get("metadata", {})),
                by=self.actor.by,
                idempotency_key=self.actor.idempotency_key,
                at=self.clock.stamp(),
            )
        )

    def intent(self, id_: str) -> Json:
        """The PaymentIntent with this id, from a path. Raises RefusedError 404."""
        return found(self.payment_intents, id_, "payment_intent", "intent", status=404)


def found(store: dict[str, Json], id_: str, kind: str, param: str, *, status: int = 400) -> Json:
    """The object with this id.

    Raises:
        RefusedError: `resource_missing`.
    """
    if id_ not in store:
        raise no_such(kind, id_, param, status=status)
    return store[id_]


@dataclass(frozen=True, slots=True)
class Call:
    """One API call after its parameters were checked."""

    params: Json
    path: dict[str, str]
    base_url: str
    query: str = ""
