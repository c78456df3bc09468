"""The records received so far, and the only way to wait for more."""

import threading
from collections import defaultdict
from collections.abc import Callable

from devstack.saga_client.errors import NotHeardError
from devstack.saga_client.records import About, Record

WAIT_SECONDS = 30.0
_SHOWN = 5

Matches = Callable[[Record], bool]


class Heard:
    """Keeps records in the order of their arrival. Any thread may add, read and wait."""

    def __init__(self, *, repeats: bool = False) -> None:
        """``repeats``: also keep records that repeat a ``ce_id``, so that tests can find them."""
        self._repeats = repeats
        self._event_ids: set[str] = set()
        self._records: list[Record] = []
        self._filed: defaultdict[About, list[Record]] = defaultdict(list)
        self._lock = threading.Lock()
        self._more: defaultdict[About | None, threading.Condition] = defaultdict(
            lambda: threading.Condition(self._lock)
        )
        """Awaited subject → condition, so that a record wakes only its own waiters; None for waits by a predicate."""

    def take(self, record: Record) -> None:
        """Add a record."""
        about = record.about
        with self._lock:
            if not self._is_new(record):
                return
            self._records.append(record)
            self._more[None].notify_all()
            if about is not None:
                self._filed[about].append(record)
                self._more[about].notify_all()

    def records(self, matches: Matches) -> list[Record]:
        """The records received so far; those of one partition are in its order."""
        with self._lock:
            return self._found(matches)

    def wait(self, wanted: Matches | About, why: str, *, count: int = 1, seconds: float = WAIT_SECONDS) -> list[Record]:
        """Wait until ``count`` records are ``wanted``; returns all wanted records.

        Raises NotHeardError when they do not come in time. Its message begins with ``why`` and ends with the received
        records.
        """
        with self._lock:
            more = self._more[None if callable(wanted) else wanted]
            enough = more.wait_for(lambda: len(self._found(wanted)) >= count, seconds)
            records, last = self._found(wanted), self._records[-_SHOWN:]
        if not enough:
            first = f"{why}: heard {len(records)} of {count} in {seconds:.0f} s:"
            raise NotHeardError(
                "\n".join([first, *map(str, records), "The last of all that was heard:", *map(str, last)])
            )
        return records

    def _found(self, wanted: Matches | About) -> list[Record]:
        if callable(wanted):
            return [record for record in self._records if wanted(record)]
        return list(self._filed[wanted])

    def _is_new(self, record: Record) -> bool:
        event_id = record.event_id
        if self._repeats or event_id is None:
            return True
        new = event_id not in self._event_ids
        self._event_ids.add(event_id)
        return new
