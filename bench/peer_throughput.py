"""The rate of publication of a full outbox, beside the relays of others."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass

from bench import debezium, faststream_outbox_peer, our_relay
from bench.faststream_outbox_peer import FaststreamUnavailableError
from bench.figures import Reach, Result, Row, per_round
from bench.kafka_connect import DEBEZIUM_VERSION, ConnectWorker, find_connect
from bench.outbox_rows import VALUE_BYTES, append
from bench.profile import processor_seconds
from bench.relay_throughput import EXACTLY, Found, warm_up_rows
from bench.scale import Scale
from bench.servers import Servers
from bench.topic_end import TopicEnd, check
from devstack.java_install import JavaUnavailableError

_DEBEZIUM = f"Debezium {DEBEZIUM_VERSION}, exactly once"
_FASTSTREAM = f"faststream-outbox {faststream_outbox_peer.VERSION}"
_SLOW_PART = 10
"""Of faststream-outbox: at its rate a round of all rows would take minutes."""


@dataclass(frozen=True)
class Contender:
    """The start of a relay on a database and a topic (returns its process id), and the copy of its rows, if needed."""

    name: str
    running: Callable[[str, str], AbstractContextManager[int]]
    fill: Callable[[str, int], None] | None = None
    part: int = 1
    """The divisor of its number of rows."""
    compiles: bool = False
    """Its first round does not count, because its virtual machine is still compiling."""


def measure(servers: Servers, scale: Scale) -> Result:
    """Each round has a new database and topic, and its rows are committed while the contender waits for them."""
    with ExitStack() as stack:
        peers, missing = peers_here(servers, stack)
        contenders = [Contender(EXACTLY, lambda url, topic: _our_relay(servers, url, topic)), *peers]
        for peer in peers:
            if peer.compiles:
                _round(servers, peer, scale)
        rounds: dict[str, list[Found]] = {one.name: [] for one in contenders}
        for number in range(scale.rounds):
            for one in contenders[number % len(contenders) :] + contenders[: number % len(contenders)]:
                rounds[one.name].append(_round(servers, one, scale))
    rate = {name: per_round(name, "rows/s", [one.rate for one in found]) for name, found in rounds.items()}
    used = {name: per_round(name, "µs CPU/row", [one.processor for one in found]) for name, found in rounds.items()}
    compared = [
        row
        for peer in peers
        for row in (
            Row(rate[EXACTLY], rate[peer.name], Reach(4.0)),
            Row(used[EXACTLY], used[peer.name]),
        )
    ]
    alone = [Row(rate[EXACTLY]), Row(used[EXACTLY])]
    return Result(tuple(compared or alone), (*_explained(scale), *missing))


def _explained(scale: Scale) -> tuple[str, ...]:
    return (
        f"{scale.rows:,} rows, values of {VALUE_BYTES} bytes and 10 headers, {scale.keys:,} payments; "
        f"{scale.rows // _SLOW_PART:,} for {_FASTSTREAM}.",
        "From the commit that makes the rows visible until all are in the topic for read_committed consumers.",
        "Debezium: after its snapshot phase, one Connect worker for all rounds, the first of which does not count.",
        "CPU: of the publishing process alone; what PostgreSQL does for it (decoding, claiming) is not among it.",
    )


def peers_here(servers: Servers, stack: ExitStack) -> tuple[list[Contender], list[str]]:
    """The peers available here, and the reasons why others are not."""
    peers, missing = [], []
    ways: dict[str, Callable[[], Contender]] = {
        _DEBEZIUM: lambda: _debezium(servers, stack),
        _FASTSTREAM: lambda: _faststream(servers),
    }
    for name, ready in ways.items():
        try:
            peers.append(ready())
        except (JavaUnavailableError, FaststreamUnavailableError) as error:
            missing.append(f"{name} is not measured, since it cannot be had: {error}")
    return peers, missing


def _debezium(servers: Servers, stack: ExitStack) -> Contender:
    worker = stack.enter_context(closing(ConnectWorker(find_connect(), servers.kafka.bootstrap_servers)))
    return Contender(_DEBEZIUM, lambda url, topic: debezium.running(worker, url, topic), debezium.fill, compiles=True)


def _faststream(servers: Servers) -> Contender:
    python = faststream_outbox_peer.find_python()

    def running(url: str, topic: str) -> AbstractContextManager[int]:
        return faststream_outbox_peer.running(python, url, servers.kafka.bootstrap_servers, topic)

    return Contender(_FASTSTREAM, running, faststream_outbox_peer.fill, _SLOW_PART)


@contextmanager
def _our_relay(servers: Servers, url: str, topic: str) -> Iterator[int]:
    with our_relay.running(url, servers.kafka.bootstrap_servers, topic, EXACTLY) as process:
        yield process.run.pid


def _round(servers: Servers, contender: Contender, scale: Scale) -> Found:
    rows, warm_up = scale.rows // contender.part, warm_up_rows(scale) // contender.part
    with (
        servers.database() as url,
        servers.topic("events") as topic,
        contender.running(url, topic) as pid,
    ):
        end = TopicEnd(servers.kafka.bootstrap_servers, topic)
        _write(contender, url, topic, warm_up, scale.keys)
        end.reached(warm_up)
        _write(contender, url, topic, rows, scale.keys)
        began, used = time.monotonic(), processor_seconds(pid)
        seconds = end.reached(warm_up + rows) - began
        spent = processor_seconds(pid) - used
        check(url, end)
        return Found(rows / seconds, 1e6 * spent / rows)


def _write(contender: Contender, url: str, topic: str, rows: int, keys: int) -> None:
    """Write rows that become visible together when this returns."""
    last = append(url, topic, rows, keys)
    if contender.fill is not None:
        contender.fill(url, last - rows)
