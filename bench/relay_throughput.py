"""The rate of publication of a full outbox."""

import time
from typing import NamedTuple

from bench import our_relay
from bench.figures import Reach, Result, Row, per_round
from bench.outbox_rows import VALUE_BYTES, append
from bench.peers import BareLoop, TextbookRelay
from bench.profile import processor_seconds
from bench.scale import Scale
from bench.servers import Servers

BARE, BARE_HEADLESS = "bare SELECT and produce", "the same without headers"
TEXTBOOK, EXACTLY, AT_LEAST = "textbook relay (SKIP LOCKED)", "exactly-once", "at-least-once"

_WARM_UP = 0.1
"""Part of a round's rows that each contender publishes as warm-up."""


class Found(NamedTuple):
    """The result of one round of one contender."""

    rate: float
    """Rows a second."""
    processor: float
    """Processor time of the publishing process for each row, in microseconds, without PostgreSQL's and the broker's."""


def measure(servers: Servers, scale: Scale) -> Result:
    """Every contender gets new rows in a new database, and is the first to read them."""
    rounds: dict[str, list[Found]] = {name: [] for name in (BARE, BARE_HEADLESS, TEXTBOOK, EXACTLY, AT_LEAST)}
    names = list(rounds)
    # This round does not count, because the broker is still compiling.
    _publish(servers, EXACTLY, scale)
    for number in range(scale.rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            rounds[name].append(_publish(servers, name, scale))
    rate = {name: per_round(name, "rows/s", [one.rate for one in found]) for name, found in rounds.items()}
    used = {name: per_round(name, "µs CPU/row", [one.processor for one in found]) for name, found in rounds.items()}
    rows = [
        Row(rate[EXACTLY], rate[BARE], Reach(0.55)),
        Row(rate[AT_LEAST], rate[BARE], Reach(0.65)),
        Row(rate[EXACTLY], rate[BARE_HEADLESS]),
        Row(rate[EXACTLY], rate[TEXTBOOK], Reach(4.0)),
        Row(rate[AT_LEAST], rate[TEXTBOOK]),
        Row(used[EXACTLY], used[BARE]),
        Row(used[EXACTLY], used[TEXTBOOK]),
    ]
    notes = (
        f"{scale.rows:,} rows, values of {VALUE_BYTES} bytes and 10 headers, {scale.keys:,} payments.",
        "Ours: from the commit that makes the rows visible until Kafka and the checkpoint have the last one.",
        "CPU: of the publishing process alone, which is no different on a machine that is busy with other things.",
    )
    return Result(tuple(rows), notes)


def _publish(servers: Servers, name: str, scale: Scale) -> Found:
    with servers.database() as url, servers.topic("events") as topic:
        bootstrap = servers.kafka.bootstrap_servers
        if name in {EXACTLY, AT_LEAST}:
            return ours(url, bootstrap, topic, name, scale)
        peer = (
            TextbookRelay(url, bootstrap, topic)
            if name == TEXTBOOK
            else BareLoop(bootstrap, topic, with_headers=name == BARE)
        )
        append(url, topic, warm_up_rows(scale), scale.keys)
        peer.publish(url)
        append(url, topic, scale.rows, scale.keys)
        used = time.process_time()
        seconds = peer.publish(url)
        return Found(scale.rows / seconds, 1e6 * (time.process_time() - used) / scale.rows)


def ours(
    url: str, bootstrap: str, topic: str, delivery: str, scale: Scale, *, rollbacks: bool = False, **environment: str
) -> Found:
    """Our relay on this database: a warm-up, then a round."""
    with our_relay.running(url, bootstrap, topic, delivery, **environment) as process:
        our_relay.wait_for(url, append(url, topic, warm_up_rows(scale), scale.keys))
        pid = process.run.pid
        used = processor_seconds(pid)
        last = append(url, topic, scale.rows, scale.keys, rollbacks=rollbacks)
        began = time.monotonic()
        seconds = our_relay.wait_for(url, last) - began
        return Found(scale.rows / seconds, 1e6 * (processor_seconds(pid) - used) / scale.rows)


def warm_up_rows(scale: Scale) -> int:
    """A number of rows that is a multiple of the number of keys."""
    return max(scale.keys, int(scale.rows * _WARM_UP) // scale.keys * scale.keys)
