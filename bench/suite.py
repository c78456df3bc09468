"""The benchmarks by name."""

from collections.abc import Callable
from dataclasses import dataclass

from bench import (
    conditions,
    consumer_pace,
    growth,
    http_face,
    latency,
    memory,
    operators_page,
    peer_throughput,
    relay_throughput,
    retention,
    startup,
    statements,
)
from bench.figures import Result
from bench.scale import Scale
from bench.servers import Servers


@dataclass(frozen=True)
class Benchmark:
    """One benchmark. `quick`: part of the set that takes less than ten minutes."""

    title: str
    run: Callable[[Servers, Scale], Result]
    quick: bool = True


BENCHMARKS: dict[str, Benchmark] = {
    "relay": Benchmark("Relay: a full outbox", relay_throughput.measure),
    "latency": Benchmark("Latency: commit to seen", latency.measure),
    "commands": Benchmark("Consumer: Stripe answers in 200 ms", consumer_pace.answering_slowly),
    "cpu": Benchmark("Consumer: Stripe answers at once", consumer_pace.answering_at_once),
    "http": Benchmark("Webhooks and status reads", http_face.measure),
    "statements": Benchmark("Hot statements beside an ORM session", statements.measure),
    "startup": Benchmark("Command line: start to help, processes: start to ready", startup.measure),
    "grown": Benchmark("All of it on a database that has grown", growth.measure, quick=False),
    "retention": Benchmark("Retention: pruning while writing and relaying", retention.measure, quick=False),
    "memory": Benchmark("Memory and connections after a million events", memory.measure, quick=False),
    "page": Benchmark("Operators' page: a million payments", operators_page.measure, quick=False),
    "disturbed": Benchmark("Relay: a long foreign transaction, rollbacks", conditions.disturbed, quick=False),
    "peers": Benchmark("Relay: beside Debezium and faststream-outbox", peer_throughput.measure, quick=False),
}
