"""What keeps a relay from standing still, or from doing so unsaid."""

from proofs.mutation import guarantees as g
from proofs.mutation.mechanism import Change, Mechanism

_STILL = "tests/crash/test_relay_waits.py"
_SMALL_BROKER = "tests/integration/commandline/test_small_broker.py::test_each_who_waits_names_the_setting"
_WORK = "tests/integration/commandline/test_doctor_work.py"
_REFUSALS = "tests/integration/relay/test_refusals.py"

MECHANISMS = (
    Mechanism(
        "lock-thread",
        g.STANDS_STILL,
        "no thread keeps the lock while the work waits",
        (Change("relay/leadership.py", 'self._keeping = in_thread("relay-lock", self._keep)', "self._keeping = None"),),
        (f"{_STILL}::test_a_locked_outbox_costs_neither_the_lock_nor_the_truth",),
    ),
    Mechanism(
        "readiness",
        g.STANDS_STILL,
        "the relay is ready, whatever its work waits for",
        (
            Change(
                "relay/health.py",
                "return self._failed or self._fault_of_wait() or self._kafka or self._fault_of_stage()",
                "return None and self._fault_of_stage()",
            ),
        ),
        (
            f"{_STILL}::test_a_silent_path_to_postgresql_is_told_and_left",
            f"{_STILL}::test_a_hung_broker_is_told_and_does_not_keep_the_process",
        ),
    ),
    Mechanism(
        "coordinator-named",
        g.STANDS_STILL,
        "nobody looks why a broker coordinates no transactions",
        (Change("runtime/coordination.py", "if time.monotonic() > late_at:", "if time.monotonic() > math.inf:"),),
        (_SMALL_BROKER,),
    ),
    Mechanism(
        "group-named",
        g.STANDS_STILL,
        "nobody looks why the consumer's group is not joined",
        (Change("consumer/joining.py", "and now >= self._look_at:", "and now < 0:"),),
        (_SMALL_BROKER,),
    ),
    Mechanism(
        "topic-settings",
        g.TOPICS_TOLD,
        "a topic may be compacted",
        (Change("runtime/topic_policies.py", 'if "compact" in', 'if "compacted" in'),),
        (
            "tests/integration/relay/test_policies.py::test_the_relay_warns_and_publishes",
            "tests/integration/relay/test_policies.py::test_the_consumer_warns_and_reads",
            "tests/integration/commandline/test_doctor_kafka.py::test_topics_that_do_not_keep_records",
        ),
    ),
    Mechanism(
        "relay-missed",
        g.UNATTENDED,
        "a relay is thought to work",
        (
            Change(
                "commandline/check_work.py",
                'return state, bool((source.ask(IS_LED, {"relay": settings.relay_name}) or (False,))[0])',
                'return state, bool(source.ask(IS_LED, {"relay": settings.relay_name}))',
            ),
        ),
        (f"{_WORK}::test_nobody_publishes",),
    ),
    Mechanism(
        "overdue-missed",
        g.UNATTENDED,
        "a command may be due for ever",
        (Change("commandline/check_work.py", "timedelta(minutes=2)", "timedelta(days=2)"),),
        (f"{_WORK}::test_commands_that_nobody_takes_up_and_open_dead_letters",),
    ),
    Mechanism(
        "reader-missed",
        g.UNATTENDED,
        "what is behind the group's offset is thought to be markers",
        (
            Change(
                "commandline/check_group.py", "if waiting and _holds_a_record(", "if not waiting and _holds_a_record("
            ),
        ),
        (
            "tests/integration/commandline/test_doctor_kafka.py"
            "::test_commands_that_were_deleted_unread_and_commands_that_nobody_reads",
        ),
    ),
    Mechanism(
        "writer-ended",
        g.SEVERAL_RELAYS,
        "a successor leaves its predecessor the session that writes",
        (
            Change(
                "relay/leadership.py",
                "while not self.query(_TRY_LOCK, (self._writing,)):",
                "while not self.query(_TRY_LOCK, (str(id(self)),)):",
            ),
        ),
        ("tests/integration/relay/test_leadership.py::test_who_was_silent_loses_the_lock_and_can_write_no_more",),
    ),
    Mechanism(
        "burial",
        g.ROWS_APART,
        "a dead letter is written whole or not at all",
        (Change("relay/delivery.py", 'if (exc.pgcode or "")[:2] not in _DATA_FAULTS:', "if exc:"),),
        (f"{_REFUSALS}::test_no_content_can_stop_the_rest",),
    ),
    Mechanism(
        "refusal-named",
        g.ROWS_APART,
        "a record that the broker refused is taken for the broker's fault",
        (Change("relay/producer.py", "return self.failures.refusal(rows) or exc", "return exc"),),
        (f"{_REFUSALS}::test_one_too_large_in_front_of_a_full_batch[limit-not-told]",),
    ),
    Mechanism(
        "rows-aside",
        g.ROWS_APART,
        "rows whose topic does not exist are not set aside",
        (
            Change(
                "relay/held_back.py", "if not lost or len(self._all) >= _MAX_RANGES:", "if not lost or not self._all:"
            ),
        ),
        (f"{_REFUSALS}::test_a_topic_that_nobody_made_holds_up_only_its_own_rows",),
    ),
)
