"""What the relay's memory rests on: lost, or of another life of the database."""

from proofs.mutation import guarantees as g
from proofs.mutation.mechanism import Change, Mechanism

_MEMORY = "tests/integration/relay/test_memory.py"
_RECALL = "tests/unit/relay/test_resume_point.py::test_every_other_memory_is_doubted"
_AGAIN = "tests/integration/relay/test_positions_again.py"
_RECENT = "tests/unit/relay/test_resume_point.py::test_if_positions_may_be_used_again_recent_rows_are_compared"
_IN_PLACE = "tests/crash/test_restored_in_place.py::test_rows_written_after_a_restore_in_place_are_published"
_OVER = "tests/integration/relay/test_leadership.py::test_a_checkpoint_is_not_written_over_what_was_restored"
_PROMOTED = "tests/crash/test_promoted.py::test_a_promotion_in_the_middle_of_a_backlog"
_DOUBT = Change(
    "relay/takeover.py",
    "compared = self._compare(memory, memory.doubt)",
    "compared = Compared(memory.settled, 0, [])",
)
_LAST_ROW = Change(
    "relay/resume_point.py",
    "if receipt.last_row is None or last_row_at(receipt.last_row.position) != receipt.last_row:",
    "if not receipt:",
)
_ANOTHER_SERVER = Change(
    "relay/resume_point.py",
    "if any(epoch.system_identifier != life.epoch.system_identifier for epoch in known):",
    "if any(not epoch for epoch in known):",
)

MECHANISMS = (
    Mechanism(
        "comparison",
        g.MEMORY,
        "a memory in doubt is taken as it is, outbox and topics are not compared",
        (_DOUBT,),
        (f"{_MEMORY}::test_memory_lost",),
    ),
    Mechanism(
        "both-lost",
        g.MEMORY,
        "without a receipt the checkpoint, or nothing, is believed",
        (
            Change(
                "relay/resume_point.py",
                'return checkpointed, "Kafka holds no receipt"',
                "return checkpointed, None",
            ),
        ),
        (f"{_MEMORY}::test_memory_lost[exactly-once-losses4]",),
    ),
    Mechanism(
        "partial-receipt",
        g.MEMORY,
        "a receipt that had no room for all is taken for whole",
        (Change("relay/resume_point.py", "if receipt.partial:", "if not receipt:"),),
        (f"{_MEMORY}::test_a_receipt_without_room_for_everything",),
    ),
    Mechanism(
        "old-receipt",
        g.MEMORY,
        "a receipt older than the checkpoint is believed",
        (Change("relay/resume_point.py", "if checkpointed.low > receipt.settled.low:", "if not receipt:"),),
        (f"{_RECALL}[Kafka went back]",),
    ),
    Mechanism(
        "another-server",
        g.RESTORED,
        "a copy of the database on another server is not noticed",
        (_ANOTHER_SERVER,),
        (f"{_RECENT}[another server]",),
    ),
    Mechanism(
        "another-table",
        g.RESTORED,
        "an outbox that was restored is not noticed",
        (Change("relay/resume_point.py", "if checkpoint.outbox not in {None, life.outbox}:", "if not checkpoint:"),),
        (f"{_RECENT}[another table]",),
    ),
    Mechanism(
        "last-row",
        g.RESTORED,
        "that the last published row is gone is not noticed",
        (_LAST_ROW,),
        (
            f"{_MEMORY}::test_a_database_that_went_back_in_time",
            "tests/crash/test_restored.py::test_what_is_written_after_a_restore_is_published",
        ),
    ),
    Mechanism(
        "another-server-and-last-row",
        g.RESTORED,
        "neither is noticed, after a dump was loaded elsewhere",
        (
            _ANOTHER_SERVER,
            _LAST_ROW,
            Change("relay/resume_point.py", "if checkpoint.outbox not in {None, life.outbox}:", "if not checkpoint:"),
        ),
        ("tests/crash/test_restored.py::test_what_is_written_after_a_dump_was_loaded_elsewhere_is_published",),
    ),
    Mechanism(
        "checkpoint-fence",
        g.RESTORED,
        "the relay writes its checkpoint over one that was restored",
        (Change("relay/checkpoint.py", "AND xmin = %(written_by)s::xid AND", "AND %(written_by)s::text <> '' AND"),),
        (f"{_OVER}[its row]",),
    ),
    Mechanism(
        "restored-in-place",
        g.RESTORED,
        "a running relay notices no restore, and writes its checkpoint over it",
        (
            Change("relay/checkpoint.py", "AND xmin = %(written_by)s::xid AND", "AND %(written_by)s::text <> '' AND"),
            Change("relay/checkpoint.py", "'outbox'::regclass = %(outbox)s::oid", "%(outbox)s::bigint > 0"),
            Change("relay/doubts.py", "if now >= self._look_at:", "if now < 0:"),
        ),
        (f"{_IN_PLACE}[new tables]",),
    ),
    Mechanism(
        "looks",
        g.USED_AGAIN,
        "nobody looks at the sequence while the relay runs",
        (Change("relay/doubts.py", "if now >= self._look_at:", "if now < 0:"),),
        (f"{_AGAIN}::test_a_running_relay_publishes_what_is_written_at_used_positions[set_back]",),
    ),
    Mechanism(
        "recent-rows",
        g.USED_AGAIN,
        "rows at settled positions are taken for published where positions were handed out again",
        (
            Change(
                "relay/resume_point.py", "used_again or doubt, used_again is not None)", "used_again or doubt, False)"
            ),
        ),
        (
            f"{_AGAIN}::test_a_cut_over_by_replication",
            f"{_AGAIN}::test_nothing_is_called_published_meanwhile_and_a_relay_that_starts_makes_it_good",
        ),
    ),
    Mechanism(
        "cache",
        g.USED_AGAIN,
        "a sequence that hands out positions from caches is left as it is",
        (
            Change("relay/doubts.py", "if (self.cache, self.increment) != (1, 1):", "if self.cache == 0:"),
            Change("migrations/versions/0005_doubts.py", "IF cached <> 1 OR step <> 1 THEN", "IF cached = 0 THEN"),
        ),
        (f"{_AGAIN}::test_a_sequence_with_a_cache_loses_nothing",),
    ),
    Mechanism(
        "rounds-of-a-key",
        g.IN_ORDER,
        "where positions were handed out again, rows go by position only",
        (Change("relay/published_rows.py", "lag(position) OVER in_order > position AS falls", "false AS falls"),),
        (f"{_AGAIN}::test_a_key_keeps_its_order_when_its_older_row_stands_at_a_higher_position",),
    ),
    Mechanism(
        "repair-above",
        g.USED_AGAIN,
        "a repair appends wherever the sequence stands",
        (
            Change(
                "service/usecases/operations/replay.py", "operator_outbox.mend_sequence(connection)", "connection.info"
            ),
        ),
        (f"{_AGAIN}::test_a_repair_appends_above_everything",),
    ),
    Mechanism(
        "retention-proves-nothing",
        g.MEMORY,
        "what a topic may have lost to retention counts as published",
        (
            Change(
                "relay/published_rows.py",
                "FROM candidates AS c WHERE {PUBLISHED}) AS found",
                "FROM candidates AS c WHERE {PUBLISHED} OR EXISTS (SELECT FROM floors)) AS found",
            ),
        ),
        (f"{_PROMOTED}[forget_receipt]",),
    ),
    Mechanism(
        "promotion",
        g.PROMOTED,
        "after a promotion what is not found in the topics counts as published",
        (
            Change("relay/resume_point.py", "return receipt.settled, None", "return checkpointed, 'promoted'"),
            Change(
                "relay/published_rows.py",
                "FROM candidates AS c WHERE {PUBLISHED}) AS found",
                "FROM candidates AS c WHERE {PUBLISHED} OR EXISTS (SELECT FROM floors)) AS found",
            ),
        ),
        (f"{_PROMOTED}[_remembered]",),
    ),
)
