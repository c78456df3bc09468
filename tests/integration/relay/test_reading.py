"""The log reader against real transactions."""

from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex

import pytest

from relay.log_reader import Found, LogReader, Row
from relay.outbox_source import PostgresOutbox
from relay.positions import Settled
from tests.integration.relay.writers import ConcurrentWriters, append, execute, session, wait_for, write

pytestmark = pytest.mark.postgres


def drain(reader: LogReader) -> list[Row]:
    """Everything that can be read now."""
    rows: list[Row] = []
    while True:
        batch = reader.read()
        rows += batch.rows
        if not batch.rows and not batch.more:
            return rows


@pytest.mark.parametrize("limit", [7, 1000])
def test_sixteen_writers_lose_nothing_and_keep_each_keys_order(database_url: str, limit: int) -> None:
    crowd = ConcurrentWriters(database_url, "events", writers=16, transactions=40)
    reader = LogReader(PostgresOutbox(database_url), Settled(), limit)
    rows: list[Row] = []
    crowd.start()
    while crowd.writing:
        rows += drain(reader)
    crowd.join()
    rows += drain(reader)

    assert not crowd.failures
    committed = execute(database_url, "SELECT position, key FROM outbox ORDER BY position")
    assert sorted((row[0], row[2]) for row in rows) == committed
    for key in {row[2] for row in rows}:
        positions = [row[0] for row in rows if row[2] == key]
        assert positions == sorted(positions)
    assert reader.open_gaps == 0


def test_reading_resumes_from_the_receipt_after_a_crash_at_any_batch(database_url: str) -> None:
    crowd = ConcurrentWriters(database_url, "events", writers=8, transactions=30)
    source = PostgresOutbox(database_url)
    settled, rows = Settled(), list[Row]()
    crowd.start()
    while crowd.writing or len(rows) < len(execute(database_url, "SELECT position FROM outbox")):
        batch = LogReader(source, settled, 5, source.last_row(settled.high)).read()
        rows, settled = rows + batch.rows, batch.after
    crowd.join()

    assert not crowd.failures
    committed = execute(database_url, "SELECT position FROM outbox ORDER BY position")
    assert sorted(row[0] for row in rows) == [position for (position,) in committed]


def test_long_transaction_without_rows_holds_no_gap(database_url: str) -> None:
    with session(database_url) as foreign, session(database_url) as loser:
        with foreign.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()")
        append(loser, "events")
        loser.rollback()
        write(database_url, "events", 1)
        reader = LogReader(PostgresOutbox(database_url), Settled(), 10)

        assert [row[0] for row in drain(reader)] == [2]
        assert reader.open_gaps == 0


def test_rows_of_a_slow_writer_are_awaited_without_delaying_others(database_url: str) -> None:
    reader = LogReader(PostgresOutbox(database_url), Settled(), 10)
    with session(database_url) as slow:
        append(slow, "events", "slow")
        write(database_url, "events", 1, key="quick")
        assert [row[2] for row in drain(reader)] == ["quick"]
        assert reader.open_gaps == 1
        slow.commit()
    assert [row[2] for row in drain(reader)] == ["slow"]
    assert reader.open_gaps == 0


def test_writer_has_a_transaction_id_before_it_draws_a_position(database_url: str) -> None:
    """Otherwise a relay that finds the position missing at that moment would give it up."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with session(database_url) as holder, session(database_url) as writer, ThreadPoolExecutor(1) as pool:
        with holder.cursor() as cursor:
            cursor.execute("ALTER SEQUENCE outbox_position_seq NO CYCLE")
        appending = pool.submit(append, writer, "events")
        wait_for(database_url, waiting)
        known = PostgresOutbox(database_url).writers()
        holder.rollback()
        appending.result()
        with writer.cursor() as cursor:
            cursor.execute("SELECT xid::text::bigint FROM outbox")
            assert cursor.fetchall() == [(number,) for number in known]


def test_rolled_back_savepoint_gives_up_only_its_own_positions(database_url: str) -> None:
    reader = LogReader(PostgresOutbox(database_url), Settled(), 10)
    with session(database_url) as writer, writer.cursor() as cursor:
        append(writer, "events", "kept")
        cursor.execute("SAVEPOINT s")
        append(writer, "events", "gone")
        cursor.execute("ROLLBACK TO SAVEPOINT s")
        write(database_url, "events", 1, key="other")
        assert [row[2] for row in drain(reader)] == ["other"]
        append(writer, "events", "later")
        writer.commit()
    assert [row[2] for row in drain(reader)] == ["kept", "later"]
    assert reader.open_gaps == 0


def test_reads_are_bounded_by_bytes_and_never_empty_for_a_large_row(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.outbox_source.MAX_BATCH_BYTES", 1000)
    with session(database_url) as writer:
        for size in (400, 400, 400, 5000, 10):
            append(writer, "events", value="x" * size)
        writer.commit()
    source = PostgresOutbox(database_url)
    assert positions(source.tail(0, 100)) == (None, [1, 2, 3])
    assert positions(source.tail(3, 100)) == (3, [4]), "the last row read is no part of the limit"
    assert positions(source.tail(4, 100)) == (4, [5])


def positions(found: Found) -> tuple[int | None, list[int]]:
    """The positions of the last row read before and of the rows found."""
    return found.last[0] if found.last else None, [row[0] for row in found.rows]


def test_searches_bounded_by_bytes_report_the_bound(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.outbox_source.MAX_BATCH_BYTES", 1000)
    with session(database_url) as writer:
        for size in (400, 400, 5000, 10, 10, 10, 10, 10, 10, 5000):
            append(writer, "events", value="x" * size)
        writer.commit()
    source = PostgresOutbox(database_url)

    def look(*ranges: tuple[int, int], limit: int = 100) -> tuple[list[int], bool]:
        found = source.look(ranges, 10, limit)
        assert found.last is not None
        return positions(found)[1], found.complete

    assert look((1, 1), (2, 5)) == ([1, 2, 3], False)
    assert look((3, 9)) == ([3], False)
    assert look((1, 1), (4, 5)) == ([1, 4, 5], True)
    assert look((1, 1), (4, 9), limit=2) == ([1, 4], False)
    assert look() == ([], True)
    assert source.look([(1, 1), (4, 5)], 11, 2) == (None, source.look([(1, 1), (4, 5)], 10, 2).rows, False)


def test_large_headers_and_keys_count_as_bytes(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.outbox_source.MAX_BATCH_BYTES", 2000)
    incompressible = [("h", token_hex(1000))]
    with session(database_url) as writer:
        append(writer, "events", headers=incompressible)
        append(writer, "events", key="k" * 2000)
        append(writer, "events")
        writer.commit()
    source = PostgresOutbox(database_url)
    assert positions(source.tail(0, 100)) == (None, [1])
    assert positions(source.tail(1, 100)) == (1, [2])
    assert positions(source.look([(2, 3)], 1, 100)) == (1, [2])


_EPOCH = 1 << 32


@pytest.mark.parametrize("wraps", [0, 3 * _EPOCH])
def test_writer_counts_as_running_by_snapshot_and_not_by_locks(database_url: str, wraps: int) -> None:
    """A writer's rows become visible a moment before it releases its locks. The given snapshots fix this moment."""
    with session(database_url) as first, session(database_url) as second:
        append(first, "events", "first")
        append(second, "events", "second")
        low, high = sorted(PostgresOutbox(database_url).writers())
        source = PostgresOutbox(database_url)

        def running(snapshot: str) -> list[int]:
            with source._session.cursor() as cursor:
                cursor.execute("EXECUTE writers (%s)", (snapshot,))
                return sorted(number for (number,) in cursor.fetchall())

        low64, high64, later = low + wraps, high + wraps, high + wraps + 1
        assert running(f"{later}:{later}:") == [], "both are over and still hold their locks"
        assert running(f"{low64}:{later}:{low64}") == [low]
        assert running(f"{high64}:{later}:{high64}") == [high]
        assert running(f"{low64}:{later}:{low64},{high64}") == [low, high]
        assert running(f"{low64}:{low64}:") == [low, high], "none that began later was over"
        assert running(f"{high64}:{high64}:") == [high]


def test_transaction_ids_are_compared_modulo_their_range(database_url: str) -> None:
    """The snapshot was taken just before the ids wrap around, so a writer with a small id is a later one."""
    with session(database_url) as writer:
        append(writer, "events")
        source = PostgresOutbox(database_url)
        (number,) = source.writers()
        before_the_turn = _EPOCH - 10
        with source._session.cursor() as cursor:
            cursor.execute("EXECUTE writers (%s)", (f"{before_the_turn}:{before_the_turn}:",))
            assert cursor.fetchall() == [(number,)]


def test_every_read_is_a_scan_of_the_primary_key(database_url: str) -> None:
    """This must hold also for a table whose statistics say that it is empty."""
    source = PostgresOutbox(database_url)
    with source._session.cursor() as cursor:
        for statement in ("tail (1, 5000, 1000000)", "look ('{1,5}', '{3,9}', 10, 1000000)"):
            cursor.execute(f"EXPLAIN EXECUTE {statement}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Index Scan using pk_outbox" in plan
            assert "Seq Scan" not in plan
            assert "Sort  (" not in plan.replace("Incremental Sort", ""), "a look ends where its limit is"
    source.close()
