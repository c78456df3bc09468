"""Other people's rows in the outbox and other people's commands: some cannot be published, some are large."""

import json
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from uuid import uuid4

import psycopg2
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from devstack.service_process import ServiceProcess
from storm.blows import Trouble
from storm.database import LOCKS, no_commands
from storm.evidence import UNPUBLISHABLE, Asked, Scene, identity
from storm.plan import Attack
from storm.readiness import Outage, Watch, ask, name_of
from storm.topics import Commands, read_all

_SAID = "stranger.said"
_SECONDS = 120.0
_PAUSE_SECONDS = 0.2
_PASSING = {"08", "25", "40", "53", "55", "57"}
"""Classes of SQLSTATE that say something of the server or of the moment, and nothing of the row."""

_LARGE_PAIRS = 4
_LARGE_BYTES = 950_000
_FLOODED, _COPIES = 6, 100
_READY_SECONDS = 15.0

_APPEND = """
    INSERT INTO outbox (event_id, topic, key, type, sequence, value, headers) VALUES (%s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True)
class Row:
    """One row of a stranger's; ``headers`` go behind those that every record has."""

    topic: str
    value: str = "{}"
    headers: str = "[]"
    publishable: bool = True


def rows_of_a_stranger(topic: str) -> list[Row]:
    """Refused ones between good ones of the same key."""
    good = Row(topic)
    refused = [
        Row(topic, value="x" * (2 * 1024 * 1024), publishable=False),  # larger than a topic takes by default
        Row(topic, headers='["\\ud800", "half of a pair"]', publishable=False),  # JSON, and no JSONB
        Row(topic, headers='{"a": "list"}', publishable=False),
        Row(topic, headers="[1e400000]", publishable=False),
        Row("x" * 9_000, publishable=False),  # longer than an index takes
        Row("no name/of a topic", publishable=False),
    ]
    return [good, *(row for bad in refused for row in (bad, good))]


def _large_parts() -> Sequence[object]:
    parts = _LARGE_BYTES // len("{},")
    return [{}] * parts, {"order_id": [[]] * parts}


class Strangers:
    """They leave a trail in the scene: none of it may be lost."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._commands = Commands(scene.bootstrap_servers, scene.topics.commands)
        self._numbers = count(1)
        self._lock = threading.Lock()
        self.turned_away: Counter[str] = Counter()
        """Rows that the database did not take, by what it said."""

    def close(self) -> None:
        self._commands.close()

    def troubles(
        self, relays: Sequence[ServiceProcess], extra: ServiceProcess, watch: Watch
    ) -> dict[Attack, list[Trouble]]:
        """All that they do; ``extra`` is a consumer that does not run."""
        return {
            Attack.STRANGE_ROWS: [self.rows()],
            Attack.HOMELESS_ROWS: [self.homeless_rows(relays, watch)],
            Attack.LARGE_COMMANDS: [self.large_commands()],
            Attack.REBALANCED: [self.flood(extra)],
        }

    def rows(self) -> Trouble:
        """Rows that nobody can publish, among others."""
        return Trouble(frozenset({"strangers"}), lambda: self._append(rows_of_a_stranger(self._scene.topics.events)))

    def homeless_rows(self, relays: Sequence[ServiceProcess], watch: Watch) -> Trouble:
        """Rows for a topic that is made only later: they must wait, and be named, and nothing else may wait.

        Nobody else strikes what a row needs on its way: PostgreSQL, Kafka and relays.
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

    def large_commands(self) -> Trouble:
        """Each nearly as large as a record may be, and of many small parts."""

        def send() -> None:
            self._ask([{"payload": part} for part in _large_parts()] * _LARGE_PAIRS, copies=1)

        return Trouble(frozenset({"strangers"}), send)

    def flood(self, extra: ServiceProcess) -> Trouble:
        """One more consumer comes and goes while all are full: nobody can accept or finish a command."""

        def join() -> None:
            sending = threading.Thread(target=self._ask, args=([{"payload": {"amount": "much"}}] * _FLOODED, _COPIES))
            sending.start()
            extra.start()
            _wait_until_ready(extra)
            sending.join()

        def come_and_go() -> None:
            try:
                no_commands(self._scene.database_url, join)
                _wait_until_ready(extra)
            finally:
                extra.stop()

        return Trouble(frozenset({"another consumer", LOCKS}), come_and_go)

    def _ask(self, contents: Sequence[Mapping[str, object]], copies: int) -> None:
        for content in contents:
            name = f"stranger-{next(self._numbers)}"
            value = json.dumps(
                {"type": "authorize_payment", "correlation_id": name, **content}, separators=(",", ":")
            ).encode()
            places = [landed.result(_SECONDS) for landed in [self._commands.send(value) for _ in range(copies)]]
            with self._lock:
                self._scene.trail.asked.append(Asked(("authorize_payment", name), tuple(places)))

    def _append(self, rows: Sequence[Row]) -> list[str]:
        """One after another, under one key; each is tried until the database has taken or refused it.

        The event ids of those that it has taken.
        """
        taken: list[str] = []
        key, sequence = f"stranger-{next(self._numbers)}", 0
        for row in rows:
            sequence += row.publishable
            event_id = str(uuid4())
            pairs = [["ce_id", event_id]]
            if row.publishable:
                pairs.append(["sequence", str(sequence)])
            headers = json.dumps(pairs)
            if row.headers != "[]":
                headers = row.headers if row.headers.startswith("{") else f"{headers[:-1]}, {row.headers}]"
            kind = _SAID if row.publishable else UNPUBLISHABLE
            values = (event_id, row.topic, key, kind, sequence if row.publishable else None, row.value, headers)
            if self._taken(values):
                taken.append(event_id)
        with self._lock:
            self._scene.trail.written += taken
        return taken

    def _taken(self, values: tuple[object, ...]) -> bool:
        """Whether the database has it. Raises psycopg2.Error when it does not answer for long."""
        until = time.monotonic() + _SECONDS
        while True:
            try:
                self._scene.rows(_APPEND, values)
            except psycopg2.Error as error:
                if error.diag.constraint_name == "uq_outbox_event_id":
                    return True  # by the attempt before, whose answer was lost
                if error.pgcode is not None and error.pgcode[:2] not in _PASSING:
                    with self._lock:
                        self.turned_away[str(error).partition("\n")[0]] += 1
                    return False
                if time.monotonic() > until:
                    raise
                time.sleep(_PAUSE_SECONDS)
            else:
                return True

    def _make(self, topic: str, behind: list[str]) -> None:
        """The topic, at last; what was written ``behind`` its rows must be published already."""
        published = {
            identity(record) for record in read_all(self._scene.bootstrap_servers, [self._scene.topics.events])
        }
        late = [event_id for event_id in behind if event_id not in published]
        with self._lock:
            self._scene.trail.held_up += [f"{event_id} waits, because there is no topic {topic}" for event_id in late]
        admin = AdminClient({"bootstrap.servers": self._scene.bootstrap_servers, "log_level": 0})
        # Where it is there already, somebody asked a broker that makes what it is asked for.
        if topic not in admin.list_topics(timeout=_SECONDS).topics:
            admin.create_topics([NewTopic(topic, 3)])[topic].result(_SECONDS)


def _wait_until_ready(process: ServiceProcess) -> None:
    """Or until it is clear that it can't be while all are full."""
    until = time.monotonic() + _READY_SECONDS
    while ask(process, "/ready").status != 200 and time.monotonic() < until:
        time.sleep(_PAUSE_SECONDS)
