"""How fast a full outbox is published."""

import time

from bench import our_relay
from bench.figures import Reach, Result, Row, per_round
from bench.outbox_rows import append, average_bytes
from bench.peers import BareLoop, TextbookRelay
from bench.scale import Scale
from bench.servers import Servers

BARE, BARE_HEADLESS = "bare SELECT and produce", "the same without headers"
TEXTBOOK, EXACTLY, AT_LEAST = "textbook relay (SKIP LOCKED)", "exactly-once", "at-least-once"

_WARM_UP = 0.1
"""Part of a round's rows that each contender publishes before the first round counts."""


def measure(servers: Servers, scale: Scale) -> Result:
    """Every contender has fresh rows in a fresh database, just committed: each is the first to read them."""
    rounds: dict[str, list[float]] = {name: [] for name in (BARE, BARE_HEADLESS, TEXTBOOK, EXACTLY, AT_LEAST)}
    names = list(rounds)
    size = 0
    for number in range(scale.rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            rate, size = _publish(servers, name, scale)
            rounds[name].append(rate)
    figures = {name: per_round(name, "rows/s", rates) for name, rates in rounds.items()}
    rows = [
        Row(figures[EXACTLY], figures[BARE], Reach(0.55)),
        Row(figures[AT_LEAST], figures[BARE], Reach(0.65)),
        Row(figures[EXACTLY], figures[BARE_HEADLESS]),
        Row(figures[EXACTLY], figures[TEXTBOOK], Reach(4.0)),
        Row(figures[AT_LEAST], figures[TEXTBOOK]),
    ]
    notes = (
        f"{scale.rows:,} rows, values of {size} bytes and 10 headers, {scale.keys:,} payments.",
        "Ours: from the commit that makes the rows visible until the last one is committed in Kafka and mirrored.",
    )
    return Result(tuple(rows), notes)


def _publish(servers: Servers, name: str, scale: Scale) -> tuple[float, int]:
    """Rows a second, and the values' size."""
    with servers.database() as url, servers.topic("events") as topic:
        bootstrap = servers.kafka.bootstrap_servers
        if name in {EXACTLY, AT_LEAST}:
            return _ours(url, bootstrap, topic, name, scale), average_bytes(url)
        peer = (
            TextbookRelay(url, bootstrap, topic)
            if name == TEXTBOOK
            else BareLoop(bootstrap, topic, with_headers=name == BARE)
        )
        append(url, topic, _warm_up_rows(scale), scale.keys)
        peer.publish(url)
        append(url, topic, scale.rows, scale.keys)
        return scale.rows / peer.publish(url), average_bytes(url)


def _ours(url: str, bootstrap: str, topic: str, delivery: str, scale: Scale) -> float:
    with our_relay.running(url, bootstrap, topic, delivery):
        our_relay.wait_for(url, append(url, topic, _warm_up_rows(scale), scale.keys))
        last = append(url, topic, scale.rows, scale.keys)
        began = time.monotonic()
        return scale.rows / (our_relay.wait_for(url, last) - began)


def _warm_up_rows(scale: Scale) -> int:
    """A whole number of rows a key."""
    return max(scale.keys, int(scale.rows * _WARM_UP) // scale.keys * scale.keys)
