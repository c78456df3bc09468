"""Renewal of leases during calls. A lease is short, so that the work of a process that died is soon taken over."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from runtime.logs import get_logger
from runtime.shutdown import Shutdown
from service.storage import leases
from service.storage.availability import described
from service.storage.engine import Engine, SQLAlchemyError, transaction

log = get_logger(__name__)


class LeaseKeeper:
    """Renews every held lease three times within its length, all of them in one statement.

    ``engine`` serves the lease keeper alone: work that waits for connections or rows must not delay a renewal.
    """

    def __init__(self, engine: Engine, lease: timedelta) -> None:
        self._engine = engine
        self.length = lease
        self._held: set[UUID] = set()
        self._lock = threading.Lock()
        self._stop = Shutdown()
        self._kept_at = time.monotonic()
        self._thread = threading.Thread(target=self._keep, name="lease-keeper", daemon=True)

    def start(self) -> None:
        """Start the thread that renews."""
        self._thread.start()

    def stop(self) -> None:
        """Stop renewing; leases that are still held expire."""
        self._stop.request()
        self._thread.join()

    def fault(self) -> str | None:
        """How long the leases have not been renewed, in a line for readiness; None when they were renewed in time."""
        late = time.monotonic() - self._kept_at
        return f"leases: not renewed for {late:.0f} s" if late > self.length.total_seconds() else None

    @contextmanager
    def holding(self, token: UUID) -> Iterator[None]:
        """Keep this lease alive while the block runs."""
        with self._lock:
            self._held.add(token)
        try:
            yield
        finally:
            with self._lock:
                self._held.discard(token)

    def _keep(self) -> None:
        while not self._stop.wait(self.length.total_seconds() / 3):
            with self._lock:
                tokens = list(self._held)
            if not tokens or self._renewed(tokens):
                self._kept_at = time.monotonic()

    def _renewed(self, tokens: list[UUID]) -> bool:
        try:
            with transaction(self._engine) as connection:
                leases.renew(connection, tokens, self.length)
        except (SQLAlchemyError, OSError) as exc:
            # Not fatal: the fencing token guards every final write, and the next round tries again.
            log.warning("leases_not_renewed", error=described(exc), leases=len(tokens))
            return False
        return True
