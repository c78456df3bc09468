"""Strangers' rows in the outbox: some cannot be published, others have no topic yet."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from uuid import uuid4

import psycopg2
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from devstack.saga_client import committed_records
from devstack.service_process import ServiceProcess
from proofs.chaos.database import LOCKS
from proofs.chaos.evidence import UNPUBLISHABLE, Scene, identity
from proofs.chaos.faults import Trouble
from proofs.chaos.plan import Attack
from proofs.chaos.readiness import Outage, Watch, name_of

_SAID = "stranger.said"
_SECONDS = 120.0
_PAUSE_SECONDS = 0.2
_PASSING = {"08", "25", "40", "53", "55", "57"}
"""Classes of SQLSTATE about the server or the moment, not about the row."""


_APPEND = """
    INSERT INTO outbox (event_id, topic, key, type, sequence, value, headers) VALUES (%s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True)
class Row:
    """One row of a stranger."""

    topic: str
    value: str = "{}"
    headers: str = '[["ce_id", "%s"]]'
    """JSON with a mark for the event id."""
    publishable: bool = True

    def values(self, event_id: str, key: str, sequence: int) -> tuple[object, ...]:
        """Parameters of the statement that appends it, with its number in the sequence if it can be read."""
        headers = self.headers.replace("%s", event_id)
        if not self.publishable:
            return event_id, self.topic, key, UNPUBLISHABLE, None, self.value, headers
        numbered = f'{headers[:-1]}, ["sequence", "{sequence}"]]'
        return event_id, self.topic, key, _SAID, sequence, self.value, numbered


def rows_of_a_stranger(topic: str) -> list[Row]:
    """Rows that Kafka refuses, between good ones of the same key."""
    good = Row(topic)
    refused = [
        Row(topic, value="x" * (2 * 1024 * 1024), publishable=False),  # larger than a topic's default limit
        Row(topic, headers='[["\\ud800", "half of a pair"]]', publishable=False),  # JSON, and no JSONB
        Row(topic, headers='{"a": "list"}', publishable=False),
        Row(topic, headers="[[1e400000, 1]]", publishable=False),
        Row("x" * 9_000, publishable=False),  # longer than an index takes
        Row("no name/of a topic", publishable=False),
    ]
    return [good, *(row for bad in refused for row in (bad, good))]


class StrangeRows:
    """Appends rows and notes them in the scene: none of them may be lost."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._numbers = count(1)
        self._lock = threading.Lock()
        self.refused_rows: Counter[str] = Counter()
        """Rows that the database refused, by reason."""

    def troubles(self, relays: Sequence[ServiceProcess], watch: Watch) -> dict[Attack, list[Trouble]]:
        """All faults by rows."""
        return {Attack.STRANGE_ROWS: [self.refused()], Attack.HOMELESS_ROWS: [self.homeless(relays, watch)]}

    def refused(self) -> Trouble:
        """Unpublishable rows among others."""
        return Trouble(frozenset({"strangers"}), lambda: self._append(rows_of_a_stranger(self._scene.topics.events)))

    def homeless(self, relays: Sequence[ServiceProcess], watch: Watch) -> Trouble:
        """Rows for a topic that appears later: they must wait and be reported, and no other row may wait.

        No other fault hits PostgreSQL, Kafka or a relay meanwhile, because the rows need them.
        """

        def append() -> None:
            topic = f"{self._scene.topics.events}_{next(self._numbers)}"
            self._scene.trail.topics.append(topic)
            self._append([Row(topic), Row(topic)])
            behind = self._append([Row(self._scene.topics.events)])
            outage = Outage(f"there is no topic {topic}", [topic], [relays], ready_meanwhile=True)
            watch.outage(outage, lambda: self._make(topic, behind))

        places = {"strangers", "apache", "embedded", LOCKS, *(name_of(relay) for relay in relays)}
        return Trouble(frozenset(places), append)

    def _append(self, rows: Sequence[Row]) -> list[str]:
        """Append rows one by one under one key; each is tried until the database has accepted or refused it.

        Returns the event ids of accepted rows.
        """
        taken: list[str] = []
        key, sequence = f"stranger-{next(self._numbers)}", 0
        for row in rows:
            sequence += row.publishable
            event_id = str(uuid4())
            if self._taken(row.values(event_id, key, sequence)):
                taken.append(event_id)
        with self._lock:
            self._scene.trail.written += taken
        return taken

    def _taken(self, values: tuple[object, ...]) -> bool:
        """Whether the database accepted the row. Raises psycopg2.Error when it does not answer for long."""
        until = time.monotonic() + _SECONDS
        while True:
            try:
                self._scene.rows(_APPEND, values)
            except psycopg2.Error as error:
                if error.diag.constraint_name == "uq_outbox_event_id":
                    return True  # by an earlier try whose answer was lost
                if error.pgcode is not None and error.pgcode[:2] not in _PASSING:
                    with self._lock:
                        self.refused_rows[str(error).partition("\n")[0]] += 1
                    return False
                if time.monotonic() > until:
                    raise
                time.sleep(_PAUSE_SECONDS)
            else:
                return True

    def _make(self, topic: str, behind: list[str]) -> None:
        """Make the topic; rows written ``behind`` its rows must be published already."""
        found = committed_records(self._scene.kafka, [self._scene.topics.events])
        published = {identity(record) for record in found}
        late = [event_id for event_id in behind if event_id not in published]
        with self._lock:
            self._scene.trail.held_up += [f"{event_id} waits, because there is no topic {topic}" for event_id in late]
        admin = AdminClient(self._scene.kafka)
        # The topic exists already if a client asked a broker that makes topics on request.
        if topic not in admin.list_topics(timeout=_SECONDS).topics:
            admin.create_topics([NewTopic(topic, 3)])[topic].result(_SECONDS)
