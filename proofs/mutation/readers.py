"""What readers of the topics rest on: delivery without transactions, and a word about who can't read the other one."""

from proofs.mutation import guarantees as g
from proofs.mutation.mechanism import Change, Mechanism

_AT_LEAST = "tests/integration/relay/test_at_least_once.py"
_READERS = "tests/integration/relay/test_readers.py"

MECHANISMS = (
    Mechanism(
        "reading-back",
        g.AT_LEAST_ONCE,
        "without receipts the relay begins where its checkpoint ends, and reads no topic back",
        (Change("relay/resume_point.py", "promoted = NO_RECEIPTS if", "promoted = None if"),),
        (
            f"{_AT_LEAST}::test_killed_anywhere_it_repeats_nothing[relay.after_kafka_commit]",
            f"{_AT_LEAST}::test_a_term_that_ends_in_the_middle_of_a_backlog_repeats_nothing",
        ),
    ),
    Mechanism(
        "delivered-neighbors",
        g.AT_LEAST_ONCE,
        "all of a batch is sent again when one of its records is refused",
        (
            Change(
                "relay/at_least_once.py",
                "self._delivered.update(failures.spared(sent))",
                "self._delivered.difference_update(failures.spared(sent))",
            ),
        ),
        (f"{_AT_LEAST}::test_neighbors_of_what_is_refused_are_not_repeated",),
    ),
    Mechanism(
        "overtaken",
        g.AT_LEAST_ONCE,
        "a relay sends without asking whether it was overtaken",
        (Change("relay/at_least_once.py", "        self._beat()\n", ""),),
        (f"{_AT_LEAST}::test_a_relay_that_finds_itself_overtaken_sends_nothing_more",),
    ),
    Mechanism(
        "readers-named",
        g.READERS_NAMED,
        "who reads the events is looked at, and by which library is not",
        (Change("relay/readers.py", "_SKIPS_CONTROL_RECORDS = (2, 0, 6)", "_SKIPS_CONTROL_RECORDS = (0,)"),),
        (
            f"{_READERS}::test_the_relay_names_each_reader_that_loses_events_once",
            f"{_READERS}::test_doctor_names_the_reader_and_what_to_do",
        ),
    ),
)
