"""The reader's statements against PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any

from relay.gaps import Writers
from relay.log_reader import Found, Row
from relay.positions import Range
from relay.postgres import connect, sever
from relay.receipt import LastRow

MAX_BATCH_BYTES = 16 * 1024 * 1024
"""Limit of one read; a single larger row is still read."""

_CREATED_AT = "least(greatest(date_part('epoch', created_at) * 1000, 0), 1e16)::bigint"
"""Milliseconds, because psycopg2 parses integers five times as fast as floats. Bounded: times may be infinite."""

_COLUMNS = f"position, topic, key, value, headers::text, replayed, {_CREATED_AT}"

_BYTES = "octet_length(value) + pg_column_size(headers) + octet_length(key) + octet_length(topic)"
"""Neither function fetches a value that is stored out of line (PostgreSQL, "TOAST"): rows not read cost no bytes.

Headers count in their stored size, compressed if they are large.
"""

_TAIL = f"""
    PREPARE tail (bigint, int, bigint) AS
        SELECT {_COLUMNS} FROM (
            SELECT *, sum(bytes) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING) - bytes AS before
            FROM (SELECT position, topic, key, value, headers, replayed, created_at,
                      CASE WHEN position > $1 THEN {_BYTES} ELSE 0 END AS bytes
                  FROM outbox WHERE position >= $1 ORDER BY position LIMIT $2 + 1) AS first) AS measured
        WHERE before < $3 ORDER BY position
"""

_LOOK = f"""
    PREPARE look (bigint[], bigint[], int, bigint) AS
        SELECT {_COLUMNS}, read < $4 FROM (
            SELECT *, sum(bytes) OVER (ORDER BY number, position ROWS UNBOUNDED PRECEDING) AS read
            FROM (SELECT number, inside.*, CASE WHEN number > 1 THEN {_BYTES} ELSE 0 END AS bytes
                  FROM unnest($1, $2) WITH ORDINALITY AS gap (first, last, number) CROSS JOIN LATERAL (
                      SELECT position, topic, key, value, headers, replayed, created_at FROM outbox
                      WHERE position BETWEEN gap.first AND gap.last ORDER BY position LIMIT $3) AS inside
                  ORDER BY number, position LIMIT $3 + 1) AS found) AS measured
        WHERE read - bytes < $4 ORDER BY number, position
"""
"""The first range is the last row read; the others are gaps. Rows beyond a limit are neither fetched nor sorted."""

_WRITERS = """
    PREPARE writers (pg_snapshot) AS
        WITH locks AS MATERIALIZED (
            SELECT virtualtransaction, locktype, relation, mode, transactionid FROM pg_locks
            WHERE granted AND (locktype = 'transactionid'
                OR locktype = 'relation' AND relation = 'outbox'::regclass AND database = (
                    SELECT oid FROM pg_database WHERE datname = current_database())))
        SELECT own.transactionid::text::bigint FROM locks AS own
        WHERE own.locktype = 'transactionid' AND own.mode = 'ExclusiveLock' AND EXISTS (
            SELECT FROM locks AS held WHERE held.virtualtransaction = own.virtualtransaction
                AND held.locktype = 'relation' AND held.mode = 'RowExclusiveLock')
        AND (own.transactionid::text::bigint - pg_snapshot_xmax($1)::text::bigint & 4294967295 < 2147483648
            OR own.transactionid IN (SELECT running::xid FROM pg_snapshot_xip($1) AS running))
"""
"""A transaction becomes visible first and releases its locks a moment later, so the lock table alone is not enough.

A snapshot lists the running transactions below its xmax, which is one past the last transaction that ended: a
transaction from xmax on is running, too. The lock table's ids have 32 bits, and are compared in a circle (PostgreSQL
documentation, "pg_snapshot Components", "Transactions and Identifiers").
"""

PLANS = (("plan_cache_mode", "force_generic_plan"), ("enable_seqscan", "off"), ("enable_bitmapscan", "off"))
"""Always plan with the primary key: fresh or stale statistics could make the planner read the whole outbox."""

_TIMEOUTS = (
    ("statement_timeout", "20s"),
    # Another session may lock the whole outbox: the relay reports it, and repeats the statement.
    ("lock_timeout", "2s"),
    ("idle_in_transaction_session_timeout", "20s"),
)


class PostgresOutbox:
    """The outbox of one database. Methods raise psycopg2.Error; only after LockNotAvailable is the session of use.

    The lock table shows the writers that may still fill a gap. An inserting transaction holds a lock on the table and
    one on its own transaction id, which it has before it draws a position (the column before ``position``). It holds
    both until its rows are visible or gone (PostgreSQL documentation, "pg_locks", "Explicit Locking"). So a long
    transaction that wrote nothing here delays nobody.
    """

    def __init__(self, url: str) -> None:
        self._session = connect(url, "reader", (*PLANS, *_TIMEOUTS))
        with self._session.cursor() as cursor:
            cursor.execute(";".join((_TAIL, _LOOK, _WRITERS)))

    def tail(self, last: int, limit: int) -> Found:
        """The row at ``last``, and the first rows above it: at most ``limit``, MAX_BATCH_BYTES or one larger row."""
        with self._session.cursor() as cursor:
            cursor.execute("EXECUTE tail (%s, %s, %s)", (last, limit, MAX_BATCH_BYTES))
            rows: list[Row] = cursor.fetchall()
        known = rows.pop(0) if rows and rows[0][0] == last else None
        return Found(known, rows[:limit], complete=False)

    def writers(self) -> Writers:
        """Ids of the transactions that may have drawn a position and are running in the statement's own snapshot."""
        with self._session.cursor() as cursor:
            cursor.execute("EXECUTE writers (pg_current_snapshot())")
            return frozenset(number for (number,) in cursor.fetchall())

    def look(self, ranges: Sequence[Range], last: int, limit: int) -> Found:
        """The row at ``last``, and the first rows inside ``ranges``, with the limits of ``tail``."""
        firsts, lasts = [last, *(start for start, _ in ranges)], [last, *(end for _, end in ranges)]
        with self._session.cursor() as cursor:
            cursor.execute("EXECUTE look (%s::bigint[], %s::bigint[], %s, %s)", (firsts, lasts, limit, MAX_BATCH_BYTES))
            found = cursor.fetchall()
        room_left = not found or found[-1][-1]
        rows: list[Row] = [row[:-1] for row in found]
        known = rows.pop(0) if rows and rows[0][0] == last else None
        return Found(known, rows[:limit], complete=room_left and len(rows) < limit)

    def ask(self, statement: str, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The first row of another statement, run in the reader's session; None when there is none."""
        with self._session.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchone()

    def last_row(self, position: int) -> LastRow | None:
        """The row at ``position`` now; None when there is none."""
        known = self.look([], position, 1).last
        return LastRow.of(known) if known else None

    def sever(self) -> None:
        """End a statement that runs in another thread, even if the server does not answer. It raises there."""
        sever(self._session)

    def close(self) -> None:
        """End the session, and a statement that runs in another thread."""
        self.sever()
        self._session.close()
