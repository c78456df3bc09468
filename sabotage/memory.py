"""What the relay's memory rests on: lost, or of another life of the database."""

from sabotage import guarantees as g
from sabotage.mechanism import Change, Mechanism

_MEMORY = "tests/integration/relay/test_memory.py"
_RECALL = "tests/unit/relay/test_recall.py::test_whatever_else_is_doubted"
_DOUBT = Change(
    "relay/turn.py",
    "settled = memory.settled if memory.doubt is None else self._reconcile(memory, memory.doubt)",
    "settled = memory.settled",
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
                "relay/recall.py",
                'return Memory(mirrored, "Kafka holds no receipt")',
                "return Memory(mirrored, None)",
            ),
        ),
        (f"{_MEMORY}::test_memory_lost[losses4]",),
    ),
    Mechanism(
        "partial-receipt",
        g.MEMORY,
        "a receipt that had no room for all is taken for whole",
        (Change("relay/recall.py", "if receipt.partial:", "if not receipt:"),),
        (f"{_MEMORY}::test_a_receipt_without_room_for_everything",),
    ),
    Mechanism(
        "old-receipt",
        g.MEMORY,
        "a receipt older than the checkpoint is believed",
        (Change("relay/recall.py", "if mirrored.low > receipt.settled.low:", "if not receipt:"),),
        (f"{_RECALL}[Kafka went back]",),
    ),
    Mechanism(
        "epoch",
        g.RESTORED,
        "another database or timeline is not noticed",
        (Change("relay/recall.py", "if receipt.epoch != epoch:", "if not receipt:"),),
        (f"{_RECALL}[promoted or restored]",),
    ),
    Mechanism(
        "witness",
        g.RESTORED,
        "that the last published row is gone is not noticed",
        (
            Change(
                "relay/recall.py",
                "if receipt.witness is None or witness_at(receipt.witness.position) != receipt.witness:",
                "if not receipt:",
            ),
        ),
        (f"{_MEMORY}::test_a_database_that_went_back_in_time",),
    ),
    Mechanism(
        "epoch-and-witness",
        g.RESTORED,
        "neither is noticed, after a real restore",
        (
            Change("relay/recall.py", "if receipt.epoch != epoch:", "if not receipt:"),
            Change(
                "relay/recall.py",
                "if receipt.witness is None or witness_at(receipt.witness.position) != receipt.witness:",
                "if not receipt:",
            ),
        ),
        (
            "tests/crash/test_restored.py::test_what_is_written_after_a_restore_is_published",
            "tests/crash/test_restored.py::test_what_is_written_after_a_dump_was_loaded_elsewhere_is_published",
        ),
    ),
)
