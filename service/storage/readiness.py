"""Readiness of the database, answered in time even by a database that hangs."""

import threading
import time

from service.storage.engine import FOR_READINESS, make_engine
from service.storage.health import Unready, unready
from service.storage.renewal import DatabaseUrl

PATIENCE_SECONDS = 2.0
"""Longest wait for an answer; probes wait a few seconds."""


class DatabaseReadiness:
    """Checks the database on its own connection and thread. One check answers all questions asked before it began.

    The driver waits inside libpq, where none of our deadlines applies, so the asking thread must not check by itself.
    The first question starts the thread and makes the connection.
    """

    def __init__(self, database: DatabaseUrl, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._engine = make_engine(database, 1, FOR_READINESS)
        self._patience = patience_seconds
        self._changed = threading.Condition()
        self._asked = self._begun = self._answered = 0
        self._answered_at = time.monotonic()
        self._verdict: Unready | None = None
        self._thread: threading.Thread | None = None

    def unready(self) -> Unready | None:
        """None when the database answers and has a schema that this code works with. Takes 2 s at most."""
        with self._changed:
            self._asked = question = self._asked + 1
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="readiness", daemon=True)
                self._thread.start()
            self._changed.notify_all()
            if self._changed.wait_for(lambda: self._answered >= question, self._patience):
                return self._verdict
            silent = time.monotonic() - self._answered_at
        message = f"The database has not answered for {silent:.0f} s; nothing is lost, try again shortly."
        return Unready("database", message)

    def fault(self) -> str | None:
        """``unready`` in one line."""
        found = self.unready()
        return None if found is None else f"{found.part}: {found.message}"

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._asked > self._begun)
                self._begun = question = self._asked
            verdict = unready(self._engine)
            with self._changed:
                self._answered, self._answered_at, self._verdict = question, time.monotonic(), verdict
                self._changed.notify_all()
