"""The consumer's metrics for Prometheus."""

import time
from collections.abc import Callable, Mapping

from prometheus_client import Counter, Gauge, Histogram

from service.domain.errors import Wait

CONSUMED = Counter("payment_consumer_messages", "Records taken from Kafka, by kind of contents", ["kind"])
DEAD_LETTERS = Counter("payment_consumer_dead_letters", "Records refused or unreadable, by reason", ["reason"])
RETRIES = Counter("payment_consumer_retries", "Failed tries to make a record durable; each is repeated")
DUE = Counter("payment_consumer_due", "Unfinished commands taken up from the database")
COMMIT_FAILURES = Counter("payment_consumer_commit_failures", "Offset commits that Kafka did not take")
SECONDS = Histogram(
    "payment_consumer_seconds",
    "From a worker's start to a durable record, by kind of contents",
    ["kind"],
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
LAG = Gauge("payment_consumer_lag", "Records not yet committed; -1 while unknown, an alarm", ["topic", "partition"])
JOINED = Gauge("payment_consumer_joined", "1 while the consumer group is joined, 0 before")
SKIPPED = Counter("payment_consumer_skipped_offsets", "Offsets deleted before they were read", ["topic", "partition"])
EXCHANGED = Counter(
    "payment_consumer_exchanged_partitions", "Partitions that belong to another topic of the same name now", ["topic"]
)
_IN_FLIGHT = Gauge("payment_consumer_in_flight", "Jobs that a worker runs now")
_HELD = Gauge("payment_consumer_held", "Jobs in memory: running, queued and set aside")
_HELD_BYTES = Gauge("payment_consumer_held_bytes", "Memory of these jobs, as counted against its limit")
_BEAT = Gauge("payment_consumer_beat_age_seconds", "Seconds since the last beat of the polling thread")
_SET_ASIDE = Gauge("payment_consumer_keys_set_aside", "Keys that wait after a failure")
_WAITING = Gauge("payment_consumer_keys_waiting", "Keys that wait after a failure, by reason", ["wait"])
_OLDEST = Gauge("payment_consumer_oldest_unfinished_seconds", "Age of the record that holds the commit position back")


def watch(
    *,
    in_flight: Callable[[], int],
    held: Callable[[], int],
    held_bytes: Callable[[], int],
    beat_age: Callable[[], float],
    set_aside: Callable[[], int],
    oldest_begun: Callable[[], float | None],
    waits: Callable[[], Mapping[Wait, int]],
) -> None:
    """Call these functions whenever the metrics are read. ``oldest_begun`` returns a time of the monotonic clock."""
    _IN_FLIGHT.set_function(in_flight)
    _HELD.set_function(held)
    _HELD_BYTES.set_function(held_bytes)
    _BEAT.set_function(beat_age)
    _SET_ASIDE.set_function(set_aside)
    _OLDEST.set_function(lambda: _age(oldest_begun()))
    for wait in Wait:
        _WAITING.labels(wait).set_function(lambda wait=wait: waits().get(wait, 0))  # type: ignore[misc]


def _age(begun: float | None) -> float:
    return 0.0 if begun is None else time.monotonic() - begun
