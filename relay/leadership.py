"""One relay works, the others stand by: a PostgreSQL session that holds an advisory lock.

A thread that does nothing else keeps the lock: it asks the server once a second and never touches what may be locked.
The server ends a session that was silent for LOCK_TIMEOUT_SECONDS (PostgreSQL documentation, "Client Connection
Defaults": idle_session_timeout), so a relay that was stopped past its takeover (SIGSTOP, a frozen machine) has lost it.

Whatever only the leader may do in PostgreSQL is done in another session, which may have to wait. It holds a lock of its
own: a successor ends that session before it begins, so whoever was taken over can write nothing more.
"""

import select
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from threading import Event
from typing import Any

import psycopg2

from relay.postgres import Connection, connect, epoch_of, sever
from relay.receipt import Epoch
from runtime.background import in_thread
from runtime.database_hosts import has_turned_read_only

LOCK_TIMEOUT_SECONDS = 5
_BEAT_SECONDS = 1.0
_KEPT_SECONDS = 5.0
_ENDING_SECONDS = 10.0
_PAUSE_SECONDS = 0.05
_WAKE_UP_LOCK = 0x6F7574626F78
"""The lock of a sleeping relay, known to the trigger on the outbox as well."""

_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"

_HELD = """
    WITH held AS (
        SELECT pid, (classid::bigint << 32) | objid::bigint AS key FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 1 AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""

_END_PREDECESSOR = f"""
    {_HELD}
    SELECT count(pg_terminate_backend(pid)) FROM held
    WHERE key = hashtextextended(%(writing)s, 0) AND pid <> pg_backend_pid()
        AND EXISTS (SELECT FROM held AS mine WHERE mine.pid = %(pid)s AND mine.key = hashtextextended(%(leading)s, 0))
"""
"""Only by who holds the leader's lock now: a relay that lost it while it was frozen ends nobody."""

IS_LED = f"{_HELD} SELECT EXISTS (SELECT FROM held WHERE key = hashtextextended('relay ' || %(relay)s, 0))"
"""Whether a relay of that name leads, for who is none."""

_LOCK_SETTINGS = tuple(
    (name, str(LOCK_TIMEOUT_SECONDS * 1000))
    for name in ("idle_session_timeout", "idle_in_transaction_session_timeout", "statement_timeout")
)

_WORK_SETTINGS = (
    ("idle_session_timeout", "30s"),
    ("idle_in_transaction_session_timeout", "5s"),
    ("statement_timeout", "10s"),
    ("lock_timeout", "2s"),
    # The receipt in Kafka is what counts; a checkpoint lost with the server's last moments is made good by it.
    ("synchronous_commit", "off"),
)


class Leadership:
    """The leader's sessions. Methods raise psycopg2.Error when one of them, and with it the leadership, is gone.

    Only LockNotAvailable is no such loss: what a statement needs is locked, and it may be made again.
    """

    def __init__(self, url: str, relay: str) -> None:
        self._url = url
        self._leading, self._writing = f"relay {relay}", f"relay {relay} writes"
        self._lock: Connection = connect(url, "leader", _LOCK_SETTINGS)
        self._answered = time.monotonic()
        self._over = Event()
        self._keeping: Future[None] | None = None
        self._session: Connection | None = None
        self._poller = select.poll()
        self._used = 0.0
        self.asleep = False
        """Whether writers ring."""

    def acquire(self) -> bool:
        """Try to become the leader; never waits for another one."""
        if not self._ask(_TRY_LOCK, (self._leading,)):
            return False
        self._keeping = in_thread("relay-lock", self._keep)
        return True

    def take_over(self) -> None:
        """Once the lock is held: end the session in which a predecessor may still write."""
        until = time.monotonic() + _ENDING_SECONDS
        names = {"writing": self._writing, "leading": self._leading, "pid": self._lock.info.backend_pid}
        while not self.query(_TRY_LOCK, (self._writing,)):
            self.beat()
            if time.monotonic() > until:
                raise psycopg2.OperationalError("the session of the last relay does not end")
            self.query(_END_PREDECESSOR, names)
            time.sleep(_PAUSE_SECONDS)

    def _ask(self, statement: str, values: Sequence[Any] = ()) -> Any:
        asked = time.monotonic()
        with self._lock.cursor() as cursor:
            cursor.execute(statement, values)
            row = cursor.fetchone()
        self._answered = asked
        return row[0] if row else None

    def _keep(self) -> None:
        while not self._over.wait(_BEAT_SECONDS):
            self._ask("SELECT 1")
            if has_turned_read_only(self._lock):
                # Nobody who leads here would notice: a relay without rows to publish writes nothing.
                raise psycopg2.OperationalError("read-only: the server takes no writes any more")

    def silence(self) -> float:
        """Seconds since the session of the lock was asked something that it has answered."""
        return time.monotonic() - self._answered

    def _working(self) -> Connection:
        if self._session is None:
            self._session = connect(self._url, "writer", _WORK_SETTINGS)
            self._poller.register(self._session, select.POLLIN)
        return self._session

    def query(self, statement: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> Any:
        """The first column of the first row, None when there is none."""
        with self._working().cursor() as cursor:
            cursor.execute(statement, values)
            row = cursor.fetchone() if cursor.description else None
        self._used = time.monotonic()
        return row[0] if row else None

    def epoch(self) -> Epoch:
        """Which life of which database the leader writes to."""
        return epoch_of(self._working())

    def beat(self) -> None:
        """Whether this relay still leads, and a word to the session that writes. Cheap: call it in every wait."""
        if self._keeping is not None:
            if self._keeping.done():
                self._keeping.result()
            if self.silence() > LOCK_TIMEOUT_SECONDS:
                raise psycopg2.OperationalError("the session of the lock does not answer")
        if self._session is not None and time.monotonic() - self._used >= _KEPT_SECONDS:
            self.query("SELECT 1")

    def listen(self) -> None:
        """Hear the doorbell from now on."""
        self.query("LISTEN outbox")

    def fall_asleep(self) -> bool:
        """From now on every writer rings; false while a writer is under way that was told not to.

        Once true, read once more: what was committed before is visible now, what comes later rings.
        """
        if not self.asleep:
            self.asleep = bool(self.query("SELECT pg_try_advisory_lock(%s)", (_WAKE_UP_LOCK,)))
        return self.asleep

    def wake_up(self) -> None:
        """No writer needs to ring any more."""
        if self.asleep:
            self.query("SELECT pg_advisory_unlock(%s)", (_WAKE_UP_LOCK,))
            self.asleep = False

    def wait_for_wake_up(self, seconds: float) -> bool:
        """Wait until somebody rings, at most ``seconds``."""
        session = self._working()
        if not session.notifies and self._poller.poll(1000 * seconds):
            session.poll()
        woken = bool(session.notifies)
        session.notifies.clear()
        return woken

    def sever(self) -> None:
        """End every call that waits for PostgreSQL, in whichever thread."""
        for session in (self._lock, self._session):
            if session is not None:
                sever(session)

    def close(self) -> None:
        """Step down: the locks go with the sessions."""
        self._over.set()
        if self._keeping is not None:
            wait([self._keeping], _PAUSE_SECONDS)
        self.sever()
        for session in (self._session, self._lock):
            if session is not None:
                session.close()
