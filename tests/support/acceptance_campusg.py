"""The part of the published CampusG sagas that uses this service: the same clients, calls and messages."""

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests
from kafka import KafkaConsumer, KafkaProducer

from devstack.kafka import Kafka
from devstack.saga_client import until
from devstack.topics import Topics
from tests.support.acceptance import fresh

_SECONDS = 10.0


@dataclass
class CreateOrder:
    """One run of the create-order saga: its state and its events."""

    id: str
    step: str = "AUTHORIZE_PAYMENT"
    heard: list[dict[str, Any]] = field(default_factory=list)


class CreateOrderSaga:
    """The Flask saga's Kafka side: a producer without keys, a consumer of default isolation, one handler for each type.

    It compensates under the correlation id of its authorize, and ends with `payment.released` and `status: REVERTED`.
    """

    def __init__(self, kafka: Kafka, topics: Topics) -> None:
        # The mock cluster answers newer questions in an old form, which kafka-python does not read. It takes a member
        # that joins anew for another one, and waits as long as a session for the first.
        on_mock = kafka.kind == "mock"
        found: dict[str, Any] = {"api_version": (2, 3)} if on_mock else {}
        session = {"session_timeout_ms": 6000} if on_mock else {}
        client = {"bootstrap_servers": kafka.bootstrap_servers, **found}
        self._commands = topics.commands
        self._sagas: dict[str, CreateOrder] = {}
        self._closed = threading.Event()
        self._producer = KafkaProducer(**client, value_serializer=lambda v: json.dumps(v).encode("utf-8"))
        self._consumer = KafkaConsumer(
            **client,
            **session,
            group_id=fresh("create-order-saga-group"),
            auto_offset_reset="earliest",
            value_deserializer=lambda m: json.loads(m.decode("utf-8")),
        )
        # kafka-python that joins its group before it knows the topic's partitions may stay without any.
        until(lambda: self._consumer.partitions_for_topic(topics.events), f"{topics.events} has partitions")
        self._consumer.subscribe([topics.events])
        self._thread = threading.Thread(target=self._consume, daemon=True)
        self._thread.start()

    def start(self, order_id: str, customer: dict[str, Any], order: dict[str, Any]) -> CreateOrder:
        """Begin with the payment, because the order and the user's card are known."""
        saga = CreateOrder(fresh("saga"))
        self._sagas[saga.id] = saga
        payload = {"order_id": order_id, "customer": customer, "order": order, "return_url": "http://localhost:5173/"}
        self._publish("authorize_payment", saga, payload)
        return saga

    def compensate(self, saga: CreateOrder) -> None:
        """Compensate after the failure of a later step."""
        saga.step = "COMPENSATING"
        self._publish("revert_payment", saga, {"payment_id": saga.heard[0]["payload"]["payment_id"]})

    def close(self) -> None:
        self._closed.set()
        self._thread.join()
        self._producer.close()
        self._consumer.close()

    def _publish(self, kind: str, saga: CreateOrder, payload: dict[str, Any]) -> None:
        timestamp = datetime.now(UTC).replace(tzinfo=None).isoformat()  # the saga's is naive
        message = {"type": kind, "correlation_id": saga.id, "timestamp": timestamp, "payload": payload}
        self._producer.send(self._commands, message).get(timeout=_SECONDS)

    def _consume(self) -> None:
        while not self._closed.is_set():
            for batch in self._consumer.poll(timeout_ms=200).values():
                for record in batch:
                    self._handle(record.value)

    def _handle(self, event: dict[str, Any]) -> None:
        saga = self._sagas.get(event["correlation_id"])
        if saga is None:
            return
        saga.heard.append(event)
        status = event["payload"].get("status")
        if event["type"] == "payment.authorized":
            saga.step = "UPDATE_ORDER_STATUS"
        elif event["type"] == "payment.released" and status == "REVERTED":
            saga.step = "COMPENSATED"
        elif event["type"] == "payment.failed":
            saga.step = "FAILED"


class CompleteOrderSaga:
    """The Temporal saga's activities: plain `requests`, no token, no retry of its own."""

    def __init__(self, url: str) -> None:
        self._url = url

    def get_payment_id(self, order_id: str) -> str:
        """The id in the nested, camelCase payment."""
        response = requests.get(f"{self._url}/payment/{order_id}/status", timeout=_SECONDS)
        response.raise_for_status()
        found: str = response.json().get("payment", {}).get("paymentId")
        return found

    def release_funds(self, payment_id: str, runner_id: str, account: str) -> dict[str, Any]:
        """Pay the runner."""
        body = {"runner_id": runner_id, "runner_connect_account_id": account}
        return self._post(payment_id, "release", json=body)

    def rollback_release_funds(self, payment_id: str) -> dict[str, Any]:
        """Revert the payment, without body and content type."""
        return self._post(payment_id, "revert")

    def _post(self, payment_id: str, what: str, **content: Any) -> dict[str, Any]:
        response = requests.post(f"{self._url}/payment/{payment_id}/{what}", timeout=_SECONDS, **content)
        response.raise_for_status()
        found: dict[str, Any] = response.json()
        return found
