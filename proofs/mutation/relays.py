"""What publishing each event once, by one relay of several, rests on."""

from proofs.mutation import guarantees as g
from proofs.mutation.mechanism import Change, Mechanism

_CRASHES = "tests/integration/relay/test_crashes.py"
_KILLED = f"{_CRASHES}::test_killed_between_two_durable_effects"
_AT_LEAST = "tests/integration/relay/test_at_least_once.py"
_TAKEN_OVER = f"{_CRASHES}::test_who_was_taken_over_publishes_nothing"

_OWN_ID = Change(
    "relay/transactional_producer.py",
    '{"transactional.id": transactional_id}',
    '{"transactional.id": transactional_id + __import__("secrets").token_hex(4)}',
)
_NO_LOCK = Change(
    "relay/leadership.py",
    "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))",
    "SELECT hashtextextended(%s, 0) IS NOT NULL",
)

MECHANISMS = (
    Mechanism(
        "receipt",
        g.PUBLISHED_ONCE,
        "the relay starts from the checkpoint, whatever the receipt says",
        (
            Change(
                "relay/takeover.py",
                "resume_from_receipt(found, saved, life, self._source.last_row, fault or mended)",
                "ResumePoint(saved.settled if saved else Settled(), None)",
            ),
        ),
        (
            f"{_KILLED}[relay.after_kafka_commit]",
            "tests/crash/test_relay_besieged.py::test_servers_killed_in_the_middle_of_a_transaction",
        ),
    ),
    Mechanism(
        "memory",
        g.PUBLISHED_ONCE,
        "the relay starts from the first row",
        (
            Change(
                "relay/active_term.py",
                "reader = LogReader(doubting, receipt.settled, settings.relay_batch_size, receipt.last_row)",
                "reader = LogReader(doubting, type(receipt.settled)(), settings.relay_batch_size)",
            ),
        ),
        (f"{_KILLED}[relay.after_checkpoint]",),
    ),
    Mechanism(
        "receipt-in-transaction",
        g.PUBLISHED_ONCE,
        "the receipt is committed in a Kafka transaction after that of its records",
        (
            Change(
                "relay/transactional_producer.py",
                "            client.send(rows)\n",
                "            client.send(rows)\n"
                "            client.patiently(client.producer.commit_transaction)\n"
                "            client.producer.begin_transaction()\n",
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
                "relay/transactional_producer.py",
                "client.patiently(partial(client.within_deadline, partial(self._send_receipt, receipt, group)))",
                "client.flush(whatever_fails=False)",
            ),
        ),
        ("tests/integration/relay/test_publishing.py::test_receipt_and_checkpoint_agree_after_a_drain",),
    ),
    Mechanism(
        "transactional-producer",
        g.PUBLISHED_ONCE,
        "an at-least-once producer in place of the transactional one",
        (
            Change(
                "relay/active_term.py",
                'if settings.relay_delivery == "at-least-once":\n        return AtLeastOnce',
                "if settings.relay_delivery:\n        return AtLeastOnce",
            ),
        ),
        (_TAKEN_OVER,),
    ),
    Mechanism(
        "commits-in-order",
        g.IN_ORDER,
        "a transaction is committed whether or not the one before it is",
        (
            Change(
                "relay/exactly_once.py",
                "        while not self.settle(_SLICE_SECONDS):\n            self._beat()\n",
                "",
            ),
        ),
        (
            "tests/unit/relay/test_exactly_once.py::test_a_transaction_is_prepared_during_a_commit_and_committed_after_it",
            "tests/unit/relay/test_exactly_once.py::test_after_a_failed_commit_no_later_transaction_is_committed",
        ),
    ),
    Mechanism(
        "unsettled-receipt",
        g.MEMORY,
        "a receipt that never settles is waited for, term after term",
        (
            Change(
                "relay/exactly_once.py",
                "            if error_of(exc).code() != KafkaError._TIMED_OUT:\n                raise\n",
                "            if error_of(exc):\n                raise\n",
            ),
        ),
        ("tests/unit/relay/test_exactly_once.py::test_a_receipt_that_does_not_settle_counts_as_lost",),
    ),
    Mechanism(
        "leaderless-topic",
        g.MEMORY,
        "a topic whose leaders are not known is taken for an empty one",
        (Change("relay/topic_scan.py", "if known[topic].error is not None:", "if not known[topic]:"),),
        ("tests/unit/relay/test_topic_scan.py::test_a_topic_without_leaders_is_not_an_empty_one",),
    ),
    Mechanism(
        "fencing",
        g.SEVERAL_RELAYS,
        "each relay has a transactional id of its own",
        (_OWN_ID,),
        (_TAKEN_OVER,),
    ),
    Mechanism(
        "fence-then-read",
        g.SEVERAL_RELAYS,
        "a relay reads the receipt first and fences the older one afterwards",
        (
            Change(
                "relay/exactly_once.py",
                "        self._next.open()\n        self._last.open()\n        self._health.enter(Stage.RECEIPT)\n",
                "",
            ),
            Change(
                "relay/exactly_once.py",
                "            return found\n        finally:\n            consumer.close()\n",
                "            self._next.open()\n            self._last.open()\n"
                "            return found\n        finally:\n            consumer.close()\n",
            ),
        ),
        (_TAKEN_OVER,),
    ),
    Mechanism(
        "advisory-lock",
        g.SEVERAL_RELAYS,
        "every relay takes itself for the leader",
        (_NO_LOCK,),
        ("tests/integration/relay/test_leadership.py::test_one_leader_per_name_and_the_next_when_it_is_gone",),
    ),
    Mechanism(
        "lock-and-fencing",
        g.SEVERAL_RELAYS,
        "the same, and each has a transactional id of its own",
        (_NO_LOCK, _OWN_ID),
        (f"{_CRASHES}::test_several_started_at_once",),
    ),
    Mechanism(
        "silent-leader",
        g.SEVERAL_RELAYS,
        "a frozen leader keeps its lock",
        (
            Change(
                "relay/leadership.py",
                'for name in ("idle_session_timeout", "idle_in_transaction_session_timeout", "statement_timeout")',
                'for name in ("idle_in_transaction_session_timeout", "statement_timeout")',
            ),
        ),
        (
            "tests/integration/relay/test_leadership.py::test_who_was_silent_loses_the_lock_and_can_write_no_more",
            f"{_CRASHES}::test_a_zombie_is_fenced",
            f"{_AT_LEAST}::test_frozen_while_sending_and_overtaken_it_repeats_one_batch_at_most",
        ),
    ),
)
