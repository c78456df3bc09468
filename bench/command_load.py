"""Authorize commands, sent and waited for."""

import secrets
import time
from typing import Any

from confluent_kafka import Producer

from bench.servers import query
from devstack.saga_client import encoded, enveloped

OURS = "correlation_id BETWEEN %s || '-' AND %s || '.'"
"""A condition on the primary key, because it is queried often and the table may be large; the collation is C."""

_DONE = f"SELECT count(*) FROM commands WHERE state = 'done' AND {OURS}"
_PATIENCE_SECONDS = 300.0


class CommandLoad:
    """Commands of different orders, with unique ids, because the database may contain others."""

    def __init__(self, url: str, bootstrap: str, topic: str) -> None:
        self._url = url
        self._topic = topic
        self._producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
        self._prefix = f"bench-{secrets.token_hex(4)}"
        self._sent = 0

    def ask(self, statement: str) -> Any:
        """A figure of these commands."""
        return query(self._url, statement, self._prefix, self._prefix)[0][0]

    def send(self, commands: int) -> None:
        """Send this number of further commands."""
        for number in range(self._sent, self._sent + commands):
            name = f"{self._prefix}-{number}"
            payload = {
                "customer_id": f"customer-{number % 100}",
                "payment_method_id": "pm_card_visa",
                "amount": 1500,
                "currency": "sgd",
                "order_id": name,
            }
            command = encoded(enveloped("authorize_payment", name, payload))
            self._producer.produce(self._topic, command, name)
        self._producer.flush()
        self._sent += commands

    def wait(self) -> None:
        """Wait until all are answered. Raises TimeoutError."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self.ask(_DONE) != self._sent:
            if time.monotonic() > deadline:
                raise TimeoutError("the commands are not answered")
            time.sleep(0.25)
