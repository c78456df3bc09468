"""Keeping the leases of calls under way: short, so that a dead process is noticed, and renewed while it lives."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from service.logs import get_logger
from service.shutdown import Shutdown
from service.storage import leases
from service.storage.engine import Engine, SQLAlchemyError, transaction

log = get_logger(__name__)


class LeaseKeeper:
    """Renews every held lease three times within its length, in one statement."""

    def __init__(self, engine: Engine, lease: timedelta) -> None:
        self._engine = engine
        self.length = lease
        self._held: set[UUID] = set()
        self._lock = threading.Lock()
        self._stop = Shutdown()
        self._thread = threading.Thread(target=self._keep, name="lease-keeper", daemon=True)

    def start(self) -> None:
        """Begin renewing."""
        self._thread.start()

    def stop(self) -> None:
        """Stop renewing; what is still held runs out."""
        self._stop.request()
        self._thread.join()

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
            if tokens:
                self._renew(tokens)

    def _renew(self, tokens: list[UUID]) -> None:
        try:
            with transaction(self._engine) as connection:
                leases.renew(connection, tokens, self.length)
        except SQLAlchemyError as exc:
            # Not fatal: every final write is fenced by its token, and the next round tries again.
            log.warning("leases not renewed", error=exc, leases=len(tokens))
