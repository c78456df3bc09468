"""The published create-order saga in a separate process, with the library that it pins.

It receives its instructions as JSON lines, and reports each change of its runs in the same way.
"""

import json
import os
import subprocess
import sys
import threading
from dataclasses import astuple
from pathlib import Path
from typing import IO, Any

from devstack.kafka import GivenKafka, Kafka
from devstack.readers.libraries import PUBLISHED, find_library
from devstack.topics import Topics
from tests.support.acceptance_campusg import CreateOrder, CreateOrderSaga

_SECONDS = 30.0
_ROOT = Path(__file__).resolve().parents[3]


class PublishedSaga:
    """``CreateOrderSaga`` in another process."""

    def __init__(self, kafka: Kafka, topics: Topics) -> None:
        """Raises LibraryUnavailableError."""
        self._runs: dict[str, CreateOrder] = {}
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", __name__, kafka.bootstrap_servers, *astuple(topics)],
            cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": str(find_library(PUBLISHED))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._thread = threading.Thread(target=self._hear, daemon=True)
        self._thread.start()

    def start(self, order_id: str, customer: dict[str, Any], order: dict[str, Any]) -> CreateOrder:
        """The same as in ``CreateOrderSaga``."""
        run = CreateOrder(order_id)
        self._runs[order_id] = run
        self._send("start", order_id, customer, order)
        return run

    def compensate(self, run: CreateOrder) -> None:
        """The same as in ``CreateOrderSaga``."""
        self._send("compensate", run.id)

    def close(self) -> None:
        self._pipe.close()
        self._process.wait(_SECONDS)
        self._thread.join(_SECONDS)

    @property
    def _pipe(self) -> IO[str]:
        assert self._process.stdin is not None
        return self._process.stdin

    def _send(self, *words: object) -> None:
        self._pipe.write(json.dumps(words) + "\n")
        self._pipe.flush()

    def _hear(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            order_id, step, heard = json.loads(line)
            run = self._runs[order_id]
            run.heard[:], run.step = heard, step


def _serve(saga: CreateOrderSaga) -> None:
    runs: dict[str, CreateOrder] = {}
    over = threading.Event()
    telling = threading.Thread(target=_report_changes, args=(runs, over))
    telling.start()
    for line in sys.stdin:
        what, order_id, *rest = json.loads(line)
        if what == "start":
            runs[order_id] = saga.start(order_id, *rest)
        else:
            saga.compensate(runs[order_id])
    over.set()
    telling.join()
    saga.close()


def _report_changes(runs: dict[str, CreateOrder], over: threading.Event) -> None:
    last: dict[str, str] = {}
    while not over.wait(0.05):
        for order_id, run in list(runs.items()):
            line = json.dumps([order_id, run.step, run.heard])
            if last.get(order_id) != line:
                last[order_id] = line
                sys.stdout.write(line + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    _serve(CreateOrderSaga(GivenKafka(sys.argv[1]), Topics(*sys.argv[2:])))
