"""Leadership: one relay works, the others stand by. The leader's session in PostgreSQL holds an advisory lock.

A thread of its own keeps the lock: it asks the server once a second and touches nothing that may be locked. The server
ends a session that was silent for LOCK_TIMEOUT_SECONDS (PostgreSQL documentation, "Client Connection Defaults":
idle_session_timeout). So a relay that was stopped for longer (SIGSTOP, a frozen machine) has lost the lock.

The leader writes in another session, which may have to wait. That session holds a lock of its own. A successor ends it
at its takeover, so a relay that was taken over can write nothing more.

Wake-up: a relay that sleeps holds another advisory lock. The outbox's insert trigger tries to share it until the end of
the writer's transaction. If it can't, the writer notifies the relay; if it can, the relay is awake, and can't fall
asleep before that transaction is over.
"""

import select
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from threading import Event
from typing import Any

import psycopg2

from relay.database_clock import DatabaseClock
from relay.postgres import Connection, connect, epoch_of, query, sever
from relay.receipt import Epoch
from runtime.background import in_thread
from runtime.database_hosts import has_turned_read_only

LOCK_TIMEOUT_SECONDS = 5
_BEAT_SECONDS = 1.0
_KEPT_SECONDS = 5.0
_ENDING_SECONDS = 10.0
_PAUSE_SECONDS = 0.05
_WAKE_UP_LOCK = 0x6F7574626F78
"""The lock that a sleeping relay holds. The trigger on the outbox has the same number."""

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
"""Works only for the present holder of the leader's lock: a relay that lost it while it was frozen ends no session."""

IS_LED = f"{_HELD} SELECT EXISTS (SELECT FROM held WHERE key = hashtextextended('relay ' || %(relay)s, 0))"
"""Whether a relay of this name leads. For programs that are no relay."""

_LOCK_SETTINGS = tuple(
    (name, str(LOCK_TIMEOUT_SECONDS * 1000))
    for name in ("idle_session_timeout", "idle_in_transaction_session_timeout", "statement_timeout")
)

_WORK_SETTINGS = (
    ("idle_session_timeout", "30s"),
    ("idle_in_transaction_session_timeout", "5s"),
    ("statement_timeout", "10s"),
    ("lock_timeout", "2s"),
    # The receipt in Kafka counts: it makes up for a checkpoint that a crash of the server loses.
    ("synchronous_commit", "off"),
)


class Leadership:
    """The leader's sessions. Methods raise psycopg2.Error when a session, and with it the leadership, is lost.

    Only LockNotAvailable is no loss: the statement met a lock, and may be repeated. The worker's thread calls the
    methods; any thread may call ``silence`` and ``sever``.
    """

    def __init__(self, url: str, relay: str) -> None:
        self._url = url
        self._leading, self._writing = f"relay {relay}", f"relay {relay} writes"
        self._lock: Connection = connect(url, "leader", _LOCK_SETTINGS)
        self._answered = time.monotonic()
        self.clock = DatabaseClock()
        self._over = Event()
        self._keeping: Future[None] | None = None
        self._session: Connection | None = None
        self._poller = select.poll()
        self._used = 0.0
        self.asleep = False
        """Whether writers wake this relay up."""

    def acquire(self) -> bool:
        """Try to become the leader; never waits for another leader."""
        if not self._ask(_TRY_LOCK, (self._leading,)):
            return False
        self.clock.read(self._ask)
        self._keeping = in_thread("relay-lock", self._keep)
        return True

    def take_over(self) -> None:
        """End the session in which a predecessor may still write. Call this once the lock is held."""
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
        answer = query(self._lock, statement, values)
        self._answered = asked
        return answer

    def _keep(self) -> None:
        while not self._over.wait(_BEAT_SECONDS):
            self.clock.read(self._ask)
            if has_turned_read_only(self._lock):
                # A leader without rows to publish writes nothing, so it would not notice.
                raise psycopg2.OperationalError("read-only: the server takes no writes any more")

    def silence(self) -> float:
        """Seconds since the session of the lock got the last question that it has answered."""
        return time.monotonic() - self._answered

    def _working(self) -> Connection:
        if self._session is None:
            self._session = connect(self._url, "writer", _WORK_SETTINGS)
            self._poller.register(self._session, select.POLLIN)
        return self._session

    def query(self, statement: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> Any:
        """Run a statement in the session that writes. The first column of the first row; None when there is none."""
        answer = query(self._working(), statement, values)
        self._used = time.monotonic()
        return answer

    def epoch(self) -> Epoch:
        """The life of the database that the leader writes to."""
        return epoch_of(self._working())

    def beat(self) -> None:
        """Check that this relay still leads, and keep the session that writes alive. Cheap: call it in every wait."""
        if self._keeping is not None:
            if self._keeping.done():
                self._keeping.result()
            if self.silence() > LOCK_TIMEOUT_SECONDS:
                raise psycopg2.OperationalError("the session of the lock does not answer")
        if self._session is not None and time.monotonic() - self._used >= _KEPT_SECONDS:
            self.query("SELECT 1")

    def listen(self) -> None:
        """Receive wake-ups from now on."""
        self.query("LISTEN outbox")

    def fall_asleep(self) -> bool:
        """Let every writer wake this relay up. False while a writer is under way that found the relay awake.

        After the first true, read once more before sleeping: earlier commits are visible by now, and later ones wake.
        """
        if not self.asleep:
            self.asleep = bool(self.query("SELECT pg_try_advisory_lock(%s)", (_WAKE_UP_LOCK,)))
        return self.asleep

    def wake_up(self) -> None:
        """Stop wake-ups: the relay reads by itself until it falls asleep again."""
        if self.asleep:
            self.query("SELECT pg_advisory_unlock(%s)", (_WAKE_UP_LOCK,))
            self.asleep = False

    def wait_for_wake_up(self, seconds: float) -> bool:
        """Wait for a wake-up, at most ``seconds``. Returns whether one came."""
        session = self._working()
        if not session.notifies and self._poller.poll(1000 * seconds):
            session.poll()
        woken = bool(session.notifies)
        session.notifies.clear()
        return woken

    def sever(self) -> None:
        """End every call that waits for PostgreSQL, in any thread. Never waits."""
        for session in (self._lock, self._session):
            if session is not None:
                sever(session)

    def close(self) -> None:
        """Step down: ending the sessions releases the locks."""
        self._over.set()
        if self._keeping is not None:
            wait([self._keeping], _PAUSE_SECONDS)
        self.sever()
        for session in (self._session, self._lock):
            if session is not None:
                session.close()
