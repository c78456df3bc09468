"""Each client library reads the events that each delivery has published; docs/readers.md has a table of the results.

``READERS_REWRITE=1`` rewrites the table.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import dropwhile
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka import KafkaException

from devstack.kafka import Kafka
from devstack.readers.libraries import AIOKAFKA, PUBLISHED, LibraryUnavailableError, find_library
from devstack.topics import make_topic, unique_topics
from relay.active_term import make_publisher
from relay.crash_points import CrashPoint
from relay.health import Health
from relay.log_reader import Row
from relay.positions import Settled
from relay.producer import Publisher
from relay.receipt import Epoch, Receipt
from relay.settings import RelaySettings
from tests.integration.relay.running import settings_for
from tests.support.reading.asked import SECONDS, Heard
from tests.support.requirements import unavailable

pytestmark = [pytest.mark.kafka, pytest.mark.real_kafka]

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = ROOT / "docs" / "readers.md"
HEAD = "| Library | Isolation level | `exactly-once` | `at-least-once` |\n|---|---|---|---|\n"
DELIVERIES = ("exactly-once", "at-least-once")
EVENTS = [f"00000000-0000-4000-8000-{number:012}" for number in range(1, 13)]
REPLAYED = EVENTS[0]
COMMITTED = "read_committed"


class Library(NamedTuple):
    """``kept``: the name of the library's own environment; None for a library of the project's environment."""

    name: str
    script: str
    kept: str | None
    isolations: Sequence[str | None]


LIBRARIES = (
    Library("kafka-python", "by_kafka_python", PUBLISHED, (None,)),
    Library("kafka-python", "by_kafka_python", None, (None, COMMITTED)),
    Library("confluent-kafka", "by_confluent_kafka", None, (None,)),
    Library("aiokafka", "by_aiokafka", AIOKAFKA, (None, COMMITTED)),
)
OWN = {"kafka-python": "`read_uncommitted` (default)", "confluent-kafka": "`read_committed` (default)"}


class DiedError(Exception):
    """The relay reached its crash point."""


@pytest.fixture(scope="module")
def published(kafka: Kafka) -> dict[str, str]:
    """One topic per delivery. A relay dies before it commits the second half; a new relay publishes it; one event is
    replayed."""
    return {delivery: _published(kafka, delivery) for delivery in DELIVERIES}


def _published(kafka: Kafka, delivery: str) -> str:
    topics = unique_topics()
    make_topic(kafka, topics.events, partitions=2)
    settings = settings_for("postgresql://nobody", kafka, topics, relay_delivery=delivery)
    half = len(EVENTS) // 2
    _publish(settings, range(half))
    if delivery == "exactly-once":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("relay.exactly_once.reached", _die_before_the_commit)
            with pytest.raises(DiedError):
                _publish(settings, range(half, len(EVENTS)))
    _publish(settings, range(half, len(EVENTS)))
    _publish(settings, [0], replayed=True)
    return topics.events


def _die_before_the_commit(point: CrashPoint) -> None:
    if point is CrashPoint.BEFORE_KAFKA_COMMIT:
        raise DiedError


def _publish(settings: RelaySettings, numbers: Sequence[int], *, replayed: bool = False) -> None:
    topic = settings.payment_events_topic
    rows: list[Row] = [
        (number + 1, topic, str(number), "{}", json.dumps([["ce_id", EVENTS[number]]]), replayed, 0)
        for number in numbers
    ]
    with closing(_opened(settings)) as publisher:
        publisher.publish(rows, Receipt(Settled(rows[-1][0]), Epoch(1, 1)))
        assert publisher.settle(SECONDS)


def _opened(settings: RelaySettings) -> Publisher:
    """A broker that has just started may have no coordinator yet: try again, as a relay does."""
    while True:
        publisher = make_publisher(settings, Health(), lambda: None)
        try:
            publisher.open()
        except KafkaException:
            publisher.close()
        else:
            return publisher


def _read(library: Library, kafka: Kafka, published: dict[str, str]) -> list[str]:
    """The library's rows of the table."""
    asks = [(topic, isolation) for isolation in library.isolations for topic in published.values()]
    asked = json.dumps({"bootstrap_servers": kafka.bootstrap_servers, "asks": asks})
    path = "" if library.kept is None else str(find_library(library.kept))
    output = subprocess.run(
        [sys.executable, "-m", f"tests.support.reading.{library.script}", asked],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        timeout=SECONDS,
        check=True,
    ).stdout
    answer = json.loads(output)
    pairs = zip(answer["heard"][::2], answer["heard"][1::2], strict=True)
    return [
        f"| {library.name} {answer['version']} | {_isolation(library, isolation)} | {_seen(one)} | {_seen(other)} |\n"
        for isolation, (one, other) in zip(library.isolations, pairs, strict=True)
    ]


def _isolation(library: Library, isolation: str | None) -> str:
    return f"`{isolation}`" if isolation else OWN.get(library.name, OWN["kafka-python"])


def _seen(heard: Sequence[Heard]) -> str:
    times = Counter(event for event, replayed in heard if not replayed)
    assert set(times) <= set(EVENTS)
    assert [event for event, replayed in heard if replayed] == [REPLAYED] * bool(times)
    twice = sum(number > 1 for number in times.values())
    number = f"{len(times)} of {len(EVENTS)} events" if len(times) < len(EVENTS) else "every event"
    return number if not times else f"{number}, {twice or 'none'} twice"


@pytest.fixture(scope="module")
def rows(kafka: Kafka, published: dict[str, str]) -> list[str]:
    """The rows of the measured table."""

    def read(library: Library) -> list[str]:
        return _read(library, kafka, published)

    try:
        with ThreadPoolExecutor(len(LIBRARIES)) as pool:
            return [row for found in pool.map(read, LIBRARIES) for row in found]
    except LibraryUnavailableError as error:
        unavailable("a reader's library", error)


def test_the_document_shows_the_events_that_each_library_read(rows: list[str]) -> None:
    table, text = HEAD + "".join(rows), DOCUMENT.read_text(encoding="utf-8")
    if os.environ.get("READERS_REWRITE") == "1":
        before, _, after = text.partition(HEAD)
        rest = dropwhile(lambda line: line.startswith("|"), after.splitlines(keepends=True))
        DOCUMENT.write_text(before + table + "".join(rest), encoding="utf-8")
    assert table in DOCUMENT.read_text(encoding="utf-8")


def test_at_least_once_suits_every_library(rows: list[str]) -> None:
    assert {row.split("|")[4].strip() for row in rows} == {"every event, none twice"}


def test_exactly_once_suits_every_read_committed_reader(rows: list[str]) -> None:
    committed = [row.split("|")[3].strip() for row in rows if COMMITTED in row]
    assert set(committed) == {"every event, none twice"}
