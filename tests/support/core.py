"""The payment core in one process: a real database, the simulated Stripe, and consumers and webhooks on request."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import stripe
import urllib3

from consumer.settings import ConsumerSettings
from devstack.stripe_simulator.client import SimulatorControl
from runtime.current import Current
from runtime.settings import load
from service.domain.commands.authorize import Authorize
from service.domain.commands.catalog import Command
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.ours import Ownership
from service.domain.ports import PaymentGateway
from service.domain.received_records import Origin
from service.domain.stripe_objects import IntentRequest, StripeEvent
from service.gateway.stripe_gateway import StripeGateway
from service.gateway.webhooks import parse
from service.storage.engine import make_engine, refuse_inside_transaction
from service.usecases.accept import CommandEngine
from service.usecases.record import Recorder
from service.usecases.stripe_events import StripeEvents
from service.wiring import command_engine
from tests.support.core_view import CoreView

SECRET = "whsec_core"
RUNNER = "acct_runner"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
VISA = "pm_card_visa"
DECLINED = "pm_card_visa_chargeDeclinedInsufficientFunds"
CHALLENGED = "pm_card_threeDSecure2Required"
ROUNDS = 60


def core_settings(database_url: str, stripe_base: str, **changed: Any) -> ConsumerSettings:
    """A consumer's settings, without a real Kafka."""
    return load(
        ConsumerSettings,
        **{
            "database_url": database_url,
            "database_pool_size": 6,
            "kafka_bootstrap_servers": "unused:1",
            "stripe_secret_key": "sk_test_core",
            "stripe_api_base": stripe_base,
            "stripe_timeout": timedelta(seconds=5),
            **changed,
        },
    )


class Core(CoreView):
    """The actions of a saga, Stripe, the customer and time on the payment core, and the core's visible state."""

    def __init__(self, settings: ConsumerSettings, stripe_control: SimulatorControl, engine: CommandEngine) -> None:
        super().__init__(make_engine(Current(settings), 8), stripe_control)
        self.settings = settings
        self.engine = engine
        recorder, ownership = Recorder(settings.payment_events_topic), Ownership(settings.stripe_live)
        self.webhooks = StripeEvents(self.database, recorder, ownership)
        self._http = urllib3.PoolManager(retries=False)
        self._offset = 0
        self.commands_are_old = timedelta()
        """Age of the records that arrive now."""

    # what a saga does

    def handle(self, command: Command) -> None:
        """A command arrives in its own record."""
        self.engine.handle(command, self.origin())

    def origin(self) -> Origin:
        """The next record of the commands topic."""
        self._offset += 1
        sent_at = datetime.now(UTC) - self.commands_are_old
        headers: list[tuple[str, bytes | None]] = [("traceparent", TRACE.encode())]
        return Origin("payment_commands", 0, self._offset, None, b"{}", headers, sent_at=sent_at)

    def authorize(
        self, correlation_id: str = "c-auth", order_id: str = "order-1", card: str = VISA, **more: Any
    ) -> UUID:
        """Authorize 15.00 SGD; returns the id of the order's newest payment."""
        self.handle(authorization(correlation_id, order_id, card, **more))
        return self.payment_id(order_id)

    def release(self, payment_id: UUID, correlation_id: str = "c-release", account: str = RUNNER) -> None:
        """Release to a runner's account."""
        self.handle(Release(correlation_id, payment_id, "runner-1", account))

    def revert(self, payment_id: UUID, correlation_id: str = "c-revert", reason: str | None = None) -> None:
        """Revert."""
        self.handle(Revert(correlation_id, payment_id, reason))

    # what time does

    def hurry(self) -> None:
        """End every backoff, and make every look due."""
        self.sql("UPDATE payments SET look_at = now() WHERE look_at IS NOT NULL")
        self.sql("UPDATE commands SET next_attempt_at = now() WHERE state = 'pending' AND lease_token IS NULL")

    def expire_leases(self) -> None:
        """Expire all leases, as if their holders had died or hung."""
        self.sql(
            "UPDATE commands SET lease_expires_at = now() - interval '1 second', next_attempt_at = now() "
            "WHERE lease_token IS NOT NULL"
        )

    def wait(self, correlation_id: str, **passed: float) -> None:
        """Make a command's history older, and Stripe's clock later."""
        seconds = timedelta(**passed).total_seconds()
        self.stripe.advance(seconds)
        self.sql(
            "UPDATE commands SET received_at = received_at - make_interval(secs => :s), next_attempt_at = now(), "
            "step_started_at = step_started_at - make_interval(secs => :s) WHERE correlation_id = :c",
            s=seconds,
            c=correlation_id,
        )

    def complete(self, engine: CommandEngine | None = None) -> int:
        """One round of the completer; returns the number of commands that it found."""
        due = (engine or self.engine).complete_due(100)
        for command in due:
            command.run()
        return len(due)

    def settle(self) -> None:
        """Complete until only commands that wait for the customer are open. Fails when this does not end."""
        for _ in range(ROUNDS):
            self.hurry()
            if not self.complete():
                return
        raise AssertionError(f"does not settle: {self.sql('SELECT * FROM commands WHERE state <> :s', s='done')}")

    # what Stripe does

    def stripe_events(self, intent_id: str | None = None) -> list[StripeEvent]:
        """The undelivered webhooks for an intent (or all), oldest first, as read from signed deliveries."""
        return [event for event in self.owed() if event.intent and intent_id in {None, event.object_id}]

    def owed(self) -> list[StripeEvent]:
        """Every undelivered webhook of any kind, oldest first."""
        listed: list[dict[str, Any]] = []
        more = True
        while more:
            after = f"&starting_after={listed[-1]['id']}" if listed else ""
            page = self.ask_stripe("GET", f"events?limit=100{after}")
            more = page["has_more"]
            listed += page["data"]
        return [self.delivered(event) for event in reversed(listed)]

    def hear(self) -> None:
        """Deliver all webhooks, and do the work that follows."""
        self.deliver(*self.owed())
        self.settle()

    def delivered(self, event: dict[str, Any]) -> StripeEvent:
        """An event as the webhook route reads it, with its signature checked."""
        payload, now = json.dumps(event), int(time.time())
        digest = stripe.WebhookSignature._compute_signature(f"{now}.{payload}", SECRET)
        return parse(payload.encode(), f"t={now},v1={digest}", [SECRET])

    def deliver(self, *events: StripeEvent) -> list[str]:
        """Deliver webhooks in this order; returns the result of each."""
        return [self.webhooks.receive(event) for event in events]

    def deliver_all(self, payment_id: UUID) -> list[str]:
        """Deliver all webhooks of the payment's intent in order."""
        return self.deliver(*self.stripe_events(self.payment(payment_id)["stripe_payment_intent_id"]))

    def confirm(self, intent_id: str, card: str) -> None:
        """The customer tries another card with the client secret; Stripe may refuse."""
        fields = {"payment_method": card, "return_url": "https://shop.example/back"}
        self.ask_stripe("POST", f"payment_intents/{intent_id}/confirm", fields)

    def ask_stripe(self, method: str, path: str, fields: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Stripe's answer to another program on the same account; refusals are answers, too."""
        answer = self._http.request(
            method,
            f"{self.stripe.base_url}/v1/{path}",
            headers={"Authorization": "Bearer sk_test_core"},
            body=None if fields is None else urlencode(fields),
        )
        found: dict[str, Any] = json.loads(answer.data)
        return found

    def late_intent(self, payment_id: UUID) -> str:
        """A long delayed authorize request of the payment reaches Stripe now; returns its intent."""
        row = self.payment(payment_id)
        request = IntentRequest(
            payment_id=str(payment_id),
            order_id=row["order_id"],
            customer_id=row["customer_id"],
            amount=row["amount"],
            currency=row["currency"],
            payment_method_id=VISA,
            stripe_customer_id=None,
            description=None,
            return_url=None,
        )
        return StripeGateway(self.settings, refuse_inside_transaction).create_intent(request, fresh("late")).id

    def close(self) -> None:
        """Close the test's own connections."""
        self._http.clear()
        self.database.dispose()


def authorization(correlation_id: str, order_id: str, card: str = VISA, **more: Any) -> Authorize:
    """An authorize of 15.00 SGD."""
    return Authorize(correlation_id, order_id, "customer-1", card, more.pop("amount", 1500), "sgd", **more)


@contextmanager
def running_core(
    database_url: str, stripe_control: SimulatorControl, gateway: PaymentGateway | None = None, **changed: Any
) -> Iterator[Core]:
    """A core with one consumer."""
    settings = core_settings(database_url, stripe_control.base_url, **changed)
    with (
        command_engine(Current(settings), gateway) as (engine, _),
        closing(Core(settings, stripe_control, engine)) as core,
    ):
        yield core


OpenCore = Callable[[], AbstractContextManager[Core]]
"""Opens a core on an empty database with the same Stripe account."""


def fresh(prefix: str) -> str:
    """A name that no other test or example uses."""
    return f"{prefix}-{uuid.uuid4().hex[:10]}"
