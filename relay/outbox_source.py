"""The reader's statements against PostgreSQL."""

from collections.abc import Sequence

from relay.gaps import Writers
from relay.log_reader import Row
from relay.positions import Range
from relay.postgres import connect, sever
from relay.receipt import Witness

MAX_BATCH_BYTES = 16 * 1024 * 1024
"""Values of one read; a single larger one is still read."""

_COLUMNS = "position, topic, key, value, headers::text, replayed"

_PREPARE = f"""
    PREPARE tail (bigint, int, bigint) AS
        SELECT {_COLUMNS} FROM (
            SELECT *, sum(octet_length(value)) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING)
                      - octet_length(value) AS before
            FROM (SELECT position, topic, key, value, headers, replayed FROM outbox
                  WHERE position > $1 ORDER BY position LIMIT $2) AS first) AS measured
        WHERE before < $3 ORDER BY position;
    PREPARE look (bigint[], bigint[], int) AS
        SELECT {_COLUMNS} FROM (
            SELECT found.* FROM unnest($1, $2) AS gap (first, last) CROSS JOIN LATERAL (
                SELECT position, topic, key, value, headers, replayed FROM outbox
                WHERE position BETWEEN gap.first AND gap.last ORDER BY position LIMIT $3) AS found) AS inside
        ORDER BY position LIMIT $3;
    PREPARE writers AS
        WITH locks AS MATERIALIZED (
            SELECT virtualtransaction, locktype, relation, mode, transactionid FROM pg_locks
            WHERE granted AND (locktype = 'transactionid'
                OR locktype = 'relation' AND relation = 'outbox'::regclass AND database = (
                    SELECT oid FROM pg_database WHERE datname = current_database())))
        SELECT own.transactionid::text::bigint FROM locks AS own
        WHERE own.locktype = 'transactionid' AND own.mode = 'ExclusiveLock' AND EXISTS (
            SELECT FROM locks AS held WHERE held.virtualtransaction = own.virtualtransaction
                AND held.locktype = 'relation' AND held.mode = 'RowExclusiveLock');
"""

_PLANS = (("plan_cache_mode", "force_generic_plan"), ("enable_seqscan", "off"), ("enable_bitmapscan", "off"))
"""Always the primary key: no statistics, fresh or stale, can talk the planner into reading the whole outbox."""

_TIMEOUTS = (
    ("statement_timeout", "20s"),
    # Somebody may lock the whole outbox: the relay says so, and asks again.
    ("lock_timeout", "2s"),
    ("idle_in_transaction_session_timeout", "20s"),
)


class PostgresOutbox:
    """The outbox of one database. Its statements raise psycopg2.Error; the session is of no more use then, unless it is
    LockNotAvailable.

    Who may still fill a gap is read from the lock table. Whoever inserts holds a lock on the table and one on its own
    transaction id, which it has before it draws a position (the column before it), and both until it is visible or
    gone (PostgreSQL documentation, "pg_locks", "Explicit Locking"). A long transaction that wrote nothing here is thus
    waited for by nobody.
    """

    def __init__(self, url: str) -> None:
        self._session = connect(url, "reader", (*_PLANS, *_TIMEOUTS))
        with self._session.cursor() as cursor:
            cursor.execute(_PREPARE)

    def tail(self, after: int, limit: int) -> list[Row]:
        """The first rows above ``after``: at most ``limit``, and at most MAX_BATCH_BYTES unless it is one row."""
        with self._session.cursor() as cursor:
            cursor.execute("EXECUTE tail (%s, %s, %s)", (after, limit, MAX_BATCH_BYTES))
            return cursor.fetchall()

    def writers(self) -> Writers:
        """Transaction ids of those that may have drawn a position and are not over."""
        with self._session.cursor() as cursor:
            cursor.execute("EXECUTE writers")
            return frozenset(number for (number,) in cursor.fetchall())

    def look(self, ranges: Sequence[Range], limit: int) -> list[Row]:
        """The first ``limit`` rows inside ``ranges``."""
        with self._session.cursor() as cursor:
            firsts, lasts = [start for start, _ in ranges], [end for _, end in ranges]
            cursor.execute("EXECUTE look (%s::bigint[], %s::bigint[], %s)", (firsts, lasts, limit))
            return cursor.fetchall()

    def witness(self, position: int) -> Witness | None:
        """What stands at ``position`` now."""
        found = self.look([(position, position)], 1)
        return Witness.of(found[0]) if found else None

    def sever(self) -> None:
        """End a statement that runs in another thread, whether the server answers or not; it raises there."""
        sever(self._session)

    def close(self) -> None:
        """End the session, and a statement that runs in another thread."""
        self.sever()
        self._session.close()
