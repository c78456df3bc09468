"""What pruning the outbox costs those who write, relay and answer meanwhile."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

from bench import our_relay, paced_writers
from bench.figures import Reach, Result, Row, per_round, percentile
from bench.grown_database import grown
from bench.http_face import noted
from bench.http_load import send
from bench.latency import watch
from bench.relay_throughput import EXACTLY
from bench.scale import Scale
from bench.servers import Servers
from devstack.application import Application
from devstack.service_process import ROOT, overlaid

_PACE = 50
"""Events a second, and webhooks a second."""

_WITHIN = Reach(1.5, at_most=True)


class _Lived(NamedTuple):
    """Milliseconds of each."""

    relayed: list[float]
    answered: list[float]


class _Pruned(NamedTuple):
    rows: int
    seconds: float


def measure(servers: Servers, scale: Scale) -> Result:
    """The same writers and callers before, during and after `outbox prune`, a window at a time."""
    with grown(servers, scale) as much, much.database() as url:
        application = Application(database_url=url, kafka=much.kafka, environment={"LOG_LEVEL": "WARNING"})
        try:
            application.start(["serve"])
            with much.topic("events") as topic, our_relay.running(url, much.kafka.bootstrap_servers, topic, EXACTLY):
                return _around_pruning(much, application, scale)
        finally:
            application.close()


def _around_pruning(servers: Servers, application: Application, scale: Scale) -> Result:
    live = partial(_live, servers, application, scale)
    quiet = [live() for _ in range(scale.windows_around_pruning)]
    during = []
    with ThreadPoolExecutor(1) as beside:
        pruning = beside.submit(_prune, application.info.database_url)
        while not pruning.done():
            during.append(live())
        pruned = pruning.result()
    too_early = ("Pruning ended before the first window did: take more rows.",) if len(during) == 1 else ()
    # It has ended somewhere in the last window.
    during = during[:-1] or during
    quiet += [live() for _ in range(scale.windows_around_pruning)]
    rows = [row for name, part in (("p50", 0.5), ("p99", 0.99)) for row in _rows(name, part, during, quiet)]
    rows.append(Row(per_round("pruned", "rows/s", [pruned.rows / pruned.seconds])))
    note = f"{pruned.rows:,} rows pruned in {pruned.seconds:.0f} s; {_PACE} events and {_PACE} webhooks a second."
    length = scale.events_while_pruning / _PACE
    windows = f"Windows of {length:.0f} s: {len(during)} while pruning, {len(quiet)} before and after."
    return Result(tuple(rows), (note, windows, *too_early))


def _rows(name: str, part: float, during: list[_Lived], quiet: list[_Lived]) -> tuple[Row, Row]:
    def row(what: str, number: int) -> Row:
        return Row(
            per_round(f"{what}, {name}, while pruning", "ms", [percentile(one[number], part) for one in during]),
            per_round("before and after", "ms", [percentile(one[number], part) for one in quiet]),
            _WITHIN if name == "p99" else None,
        )

    return row("commit to seen", 0), row("webhook", 1)


def _live(servers: Servers, application: Application, scale: Scale) -> _Lived:
    """One window. Whoever watches reads a topic from its start: each window has one of its own."""
    info, port = application.info, application.services["serve"].port
    webhooks = [noted(info, number) for number in range(scale.events_while_pruning)]
    with servers.topic("events") as topic, ThreadPoolExecutor(1) as beside:
        todo: dict[str, Any] = {
            "url": info.database_url,
            "bootstrap": info.kafka_bootstrap_servers,
            "topic": topic,
            "pace": _PACE,
            "events": scale.events_while_pruning,
        }
        answering = beside.submit(send, port, webhooks, _PACE)
        relayed = watch(paced_writers.write_to_outbox, todo)
        return _Lived(relayed, [1000 * one for one in answering.result().seconds])


def _prune(url: str) -> _Pruned:
    """`cli.py outbox prune`, as an operator runs it."""
    argv = [sys.executable, "cli.py", "outbox", "prune", "--reason", "measurement", "--yes", "--json"]
    environment = overlaid(os.environ, {"DATABASE_URL": url})
    began = time.monotonic()
    done = subprocess.run(argv, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE)
    return _Pruned(json.loads(done.stdout)["pruned"], time.monotonic() - began)
