"""Asks the topics which rows are published, when the relay can't trust receipt and checkpoint.

Two things prove that a row is published: its record in its topic, or a trusted memory of this very row. A record that
retention may have deleted proves nothing. In doubt a row is published again, and readers drop it by its ``ce_id``.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from typing import Any, NamedTuple

from relay.comparison import CANDIDATES, MAYBE_GONE, PUBLISHED, UNSETTLED, Comparison
from relay.positions import Range, Settled
from relay.postgres import as_multirange, connect
from relay.resume_point import ResumePoint

_LONGEST_TRANSACTION = "1 hour"
"""The longest time from the beginning of a transaction, which ``created_at`` is, to its insert."""

_REMEMBERED = f"""
    (NOT {UNSETTLED} AND NOT (%(used_again)s AND created_at > (
        SELECT created_at - interval '{_LONGEST_TRANSACTION}' FROM outbox
        WHERE position <= %(high)s ORDER BY position DESC LIMIT 1)))
"""
"""Rows that the memory meant: they are settled, and older than a row at a position handed out again can be."""

_CANDIDATES = f"CREATE TEMP TABLE candidates AS {CANDIDATES.format(where=f'NOT {_REMEMBERED}')}"

_SINCE = "SELECT topic, min(created_at) FROM candidates GROUP BY topic"
"""For each topic by itself: a row that has long waited for its topic must not make other topics be read so far back."""

_KEPT = f"""
    SELECT min(position), max(position)
    FROM (SELECT position, position - row_number() OVER (ORDER BY position) AS island
          FROM outbox WHERE {_REMEMBERED}) AS kept
    GROUP BY island ORDER BY 1
"""

_FOUND = f"""
    SELECT min(position), max(position)
    FROM (SELECT position, position - row_number() OVER (ORDER BY position) AS island
          FROM candidates AS c WHERE {PUBLISHED}) AS found
    GROUP BY island ORDER BY 1
"""

_UNPROVEN = f"SELECT count(*) FROM candidates AS c WHERE NOT {PUBLISHED} AND {MAYBE_GONE}"

_OUT_OF_ORDER = f"""
    WITH waiting AS (
        SELECT topic, key, sequence, position, lag(position) OVER in_order > position AS falls
        FROM candidates AS c WHERE NOT replayed AND sequence IS NOT NULL AND NOT {PUBLISHED}
        WINDOW in_order AS (PARTITION BY topic, key ORDER BY sequence)),
    numbered AS (
        SELECT position, bool_or(falls) OVER (PARTITION BY topic, key) AS out_of_order,
            count(*) FILTER (WHERE falls) OVER (PARTITION BY topic, key ORDER BY sequence) AS round
        FROM waiting)
    SELECT array_agg(position ORDER BY position) FROM numbered WHERE out_of_order GROUP BY round ORDER BY round
"""


class Compared(NamedTuple):
    """The result of a comparison."""

    settled: Settled
    unproven: int
    """The number of rows that are published again because nothing proves that they were published."""

    out_of_order: list[list[int]]
    """Positions to publish before all others, round by round. Their keys have later rows at lower positions."""


def reconcile(url: str, kafka: Mapping[str, Any], memory: ResumePoint, beat: Callable[[], None]) -> Compared:
    """Find the rows that are settled for certain. Raises psycopg2.Error, KafkaException, and what ``beat`` raises."""
    known = memory.settled
    values = {
        "low": known.low,
        "ranges": as_multirange(known.above),
        "high": known.high,
        "used_again": memory.used_again,
    }
    with closing(connect(url, "reconcile")) as session:
        comparison = Comparison(session, kafka, beat)
        comparison.ask("BEGIN ISOLATION LEVEL REPEATABLE READ")
        comparison.ask(_CANDIDATES, values)
        if memory.used_again:
            known = Settled().add(_ranges(comparison, _KEPT, values))
        comparison.ask("COMMIT")
        since: dict[str, datetime] = dict(comparison.ask(_SINCE))
        if not since:
            return Compared(known, 0, [])
        comparison.read_topics(since)
        ((unproven,),) = comparison.ask(_UNPROVEN)
        out_of_order = [positions for (positions,) in comparison.ask(_OUT_OF_ORDER)]
        return Compared(known.add(_ranges(comparison, _FOUND)), unproven, out_of_order)


def _ranges(comparison: Comparison, statement: str, values: Mapping[str, Any] | None = None) -> list[Range]:
    return [(start, end) for start, end in comparison.ask(statement, values)]
