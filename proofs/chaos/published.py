"""A reader of all events with the library that the published sagas pin, beside the chaos run's own reader."""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from devstack.readers.libraries import PUBLISHED, find_library

_ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 60.0
_POLL_SECONDS = 0.1


class PublishedReader:
    """The reader in a separate process. Raises LibraryUnavailableError."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self.heard: Counter[str] = Counter()
        """Number of times that each event was read."""
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "proofs.chaos.published_reader", bootstrap_servers, topic],
            cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": str(find_library(PUBLISHED))},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._thread = threading.Thread(target=self._listen, name="published reader", daemon=True)
        self._thread.start()

    def missing(self, events: Collection[str]) -> list[str]:
        """The events among these that it has not read within a time-out."""
        deadline = time.monotonic() + _SECONDS
        while (missing := sorted(set(events) - set(self.heard))) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        return missing

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._thread.join()

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            self.heard[line.strip()] += 1
