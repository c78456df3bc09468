"""The time from an event's commit until a `read_committed` consumer sees it."""

import multiprocessing
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from confluent_kafka import Message

from bench import our_relay, paced_writers
from bench.figures import Curve, Plot, Reach, Result, Row, Series, per_round, percentile
from bench.scale import Scale
from bench.servers import Servers
from devstack.saga_client import CommittedReader, until

_WARM_UP_SECONDS = 1
"""The first transaction must find coordinators and metadata, which delays all events of that time."""

_LAST_WAIT_SECONDS = 60.0
_PERCENTILES = ((0.5, "p50", Reach(1.5, at_most=True)), (0.99, "p99", Reach(3.0, at_most=True)), (0.999, "p99.9", None))
_CURVE = tuple(part / 1000 for part in (*range(10, 1000, 10), 995, 999))

Writer = Callable[[Connection, dict[str, Any]], None]


@dataclass(frozen=True)
class _Way:
    name: str
    writer: Writer
    pace: int
    events: int


def measure(servers: Servers, scale: Scale) -> Result:
    """A writer process notes the commit of each event; this process notes when a consumer sees it."""
    bare = _Way("a Kafka transaction of one record", paced_writers.write_to_kafka, 50, scale.events_at_slow_pace)
    slow = _Way("at 50/s", paced_writers.write_to_outbox, 50, scale.events_at_slow_pace)
    fast = _Way("at 500/s", paced_writers.write_to_outbox, 500, scale.events_at_fast_pace)
    found: dict[str, list[list[float]]] = {way.name: [] for way in (bare, slow, fast)}
    for _ in range(scale.rounds):
        for way in (bare, slow, fast):
            found[way.name].append(_round(servers, way))
    rows = [
        Row(_series(way, part, name, found), _series(bare, part, name, found), reach)
        for way in (slow, fast)
        for part, name, reach in _PERCENTILES
    ]
    curves = tuple(_curve(name, rounds) for name, rounds in found.items())
    plot = Plot("Commit to seen, by percentile", "percentile", "milliseconds", curves)
    return Result(tuple(rows), ("From the return of COMMIT; the bare one from produce().",), plots=(plot,))


def _series(way: _Way, part: float, name: str, found: dict[str, list[list[float]]]) -> Series:
    return per_round(f"{name} {way.name}", "ms", [percentile(times, part) for times in found[way.name]])


def _curve(name: str, rounds: list[list[float]]) -> Curve:
    times = [one for each in rounds for one in each]
    return Curve(name, tuple((100 * part, percentile(times, part)) for part in _CURVE))


def _round(servers: Servers, way: _Way) -> list[float]:
    """Milliseconds of each event after the warm-up."""
    with servers.database() as url, servers.topic("events") as topic:
        bootstrap = servers.kafka.bootstrap_servers
        todo = {"url": url, "bootstrap": bootstrap, "topic": topic, "pace": way.pace}
        todo["events"] = way.events + _WARM_UP_SECONDS * way.pace
        if way.writer is paced_writers.write_to_kafka:
            return watch(way.writer, todo)
        with our_relay.running(url, bootstrap, topic, "exactly-once"):
            return watch(way.writer, todo)


def watch(writer: Writer, todo: dict[str, Any]) -> list[float]:
    """Milliseconds from commit to seen of each event that `writer` writes, after a warm-up."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=writer, args=(there, todo))
    process.start()
    try:
        seen = _read(todo["bootstrap"], todo["topic"], todo["events"])
        written: dict[str, float] = here.recv()
    finally:
        process.join()
    first = sorted(written, key=written.__getitem__)[: _WARM_UP_SECONDS * todo["pace"]]
    return [1000 * (seen[key] - at) for key, at in written.items() if key not in first]


def _read(bootstrap: str, topic: str, events: int) -> dict[str, float]:
    seen: dict[str, float] = {}
    with closing(CommittedReader({"bootstrap.servers": bootstrap, "log_level": 0}, [topic])) as reader:
        until(reader.begin, f"there is a topic {topic}")
        while len(seen) < events:
            messages = reader.batch(_LAST_WAIT_SECONDS)
            if not messages:
                raise TimeoutError(f"{events - len(seen)} events do not come")
            for message in messages:
                seen[_event_id(message)] = time.monotonic()
    return seen


def _event_id(message: Message) -> str:
    headers: dict[str, Any] = dict(message.headers() or [])
    return str(headers["ce_id"], "ascii")
