"""What reading the outbox as a log rests on: nothing skipped, each payment's events in order."""

from proofs.mutation import guarantees as g
from proofs.mutation.mechanism import Change, Mechanism

_READER = "tests/unit/relay/test_log_reader.py"

_MODEL = "tests/models/test_reading_rule.py::test_every_interleaving_keeps_the_guarantees"

_XID = "    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,\n"
_POSITION = "    position BIGINT GENERATED ALWAYS AS IDENTITY,\n"

MECHANISMS = (
    Mechanism(
        "gaps",
        g.NOT_SKIPPED,
        "a missing position is given up at once",
        (Change("relay/gaps.py", "                elif gap.writers:", "                elif not gap:"),),
        (
            f"{_READER}::test_a_long_writer_holds_up_no_other",
            _MODEL,
            "tests/integration/relay/test_reading.py::test_sixteen_writers_lose_nothing_and_keep_each_keys_order",
            "tests/crash/test_relay_besieged.py::test_everything_at_once",
        ),
    ),
    Mechanism(
        "second-look",
        g.NOT_SKIPPED,
        "a gap whose writers are over is given up without another look",
        (
            Change(
                "relay/log_reader.py",
                "self._source.look([(gap.start, gap.end) for gap in gaps], self._high, self._limit)",
                "self._source.look([(g.start, g.end) for g in gaps if g.writers], self._high, self._limit)",
            ),
        ),
        (f"{_READER}::test_a_long_writer_holds_up_no_other", _MODEL),
    ),
    Mechanism(
        "writers-after-the-read",
        g.NOT_SKIPPED,
        "who may fill a gap is asked before the read that finds it, not after",
        (
            Change(
                "relay/log_reader.py",
                "        if not self._held:\n            self._read_tail()\n",
                "        writers = self._source.writers()\n"
                "        if not self._held:\n            self._read_tail()\n"
                "        self._gaps.observe(writers)\n",
            ),
            Change(
                "relay/log_reader.py",
                "            return [], []\n        self._gaps.observe(self._source.writers())\n",
                "            return [], []\n",
            ),
        ),
        (f"{_READER}::test_long_random_histories_lose_double_and_reorder_no_row", _MODEL),
    ),
    Mechanism(
        "writers-after-the-look",
        g.IN_ORDER,
        "after a look that found rows, who is still writing is not asked again",
        (
            Change(
                "relay/log_reader.py",
                "        if rows:\n            # A writer",
                "        if rows and not gaps:\n            # A writer",
            ),
        ),
        (f"{_READER}::test_long_random_histories_lose_double_and_reorder_no_row", _MODEL),
    ),
    Mechanism(
        "xid-before-position",
        g.NOT_SKIPPED,
        "a writer draws its position before it has a transaction id",
        (Change("migrations/versions/0001_initial.sql", _XID + _POSITION, _POSITION + _XID),),
        ("tests/integration/relay/test_reading.py::test_a_writer_is_known_before_it_draws_its_position",),
    ),
    Mechanism(
        "behind-a-gap",
        g.IN_ORDER,
        "rows above a gap that was not looked at go out at once",
        (Change("relay/log_reader.py", "        if first is None:\n", "        if first != 0:\n"),),
        (f"{_READER}::test_long_random_histories_lose_double_and_reorder_no_row", _MODEL),
    ),
    Mechanism(
        "order-in-a-batch",
        g.IN_ORDER,
        "a batch is published from its last row to its first",
        (
            Change(
                "relay/records.py",
                "for position, topic, key, value, text, replayed in rows:",
                "for position, topic, key, value, text, replayed in reversed(rows):",
            ),
        ),
        ("tests/integration/relay/test_publishing.py::test_a_crowd_is_published_once_and_in_order",),
    ),
    Mechanism(
        "payment-lock",
        g.IN_ORDER,
        "the payment's row is not locked before its events are appended",
        (
            Change(
                "service/storage/payments.py",
                "_LOCK = Prepared(_BY_ID.add_columns(func.now()).with_for_update())",
                "_LOCK = Prepared(_BY_ID.add_columns(func.now()))",
            ),
            Change(
                "service/storage/locked.py",
                ".where(wanted).with_for_update()",
                ".where(wanted)",
            ),
        ),
        (
            "tests/integration/api/test_requests.py::test_commands_of_one_payment_commit_in_the_order_of_their_positions",
        ),
    ),
    Mechanism(
        "sequence",
        g.IN_ORDER,
        "a payment's events are counted with gaps",
        (
            Change(
                "service/usecases/record.py",
                "event_sequence=before.event_sequence + len(messages))",
                "event_sequence=before.event_sequence + 2 * len(messages))",
            ),
        ),
        ("tests/integration/core/test_flows.py",),
    ),
    Mechanism(
        "key",
        g.IN_ORDER,
        "an event's key is its own id, not the payment's",
        (
            Change(
                "service/domain/messages.py",
                "key=answer.correlation_id if payment_id is None else str(payment_id),",
                "key=str(event_id),",
            ),
        ),
        ("tests/unit/domain/test_messages.py",),
    ),
)
