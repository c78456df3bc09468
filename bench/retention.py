"""What pruning the outbox costs those who write, relay and answer meanwhile."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, NamedTuple

from bench import our_relay, paced_writers
from bench.figures import Reach, Result, Row, per_round, percentile
from bench.grown_database import grown
from bench.http_face import noted
from bench.http_load import send
from bench.latency import watch
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
    """The same writers and callers before, during and after `outbox prune`."""
    with grown(servers, scale) as much, much.database() as url, ExitStack() as topics:
        # Whoever watches reads a topic from its start: each time one of its own.
        first, second, third = (topics.enter_context(much.topic("events")) for _ in range(3))
        bootstrap = much.kafka.bootstrap_servers
        application = Application(database_url=url, kafka=much.kafka, environment={"LOG_LEVEL": "WARNING"})
        try:
            application.start(["serve"])
            with our_relay.running(url, bootstrap, first, "exactly-once"):
                before = _live(application, first, scale)
                with ThreadPoolExecutor(1) as beside:
                    pruning = beside.submit(_prune, url)
                    during = _live(application, second, scale)
                    too_early = pruning.done()
                    pruned = pruning.result()
                after = _live(application, third, scale)
        finally:
            application.close()
    rows = [row for name, part in (("p50", 0.5), ("p99", 0.99)) for row in _rows(name, part, during, [before, after])]
    rows.append(Row(per_round("pruned", "rows/s", [pruned.rows / pruned.seconds])))
    note = f"{pruned.rows:,} rows pruned in {pruned.seconds:.0f} s; {_PACE} events and {_PACE} webhooks a second."
    ended = ("Pruning ended before the measurement did: take more rows.",) if too_early else ()
    return Result(tuple(rows), (note, *ended))


def _rows(name: str, part: float, during: _Lived, quiet: list[_Lived]) -> tuple[Row, Row]:
    def row(what: str, number: int) -> Row:
        return Row(
            per_round(f"{what}, {name}, while pruning", "ms", [percentile(during[number], part)]),
            per_round("before and after", "ms", [percentile(one[number], part) for one in quiet]),
            _WITHIN if name == "p99" else None,
        )

    return row("commit to seen", 0), row("webhook", 1)


def _live(application: Application, topic: str, scale: Scale) -> _Lived:
    info, port = application.info, application.services["serve"].port
    webhooks = [noted(info, number) for number in range(scale.events_while_pruning)]
    todo: dict[str, Any] = {
        "url": info.database_url,
        "bootstrap": info.kafka_bootstrap_servers,
        "topic": topic,
        "pace": _PACE,
    }
    todo["events"] = scale.events_while_pruning
    with ThreadPoolExecutor(1) as beside:
        answering = beside.submit(send, port, webhooks, _PACE)
        relayed = watch(paced_writers.write_to_outbox, todo)
        return _Lived(relayed, [1000 * one for one in answering.result().seconds])


def _prune(url: str) -> _Pruned:
    """`cli.py outbox prune`, as an operator runs it."""
    argv = [sys.executable, "cli.py", "outbox", "prune", "--yes", "--json"]
    environment = overlaid(os.environ, {"DATABASE_URL": url})
    began = time.monotonic()
    done = subprocess.run(argv, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE)
    return _Pruned(json.loads(done.stdout)["pruned"], time.monotonic() - began)
