"""The three real processes on their own database and topics, with sagas, callers and Stripe around them."""

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import psycopg2
from psycopg2.extras import RealDictCursor

from devstack.application import Application
from devstack.kafka import Kafka
from devstack.saga_client import WAIT_SECONDS, Headers, Place, Record, Sent, encoded, enveloped, until
from devstack.stripe_simulator.ledger import LedgerEntry
from devstack.topics import Topics
from tests.support.acceptance_audit import check
from tests.support.acceptance_http import Api
from tests.support.acceptance_kafka import saga_client

VISA = "pm_card_visa"
DECLINED = "pm_card_visa_chargeDeclinedInsufficientFunds"
CHALLENGED = "pm_card_threeDSecure2Required"
RUNNER = "acct_runner"

Shape = Callable[[str, str, dict[str, Any]], object]


def fresh(prefix: str) -> str:
    """A name that no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


class World:
    """The processes and their clients. It begins without topics, which the service makes."""

    def __init__(self, database_url: str, kafka: Kafka, topics: Topics, environment: Mapping[str, str]) -> None:
        self.topics = topics
        self.dead_letter_topic = f"{topics.commands}.dead_letter"
        self._database_url = database_url
        self.application = Application(
            database_url=database_url,
            kafka=kafka,
            environment={**topics.environment, "SHUTDOWN_GRACE": "3s", **environment},
            environment_of={
                "consume": {"LEASE": "3s"},  # takes up the work of a killed process soon
                "serve": {"SHUTDOWN_GRACE": "2s"},  # gunicorn lingers on idle connections while it may
                "relay": {
                    "SHUTDOWN_GRACE": "20s"
                },  # the record is deleted once Kafka has committed, which may take a moment
            },
        )
        self.client = saga_client(kafka, topics, self.dead_letter_topic, topics.commands)
        self.heard = self.client.heard

    def start(self) -> Self:
        """Returns when all are ready. Raises ProcessFailedError."""
        self.application.start()
        self.info = self.application.info
        self.stripe = self.application.simulator.control
        self.api = Api(self.info.http_url, self.info.api_token)
        return self

    def close(self) -> None:
        self.client.close()
        self.application.close()

    def heal(self) -> None:
        """Repair the effects of an earlier test: all processes run, and Stripe sends webhooks twice and unordered."""
        stopped = [service for service in self.application.services.values() if not service.running]
        for service in stopped:
            service.start()
        for service in stopped:
            service.wait_until_ready()
        self.stripe.clear_faults()
        self.stripe.traffic(latency_before=0.0, latency_after=0.0, rate_limit=None)
        self.stripe.webhooks(duplicates=1, jitter=0.2, drop_rate=0.0, seed=1)

    # what a saga does

    def send(
        self,
        kind: str,
        payload: dict[str, Any],
        *,
        correlation_id: str | None = None,
        shape: Shape = enveloped,
        partition: int = -1,
        headers: Headers | None = None,
    ) -> Sent:
        """Puts a command on the commands topic."""
        correlation_id = correlation_id or fresh("saga")
        place = self.put(encoded(shape(kind, correlation_id, payload)), partition=partition, headers=headers)
        return Sent(kind, correlation_id, payload, place)

    def put(
        self, value: bytes | None, *, partition: int = -1, headers: Headers | None = None, age: timedelta = timedelta()
    ) -> Place:
        """Puts any record on the commands topic, with a timestamp ``age`` ago."""
        at = datetime.now(UTC) - age
        return self.client.sender.send(value, partition=partition, headers=headers, timestamp=at).result(WAIT_SECONDS)

    def authorize(self, card: str = VISA, correlation_id: str | None = None, **fields: Any) -> Sent:
        """Asks for a hold, by default of 15.00 SGD for a new order and customer."""
        return self.send("authorize_payment", authorization(card, **fields), correlation_id=correlation_id)

    def release(self, payment_id: str, account: str = RUNNER, runner_id: str = "runner-1") -> Sent:
        """Asks for the transfer to a runner."""
        runner = {"runner_id": runner_id, "runner_connect_account_id": account}
        return self.send("release_payment", {"payment_id": payment_id, **runner})

    def revert(self, payment_id: str, correlation_id: str | None = None) -> Sent:
        """Asks for the return of the money."""
        return self.send("revert_payment", {"payment_id": payment_id}, correlation_id=correlation_id)

    def outcome(self, sent: Sent) -> Record:
        """The command's outcome event. Fails when it does not come, or is not the only one so far."""
        return self.outcome_of(*sent.answers)

    def outcome_of(self, kind: str, correlation_id: str) -> Record:
        """The outcome event of a command that another client sent."""
        return self.client.outcome(kind, correlation_id)

    def letter(self, place: Place) -> dict[str, Any]:
        """The dead letter of the record at this place. Fails when it does not come, or is not the only one so far."""
        found = self.heard.wait(place, f"dead letter of {place}")
        assert len(found) == 1, [record.body for record in found]
        return found[0].body

    def held(self, card: str = VISA, **fields: Any) -> Record:
        """An authorized payment's event."""
        event = self.outcome(self.authorize(card, **fields))
        assert event.summary == "authorize_payment: payment.authorized AUTHORIZED", event.body
        return event

    def released(self, **fields: Any) -> Record:
        """A released payment's event."""
        event = self.outcome(self.release(self.held(**fields).payment_id))
        assert event.summary == "release_payment: payment.released SUCCEEDED", event.body
        return event

    def fence(self, order_id: str, *partitions: int) -> None:
        """Returns when all earlier commands for an order with a live payment are processed and answered."""
        for partition in partitions or (-1,):
            sent = self.send("authorize_payment", authorization(order_id=order_id), partition=partition)
            assert self.outcome(sent).error == "ORDER_ALREADY_PAID"

    # what there is to see

    def events_of(self, payment_id: str) -> list[Record]:
        """A payment's events so far, in order."""
        return self.heard.records(lambda r: r.topic == self.topics.events and r.key == payment_id)

    def summaries(self, payment_id: str) -> list[str]:
        """The same, in short."""
        return [event.summary for event in self.events_of(payment_id)]

    def payment_in(self, status: str, order_id: str) -> dict[str, Any]:
        """The order's payment over HTTP, as soon as it has this status."""

        def found() -> dict[str, Any] | None:
            reply = self.api.status(order_id)
            return reply.body if reply.status == 200 and reply.body["status"] == status else None

        return until(found, f"{order_id} is {status}")

    def ledger(self, payment_id: str) -> list[LedgerEntry]:
        """The effects on its money at Stripe."""
        return [entry for entry in self.stripe.ledger() if entry.metadata.get("payment_id") == payment_id]

    def effects(self, payment_id: str) -> list[str]:
        """The same, in short."""
        return [str(entry.effect) for entry in self.ledger(payment_id)]

    def sql(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """Query the database; only to check, never to drive."""
        connection = psycopg2.connect(self._database_url)
        try:
            with connection, connection.cursor(cursor_factory=RealDictCursor) as cursor:
                cursor.execute(statement, values)
                return [dict(row) for row in cursor.fetchall()]
        finally:
            connection.close()

    def logs(self) -> str:
        """The logs of the three processes."""
        return "".join(service.log.read_text(errors="replace") for service in self.application.services.values())

    def audit(self) -> None:
        """Check the invariants of all published records."""
        check(
            self.heard.records(lambda r: r.topic == self.topics.events),
            self.heard.records(lambda r: r.topic == self.dead_letter_topic),
            self.heard.records(lambda r: r.topic == self.topics.commands and "ce_source" in r.headers),
        )


def authorization(card: str = VISA, **fields: Any) -> dict[str, Any]:
    """The payload of an authorize."""
    given = {"customer_id": fresh("customer"), "order_id": fresh("order"), "amount": 1500, "currency": "sgd"}
    return {**given, "payment_method_id": card, **fields}
