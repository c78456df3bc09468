"""What the relay's reading rule rests on: who counts as running, how much is read at once, which history it is."""

from proofs.mutation import guarantees as g
from proofs.mutation.mechanism import Change, Mechanism

_READER = "tests/unit/relay/test_log_reader.py"
_READING = "tests/integration/relay/test_reading.py"
_MODEL = "tests/models/test_reading_rule.py::test_every_interleaving_keeps_the_guarantees"
_RUNNING = f"{_READING}::test_a_writer_is_running_while_it_is_in_the_snapshot_not_while_it_holds_its_locks"

MECHANISMS = (
    Mechanism(
        "running-in-the-snapshot",
        g.IN_ORDER,
        "a writer counts as running while it holds its locks, though its rows can be seen",
        (
            Change(
                "relay/outbox_source.py",
                "            OR own.transactionid IN (SELECT running::xid FROM pg_snapshot_xip($1) AS running))",
                "            OR own.transactionid IS NOT NULL)",
            ),
        ),
        (_RUNNING,),
    ),
    Mechanism(
        "running-above-the-snapshot",
        g.NOT_SKIPPED,
        "a writer that began after the last one that ended does not count as running",
        (
            Change(
                "relay/outbox_source.py",
                "& 4294967295 < 2147483648\n",
                "& 4294967295 < 0\n",
            ),
        ),
        (
            _RUNNING,
            f"{_READING}::test_ids_are_compared_in_a_circle",
        ),
    ),
    Mechanism(
        "look-in-bytes",
        g.NOT_SKIPPED,
        "a look is bounded in rows, not in bytes",
        (
            Change("relay/outbox_source.py", "        WHERE read - bytes < $4 ORDER", "        WHERE $4 > 0 ORDER"),
            Change("relay/outbox_source.py", "{_COLUMNS}, read < $4 FROM", "{_COLUMNS}, true FROM"),
        ),
        (
            f"{_READING}::test_looks_are_bounded_by_bytes_and_say_so",
            "tests/integration/relay/test_large_rows.py"
            "::test_many_large_rows_behind_a_gap_are_published_in_bounded_memory",
        ),
    ),
    Mechanism(
        "look-that-was-stopped",
        g.NOT_SKIPPED,
        "a look that its bytes stopped counts as complete",
        (Change("relay/outbox_source.py", "room_left = not found or found[-1][-1]", "room_left = True"),),
        (f"{_READING}::test_looks_are_bounded_by_bytes_and_say_so",),
    ),
    Mechanism(
        "last-row-read-again",
        g.RESTORED,
        "the last row read is not read again",
        (
            Change(
                "relay/log_reader.py",
                "        if (last and LastRow.of(last)) != self._last:\n",
                "        if last and not self._high:\n",
            ),
        ),
        (
            f"{_READER}::test_a_last_row_that_is_gone_or_replaced_ends_the_reader",
            _MODEL,
            "tests/integration/relay/test_memory.py::test_a_database_restored_in_place_under_a_running_relay",
        ),
    ),
    Mechanism(
        "last-row-in-every-look",
        g.RESTORED,
        "a look does not compare the last row",
        (
            Change(
                "relay/log_reader.py",
                "        self._compare(last)\n        dropped = ",
                "        dropped = ",
            ),
        ),
        (_MODEL,),
    ),
    Mechanism(
        "nothing-piles-up",
        g.NOT_SKIPPED,
        "rows of a look that lie above a gap newly due are dropped, not looked for again",
        (Change("relay/log_reader.py", "        self._gaps.look_again([row[0] for row in again])\n", ""),),
        (f"{_READER}::test_long_random_histories_lose_double_and_reorder_no_row", _MODEL),
    ),
)
