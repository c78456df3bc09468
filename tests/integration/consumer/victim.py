"""A consumer process to be killed: writes each command it handled to the file named by its argument."""

import os
import sys
import threading
from pathlib import Path

from consumer.main import run
from service.domain.commands import Origin
from service.settings import ConsumerSettings, load
from service.shutdown import Shutdown
from tests.unit.consumer.doubles import RecordingCommands


class FileCommands(RecordingCommands):
    """Durable once the line is written."""

    def __init__(self, path: Path) -> None:
        super().__init__(before=self._write)
        self._file = path.open("ab", buffering=0)
        self._lock = threading.Lock()

    def _write(self, origin: Origin) -> None:
        with self._lock:
            self._file.write(b"%d %d\n" % (origin.partition, origin.offset))
            os.fsync(self._file.fileno())


if __name__ == "__main__":
    stopping = Shutdown()
    stopping.install()
    sys.exit(run(load(ConsumerSettings), FileCommands(Path(sys.argv[1])), stopping, lambda: None))
