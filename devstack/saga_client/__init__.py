"""A client of the payment service over Kafka, for you to copy. It depends on the wire contract, not on the service.

    client = SagaClient({"bootstrap.servers": "localhost:9092"}, "payment_commands", "payment_events")
    sent = client.send("authorize_payment", "saga-1", {"order_id": "order-1", ...})
    event = client.outcome(*sent.answers)

A careful reader of events does four things. This client does the first three:

- It reads with ``isolation.level=read_committed``, because the relay publishes in transactions and may abort one.
- It keeps each ``ce_id`` and drops a record that repeats one. At-least-once delivery repeats records after a crash,
  and an operator's replay repeats them on purpose. A real saga keeps the ids with its state, in one transaction of its
  database; this client keeps them in memory.
- It waits for an outcome by correlation id *and* ``command_type``. One saga may send several commands under one
  correlation id, and news of a payment's money has a correlation id but answers no command.
- It orders one payment's events by ``sequence`` (1, 2, 3 … without holes), and expects no order between payments. The
  key of each event about a payment is the payment's id, so its events come in that order, from one partition. A hole
  is an event that this reader has lost.

A careful sender repeats a command only under its own correlation id. The service answers each pair of type and
correlation id once, however often the command is delivered.

Modules: ``client`` combines both sides; ``sender`` sends commands to their topic; ``reader`` reads topics, ``feed``
does so in a thread, ``heard`` keeps received records and waits for others; ``records`` has the values.
"""

from devstack.saga_client.client import SagaClient, Sent, encoded, enveloped
from devstack.saga_client.errors import NotHeardError, SagaError
from devstack.saga_client.feed import EventFeed
from devstack.saga_client.heard import WAIT_SECONDS, Heard
from devstack.saga_client.reader import CommittedReader, committed_records
from devstack.saga_client.records import About, CommandKey, Place, Record, record_of
from devstack.saga_client.sender import CommandSender, Headers
from devstack.saga_client.waiting import until

__all__ = [
    "WAIT_SECONDS",
    "About",
    "CommandKey",
    "CommandSender",
    "CommittedReader",
    "EventFeed",
    "Headers",
    "Heard",
    "NotHeardError",
    "Place",
    "Record",
    "SagaClient",
    "SagaError",
    "Sent",
    "committed_records",
    "encoded",
    "enveloped",
    "record_of",
    "until",
]
