"""One relay works, the others stand by: a PostgreSQL session that holds an advisory lock.

A lost session is a lost lock. Whatever only the leader may do in PostgreSQL is done in this session, so a relay that
was stopped past its takeover (SIGSTOP, a frozen machine) can do it no more: the server ends a session that was silent
for LOCK_TIMEOUT_SECONDS (PostgreSQL documentation, "Client Connection Defaults": idle_session_timeout).
"""

import select
import time
from collections.abc import Mapping, Sequence
from typing import Any

from relay.postgres import Connection, connect, epoch_of
from relay.receipt import Epoch

LOCK_TIMEOUT_SECONDS = 5
_BEAT_SECONDS = 1.0
_DOORBELL = 0x6F7574626F78
"""The lock of a sleeping relay, known to the trigger on the outbox as well."""


class Leadership:
    """The leader's session. Every method raises psycopg2.Error when the session, and with it the lock, is gone."""

    def __init__(self, url: str, relay: str) -> None:
        self._relay = relay
        milliseconds = str(LOCK_TIMEOUT_SECONDS * 1000)
        self._session: Connection = connect(
            url,
            "leader",
            (
                ("idle_session_timeout", milliseconds),
                ("idle_in_transaction_session_timeout", milliseconds),
                ("statement_timeout", milliseconds),
                # The receipt in Kafka is what counts; a mirror lost with the server's last moments is made good by it.
                ("synchronous_commit", "off"),
            ),
        )
        self._poller = select.poll()
        self._poller.register(self._session, select.POLLIN)
        self._last = time.monotonic()
        self.asleep = False
        """Whether writers ring."""

    def acquire(self) -> bool:
        """Try to become the leader; never waits."""
        return bool(self.query("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (f"relay {self._relay}",)))

    def query(self, statement: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> Any:
        """The first column of the first row, None when there is none."""
        with self._session.cursor() as cursor:
            cursor.execute(statement, values)
            row = cursor.fetchone() if cursor.description else None
        self._last = time.monotonic()
        return row[0] if row else None

    def epoch(self) -> Epoch:
        """Which life of which database the lock is held in."""
        return epoch_of(self._session)

    def beat(self) -> None:
        """Say that this relay lives. Cheap: call it in every wait, at least once a second."""
        if time.monotonic() - self._last >= _BEAT_SECONDS:
            self.query("SELECT 1")

    def listen(self) -> None:
        """Hear the doorbell from now on."""
        self.query("LISTEN outbox")

    def fall_asleep(self) -> bool:
        """From now on every writer rings; false while a writer is under way that was told not to.

        Once true, read once more: what was committed before is visible now, what comes later rings.
        """
        if not self.asleep:
            self.asleep = bool(self.query("SELECT pg_try_advisory_lock(%s)", (_DOORBELL,)))
        return self.asleep

    def wake_up(self) -> None:
        """No writer needs to ring any more."""
        if self.asleep:
            self.query("SELECT pg_advisory_unlock(%s)", (_DOORBELL,))
            self.asleep = False

    def wait_for_ring(self, seconds: float) -> bool:
        """Wait until somebody rings, at most ``seconds``."""
        if not self._session.notifies and self._poller.poll(1000 * seconds):
            self._session.poll()
        rung = bool(self._session.notifies)
        self._session.notifies.clear()
        return rung

    def close(self) -> None:
        """Step down: the locks go with the session."""
        self._session.close()
