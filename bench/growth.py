"""The same figures on a grown database."""

from dataclasses import replace

from bench import consumer_pace, http_face, latency
from bench.figures import Reach, Result, Row, Series, per_round
from bench.grown_database import grown
from bench.relay_throughput import EXACTLY, ours
from bench.scale import Scale
from bench.servers import Servers

_AT_LEAST, _AT_MOST = Reach(0.9), Reach(1.1, at_most=True)


def measure(servers: Servers, scale: Scale) -> Result:
    """Run each benchmark in turn on the grown database, which is built once, and on an empty one."""
    once = replace(scale, rounds=1)
    parts = (_relay, latency.measure, consumer_pace.answering_slowly, http_face.measure)
    with grown(servers, scale) as much:
        rounds = [[(part(much, once), part(servers, once)) for part in parts] for _ in range(scale.growth_rounds)]
    rows = [row for pairs in zip(*rounds, strict=True) for row in _compared(pairs)]
    sizes = f"{scale.grown_outbox:,} outbox rows, {scale.grown_payments:,} payments, commands and request keys before."
    return Result(tuple(rows), (sizes,))


def _compared(pairs: tuple[tuple[Result, Result], ...]) -> list[Row]:
    """The first result's figures beside the second's, each once."""
    after, before = (_figures([pair[number] for pair in pairs]) for number in (0, 1))
    return [
        Row(series, replace(before[name], name="empty"), _AT_LEAST if series.unit.endswith("/s") else _AT_MOST)
        for name, series in after.items()
    ]


def _figures(results: list[Result]) -> dict[str, Series]:
    of_round = [{row.figure.name: row.figure for row in result.rows} for result in results]
    return {
        name: per_round(name, series.unit, [figures[name].median for figures in of_round])
        for name, series in of_round[0].items()
    }


def _relay(servers: Servers, scale: Scale) -> Result:
    with servers.database() as url, servers.topic("events") as topic:
        found = ours(url, servers.kafka.bootstrap_servers, topic, EXACTLY, scale)
    rows: tuple[tuple[str, float], ...] = (("rows/s", found.rate), ("µs CPU/row", found.processor))
    return Result(tuple(Row(per_round(f"relay, {unit}", unit, [figure])) for unit, figure in rows))
