"""What publishing each event once, by one relay of several, rests on."""

from sabotage import guarantees as g
from sabotage.mechanism import Change, Mechanism

_CRASHES = "tests/integration/relay/test_crashes.py"
_KILLED = f"{_CRASHES}::test_killed_between_two_durable_effects"
_TAKEN_OVER = f"{_CRASHES}::test_who_was_taken_over_publishes_nothing"
_MEMORY = "tests/integration/relay/test_memory.py"
_RECALL = "tests/unit/relay/test_recall.py::test_whatever_else_is_doubted"
_DOUBT = Change(
    "relay/turn.py",
    "settled = memory.settled if memory.doubt is None else self._reconcile(memory, memory.doubt)",
    "settled = memory.settled",
)

MECHANISMS = (
    Mechanism(
        "receipt",
        g.PUBLISHED_ONCE,
        "the relay starts from the checkpoint, whatever the receipt says",
        (
            Change(
                "relay/turn.py",
                "else recall(found, mirror, epoch, source.witness)",
                "else recall_without_receipts(mirror, epoch)",
            ),
        ),
        (f"{_KILLED}[relay.after_kafka_commit]",),
    ),
    Mechanism(
        "memory",
        g.PUBLISHED_ONCE,
        "the relay starts from the first row",
        (
            Change(
                "relay/turn.py",
                "reader = LogReader(source, receipt.settled, settings.relay_batch_size)",
                "reader = LogReader(source, Settled(), settings.relay_batch_size)",
            ),
        ),
        (f"{_KILLED}[relay.after_mirror]",),
    ),
    Mechanism(
        "receipt-in-transaction",
        g.PUBLISHED_ONCE,
        "the receipt is committed in a Kafka transaction after that of its records",
        (
            Change(
                "relay/exactly_once.py",
                "        self._client.send(rows)\n",
                "        self._client.send(rows)\n"
                "        self._client.patiently(self._client.producer.commit_transaction)\n"
                "        self._client.producer.begin_transaction()\n",
            ),
        ),
        (f"{_KILLED}[relay.in_transaction]",),
    ),
    Mechanism(
        "no-receipt",
        g.PUBLISHED_ONCE,
        "no receipt is written",
        (
            Change(
                "relay/exactly_once.py",
                "self._client.patiently(partial(self._client.within_deadline, partial(self._send_receipt, place)))",
                "self._client.flush()",
            ),
        ),
        ("tests/integration/relay/test_publishing.py::test_receipt_and_mirror_agree_after_a_drain",),
    ),
    Mechanism(
        "transactional-producer",
        g.PUBLISHED_ONCE,
        "an at-least-once producer in place of the transactional one",
        (
            Change(
                "relay/turn.py",
                'if settings.relay_delivery == "at-least-once":\n        return AtLeastOnce',
                "if settings.relay_delivery:\n        return AtLeastOnce",
            ),
        ),
        (_TAKEN_OVER,),
    ),
    Mechanism(
        "fencing",
        g.SEVERAL_RELAYS,
        "each relay has a transactional id of its own",
        (
            Change(
                "relay/exactly_once.py",
                '**{"transactional.id": relay}',
                '**{"transactional.id": relay + __import__("secrets").token_hex(4)}',
            ),
        ),
        (_TAKEN_OVER,),
    ),
    Mechanism(
        "advisory-lock",
        g.SEVERAL_RELAYS,
        "every relay takes itself for the leader",
        (
            Change(
                "relay/leadership.py",
                "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))",
                "SELECT hashtextextended(%s, 0) IS NOT NULL",
            ),
        ),
        ("tests/integration/relay/test_leadership.py::test_one_leader_per_name_and_the_next_when_it_is_gone",),
    ),
    Mechanism(
        "silent-leader",
        g.SEVERAL_RELAYS,
        "a frozen leader keeps its lock",
        (
            Change(
                "relay/leadership.py",
                '("idle_session_timeout", milliseconds)',
                '("idle_session_timeout", "0")',
            ),
        ),
        ("tests/integration/relay/test_leadership.py::test_a_silent_leader_loses_the_lock",),
    ),
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
        ("tests/crash/test_restored.py::test_what_is_written_after_a_restore_is_published",),
    ),
)
