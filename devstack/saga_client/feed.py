"""A thread that reads topics."""

import threading
from collections.abc import Callable

from devstack.saga_client.errors import SagaError
from devstack.saga_client.reader import CommittedReader, Start
from devstack.saga_client.records import Record, record_of

_POLL_SECONDS = 0.1
_TOPIC_SECONDS = 30.0


class EventFeed:
    """Passes on each committed record, and waits for a broker that is unavailable."""

    def __init__(self, reader: CommittedReader, take: Callable[[Record], None], start: Start = "earliest") -> None:
        """The feed owns the reader. ``take`` runs in the feed's thread.

        A feed from the earliest record does not need the topics yet. A feed from the latest record waits for them, so
        it misses no record after this call. Raises SagaError when the topics do not appear.
        """
        self._reader = reader
        self._take = take
        self._begun, self._closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._listen, args=(start,), name="feed", daemon=True)
        self._thread.start()
        if start == "latest" and not self._begun.wait(_TOPIC_SECONDS):
            self.close()
            raise SagaError(f"no broker, or no topic, in {_TOPIC_SECONDS:.0f} s")

    def close(self) -> None:
        """Stop reading."""
        self._closed.set()
        self._thread.join()
        self._reader.close()

    def _listen(self, start: Start) -> None:
        while not self._reader.begin(start):
            if self._closed.wait(_POLL_SECONDS):
                return
        self._begun.set()
        while not self._closed.is_set():
            for message in self._reader.batch(_POLL_SECONDS):
                self._take(record_of(message))
