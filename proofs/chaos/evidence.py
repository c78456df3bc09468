"""The evidence from outside: Stripe's ledger, the topics, the database."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg2
from psycopg2.extras import RealDictCursor

from devstack.saga_client import Place, Record, SagaClient, committed_records
from devstack.stripe_simulator.client import SimulatorControl
from devstack.stripe_simulator.ledger import LedgerEntry
from devstack.topics import Topics

Row = dict[str, Any]
_LOOK_EVERY_SECONDS = 0.1

UNPUBLISHABLE = "stranger.unpublishable"
"""The type of rows that Kafka can only refuse."""

_REFUSED = """
    SELECT * FROM outbox WHERE EXISTS (
        SELECT FROM dead_letters d WHERE d.partition = -1 AND d."offset" = outbox.position)
"""
_TO_BE_PUBLISHED = """
    SELECT * FROM outbox WHERE NOT EXISTS (
        SELECT FROM dead_letters d WHERE d.partition = -1 AND d."offset" = outbox.position)
    ORDER BY position
"""
"""Rows without a dead letter of their position. The dead letter of a refused row may have a cut topic name."""


def identity(record: Record) -> str:
    """The identity of a message."""
    return record.headers.get("ce_id", f"without an id: {record.key}")


@dataclass(frozen=True)
class Asked:
    """A command sent beside the sagas: the key of its answer, and the places of its copies."""

    answers: tuple[str, str]
    places: tuple[Place, ...]


@dataclass
class Trail:
    """The traces of strangers."""

    topics: list[str] = field(default_factory=list)
    """Additional topics of their rows."""
    written: list[str] = field(default_factory=list)
    """Event ids that the database accepted from them."""
    asked: list[Asked] = field(default_factory=list)
    """Their commands that a broker accepted."""
    held_up: list[str] = field(default_factory=list)
    """Work that waited for the problem of another."""


@dataclass(frozen=True)
class Evidence:
    """All evidence at one moment. ``records`` are those that came through the outbox."""

    payments: list[Row]
    commands: list[Row]
    transitions: list[Row]
    outbox: list[Row]
    effects: list[LedgerEntry]
    records: list[Record]
    refused: list[Row] = field(default_factory=list)
    """Outbox rows that are in the dead letters instead of their topic."""
    written: list[str] = field(default_factory=list)
    """Event ids that the database accepted from strangers."""
    asked: list[Asked] = field(default_factory=list)
    """Commands of strangers."""
    held_up: list[str] = field(default_factory=list)
    """Work that waited for the problem of another."""

    @property
    def answers(self) -> list[tuple[str, str]]:
        """The commands that the events answer."""
        return [record.answers for record in self.records if record.answers is not None]

    @property
    def once(self) -> "Evidence":
        """The evidence of a reader that drops repeated ids."""
        first = {identity(record): record for record in reversed(self.records)}
        return replace(self, records=[record for record in self.records if first[identity(record)] is record])

    @property
    def unheard(self) -> list[Asked]:
        """Strangers' commands without an answer whose copies are not all in the dead letters."""
        answered, dead = set(self.answers), set(self._dead_letters())
        return [one for one in self.asked if one.answers not in answered and not dead.issuperset(one.places)]

    @property
    def quiet(self) -> bool:
        """Whether no work is left."""
        done = all(row["state"] == "done" for row in self.commands) and not self.unheard
        return done and len(self.records) >= len(self.outbox)

    def _dead_letters(self) -> Iterator[Place]:
        for record in self.records:
            if record.topic.endswith(".dead_letter"):
                yield record.body["partition"], record.body["offset"]


@dataclass(frozen=True)
class Scene:
    """The places of the evidence."""

    database_url: str
    bootstrap_servers: str
    topics: Topics
    stripe: SimulatorControl
    trail: Trail = field(default_factory=Trail)

    @property
    def kafka(self) -> dict[str, Any]:
        """Settings of Kafka clients, which log nothing about a failing broker."""
        return {"bootstrap.servers": self.bootstrap_servers, "log_level": 0}

    @property
    def published(self) -> list[str]:
        """Every topic to which the outbox is published."""
        return [self.topics.commands, self.topics.events, f"{self.topics.commands}.dead_letter", *self.trail.topics]

    def client(self) -> SagaClient:
        """A client for all sagas, which reads every topic of the outbox from its beginning."""
        also = [topic for topic in self.published if topic != self.topics.events]
        return SagaClient(self.kafka, self.topics.commands, self.topics.events, also=also, start="earliest")

    def look(self) -> Evidence:
        """The present evidence."""
        found = committed_records(self.kafka, self.published)
        return Evidence(
            payments=self.rows("SELECT * FROM payments"),
            commands=self.rows("SELECT * FROM commands"),
            transitions=self.rows("SELECT * FROM payment_transitions ORDER BY id"),
            outbox=self.rows(_TO_BE_PUBLISHED),
            effects=self.stripe.ledger(),
            # The sagas' own commands, and records that are no command, have no headers.
            records=[record for record in found if record.headers],
            refused=self.rows(_REFUSED),
            written=list(self.trail.written),
            asked=list(self.trail.asked),
            held_up=list(self.trail.held_up),
        )

    def look_when_quiet(self, seconds: float) -> Evidence:
        """The evidence when no work is left, or after the time-out; open work is then visible in it."""
        self.stripe.drain_webhooks(seconds)
        deadline = time.monotonic() + seconds
        while not (evidence := self.look()).quiet and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_SECONDS)
        return evidence

    def rows(self, statement: str, values: Iterable[Any] = ()) -> list[Row]:
        """Execute a query, or a stranger's write; returns its rows."""
        connection = psycopg2.connect(self.database_url)
        try:
            with connection, connection.cursor(cursor_factory=RealDictCursor) as cursor:
                cursor.execute(statement, tuple(values))
                return [dict(row) for row in cursor.fetchall()] if cursor.description else []
        finally:
            connection.close()
