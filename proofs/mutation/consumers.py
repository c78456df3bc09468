"""What queueing a command once, losing none and blocking none rests on: request keys, offsets, ordering keys."""

from proofs.mutation import guarantees as g
from proofs.mutation.mechanism import Change, Mechanism

_CONSUMING = "tests/integration/consumer/test_consuming.py"
_MISSING = "tests/integration/consumer/test_missing_records.py"
_HOSTILE = "tests/integration/consumer/test_hostile_records.py"
_POISON = f"{_CONSUMING}::test_a_poison_record_holds_its_key_and_its_offset_only"

MECHANISMS = (
    Mechanism(
        "lowest-unfinished",
        g.OFFSETS,
        "offsets are committed past an unfinished record",
        (
            Change(
                "consumer/offsets.py",
                "return min((offset for offset, _ in self.unfinished.values()), default=self.following)",
                "return self.following",
            ),
        ),
        (_POISON,),
    ),
    Mechanism(
        "finished-when-durable",
        g.OFFSETS,
        "a record counts as finished before it is accepted",
        (
            Change(
                "consumer/intake.py",
                "        self._workers.submit(\n",
                "        self._tracker.finish(ticket)\n        self._workers.submit(\n",
            ),
        ),
        (
            f"{_CONSUMING}::test_while_the_database_is_away_nothing_is_committed_and_nothing_is_lost",
            "tests/integration/consumer/test_killed.py::test_a_consumer_killed_at_the_offset_commit_loses_nothing",
        ),
    ),
    Mechanism(
        "claims-of-partitions",
        g.OFFSETS,
        "what is left of a lost partition is not dropped, and its offsets are committed",
        (
            Change(
                "consumer/offsets.py",
                "            self._owned.pop(partition, None)\n",
                "            self._owned.get(partition, None)\n",
            ),
        ),
        ("tests/unit/consumer/test_assignment.py::test_lost_partitions_are_not_committed",),
    ),
    Mechanism(
        "pause-set-again",
        g.ALL_READ,
        "a partition that comes back is neither paused nor resumed",
        (
            Change(
                "consumer/assignment.py",
                "        self._pause_or_resume(consumer, list(starts))\n",
                "        self._reading |= dict.fromkeys(starts, self.paused)\n",
            ),
        ),
        (
            "tests/integration/consumer/test_handing_over.py"
            "::test_partitions_that_leave_a_full_consumer_and_come_back_are_read",
        ),
    ),
    Mechanism(
        "topic-id",
        g.ALL_READ,
        "an offset of another topic of the same name is believed",
        (
            Change("consumer/starts.py", "under is not None and under != self.topic_id", "not self.topic_id"),
            Change("consumer/starts.py", "self.topic_id is None or topic_id == self.topic_id", "self.topic_id"),
        ),
        (
            f"{_MISSING}::test_a_topic_made_anew_under_a_running_consumer_is_read_from_its_beginning",
            f"{_MISSING}::test_a_topic_made_anew_while_a_consumer_of_old_offsets_is_away",
        ),
    ),
    Mechanism(
        "missing-told",
        g.MISSING,
        "what retention took is passed without a word",
        (
            Change(
                "consumer/starts.py",
                "            self._missing.skipped(partition, expected, low)\n",
                "            pass\n",
            ),
        ),
        (
            f"{_MISSING}::test_what_retention_takes_under_a_full_consumer_is_told",
            f"{_MISSING}::test_what_retention_took_while_the_consumer_was_away_is_told",
        ),
    ),
    Mechanism(
        "values-counted",
        g.MEMORY_BOUNDED,
        "values are not counted before objects are made of them",
        (
            Change(
                "service/domain/command_json.py",
                "if _separators(text) > MAX_VALUES and",
                "if len(text) < 0 and",
            ),
        ),
        ("tests/unit/domain/test_command_reader_robust.py::test_unreadable_message_has_a_reason",),
    ),
    Mechanism(
        "large-one-at-a-time",
        g.MEMORY_BOUNDED,
        "large refused records are kept by all workers at once",
        (Change("consumer/intake.py", "_LARGE_BYTES = 64 * 1024", "_LARGE_BYTES = 64 * 1024 * 1024"),),
        (f"{_HOSTILE}::test_records_of_many_values_are_refused_in_bounded_memory",),
    ),
    Mechanism(
        "large-cut",
        g.MEMORY_BOUNDED,
        "a record is kept whole whatever its size",
        (Change("consumer/records.py", "len(data) <= READABLE_BYTES", "len(data) >= 0"),),
        (f"{_HOSTILE}::test_a_record_that_unpacks_to_a_hundred_megabytes_is_kept_by_its_digest",),
    ),
    Mechanism(
        "ordering-keys",
        g.NOBODY_WAITS,
        "all commands share one ordering key",
        (
            Change(
                "consumer/intake.py",
                "return str(command.type), command.ordering_key, lambda",
                'return str(command.type), "all", lambda',
            ),
        ),
        (_POISON,),
    ),
    Mechanism(
        "set-aside",
        g.NOBODY_WAITS,
        "a job that failed is tried again before everything else",
        (
            Change(
                "consumer/keyed_queue.py",
                "        queue.entry = next(self._entries)\n        heapq.heappush(",
                "        self._ready.appendleft(queue)\n        return queue.failures\n        heapq.heappush(",
            ),
        ),
        ("tests/unit/consumer/test_keyed_queue.py::test_a_failing_key_waits_and_the_others_go_on",),
    ),
    Mechanism(
        "dead-letters",
        g.NOBODY_WAITS,
        "an unreadable record is tried again and again instead of buried",
        (
            Change(
                "consumer/intake.py",
                "        self._commands.bury(unreadable, origin)\n",
                "        raise ValueError(unreadable.reason)\n",
            ),
        ),
        (
            "tests/unit/consumer/test_intake.py::test_an_unreadable_record_is_buried",
            "tests/acceptance/test_unreadable.py::test_unanswerable_records_are_kept_told_and_passed_by",
        ),
    ),
    Mechanism(
        "request-key",
        g.REQUEST_ONCE,
        "an Idempotency-Key is not looked at",
        (
            Change(
                "service/usecases/queue_command.py",
                "correlation_id = _claimed(connection, command, key) if key is not None else command.correlation_id",
                "correlation_id = command.correlation_id",
            ),
        ),
        (
            "tests/integration/api/test_requests.py::test_same_key_and_content_is_the_same_request",
            "tests/integration/api/test_requests.py::test_posted_at_the_same_moment_it_is_still_one",
        ),
    ),
)
