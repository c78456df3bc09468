"""A consumer process for kills: writes each handled command to the file of its first argument.

It never finishes commands for the orders of the other arguments.
"""

import json
import os
import sys
import threading
from pathlib import Path

from consumer.main import run
from consumer.settings import ConsumerSettings
from runtime.current import Current
from runtime.settings import load
from runtime.shutdown import Shutdown
from service.domain.received_records import Origin
from tests.unit.consumer.doubles import RecordingCommands


class FileCommands(RecordingCommands):
    """Commands that are durable when their line is written."""

    def __init__(self, path: Path, held: list[str]) -> None:
        super().__init__(before=self._write)
        self._file = path.open("ab", buffering=0)
        self._lock = threading.Lock()
        self._held = held

    def _write(self, origin: Origin) -> None:
        if json.loads(origin.value or b"")["order_id"] in self._held:
            threading.Event().wait()
        with self._lock:
            self._file.write(b"%d %d\n" % (origin.partition, origin.offset))
            os.fsync(self._file.fileno())


if __name__ == "__main__":
    stopping = Shutdown()
    stopping.install()
    sys.exit(
        run(Current(load(ConsumerSettings)), FileCommands(Path(sys.argv[1]), sys.argv[2:]), stopping, lambda: None)
    )
