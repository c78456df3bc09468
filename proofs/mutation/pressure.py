"""What work under a slow, locked, silent or changing database rests on."""

from proofs.mutation import guarantees as g
from proofs.mutation.mechanism import Change, Mechanism

_PRESSURE = "tests/acceptance/test_database_under_pressure.py"
_WAITING = "tests/integration/core/test_waiting.py"
_AWAY = "tests/acceptance/test_dependencies_away.py"
_HOSTS = "tests/integration/api/test_hosts.py"
_PREMISES = "tests/integration/commandline/test_unfit_databases.py"
_ENGINE = "service/storage/engine.py"

MECHANISMS = (
    Mechanism(
        "refused-for-good",
        g.REFUSED_RECORD,
        "a record that the database refuses is tried for ever",
        (
            Change(
                "consumer/giving_up.py",
                "if error.wait is not Wait.REFUSED or self._refused(origin) < TRIES:",
                "if self._refused(origin) > 0:",
            ),
        ),
        (
            f"{_PRESSURE}::"
            "test_a_command_that_the_database_refuses_for_good_goes_to_the_dead_letters_and_its_partition_goes_on",
            "tests/unit/consumer/test_giving_up.py::test_after_some_tries_it_is_kept_as_a_dead_letter_that_says_why",
        ),
    ),
    Mechanism(
        "short-row-waits",
        g.LOCKED_ROW,
        "a command waits eight seconds for a row",
        (Change(_ENGINE, "FOR_COMMANDS = Waits(row_ms=250,", "FOR_COMMANDS = Waits(row_ms=8000,"),),
        (f"{_PRESSURE}::test_locked_payments_keep_nobody_else_waiting",),
    ),
    Mechanism(
        "places-of-a-key",
        g.LOCKED_ROW,
        "one key may take all places, and copies are jobs of their own",
        (
            Change("consumer/keyed_queue.py", "PLACES_OF_A_KEY = 8", "PLACES_OF_A_KEY = 8_000_000"),
            Change("consumer/intake.py", 'content=None if kind == "unreadable" else origin.value,', "content=None,"),
        ),
        (f"{_PRESSURE}::test_copies_of_one_command_whose_payment_is_locked_keep_nobody_else_waiting",),
    ),
    Mechanism(
        "pool-of-leases",
        g.LOCKED_ROW,
        "leases are renewed on the connections for work",
        (Change("service/wiring.py", "LeaseKeeper(keeping, settings.lease)", "LeaseKeeper(database, settings.lease)"),),
        (f"{_WAITING}::test_lease_is_renewed_while_all_work_connections_are_busy",),
    ),
    Mechanism(
        "tcp-time-outs",
        g.SILENT_DATABASE,
        "neither TCP nor this side gives a silent connection up, and readiness waits with it",
        (
            Change(_ENGINE, "        **_TCP,\n", ""),
            Change(_ENGINE, "if waits.answer_seconds is not None:", "if waits.answer_seconds == 0:"),
            Change("service/storage/readiness.py", "PATIENCE_SECONDS = 2.0", "PATIENCE_SECONDS = 2000.0"),
        ),
        (f"{_PRESSURE}::test_a_database_that_goes_silent_is_told_at_once_and_its_connections_are_given_up",),
    ),
    Mechanism(
        "silence-watch",
        g.SILENT_DATABASE,
        "a connection that is acknowledged and not answered is waited on",
        (
            Change(
                "service/storage/silence.py",
                "if ends <= now]",
                "if ends <= now - 1e9]",
            ),
        ),
        (f"{_WAITING}::test_connection_to_a_server_that_never_answers_is_ended",),
    ),
    Mechanism(
        "readiness-thread",
        g.SILENT_DATABASE,
        "who asks for readiness waits for the database",
        (
            Change("service/storage/readiness.py", "PATIENCE_SECONDS = 2.0", "PATIENCE_SECONDS = 2000.0"),
            Change(_ENGINE, "if waits.answer_seconds is not None:", "if waits.answer_seconds == 0:"),
        ),
        (f"{_WAITING}::test_readiness_does_not_wait_for_a_silent_database",),
    ),
    Mechanism(
        "sessions-that-write",
        g.FAILOVER,
        "a session that takes no writes any more stays in its pool",
        (
            Change(
                "service/storage/writable.py",
                "if turned or record.info[_BORN] <= self._refused_at:",
                "if record.info[_BORN] < 0:",
            ),
        ),
        (f"{_AWAY}::test_a_failover_that_ends_no_connection",),
    ),
    Mechanism(
        "lock-of-a-primary",
        g.FAILOVER,
        "a relay keeps its lock on a server that takes no writes any more",
        (Change("relay/leadership.py", "if has_turned_read_only(self._lock):", "if False:"),),
        (f"{_AWAY}::test_a_failover_that_ends_no_connection",),
    ),
    Mechanism(
        "read-only-is-named",
        g.FAILOVER,
        "a server that takes no writes is told as any failure",
        (Change("runtime/database_hosts.py", "any(words in str(error) for words in _TAKES_NO_WRITES)", "False"),),
        (f"{_HOSTS}::test_readiness_says_that_only_a_read_only_server_is_there",),
    ),
    Mechanism(
        "libpq-reads-the-url",
        g.FAILOVER,
        "the service's own pools know one host",
        (
            Change(
                _ENGINE,
                "        url,\n        connect_timeout",
                '        url.partition(",")[0],\n        connect_timeout',
            ),
        ),
        (f"{_HOSTS}::test_a_host_that_is_away_is_passed_by",),
    ),
    Mechanism(
        "database-requirements",
        g.OWN_DATABASE,
        "any database is migrated",
        (
            Change("service/storage/requirements.py", "    if strangers:", "    if strangers and False:"),
            Change("service/storage/requirements.py", "if encoding == ENCODING:", "if encoding:"),
        ),
        (
            f"{_PREMISES}::TestAnotherProgramsTables::test_they_are_named_and_nothing_is_changed",
            f"{_PREMISES}::TestEncoding::test_another_than_utf8_is_refused_everywhere",
        ),
    ),
    Mechanism(
        "plans-made-anew",
        g.MIGRATION,
        "an outdated plan is used for as long as its connection lives",
        (
            Change(
                "service/storage/prepared.py",
                'if is_stale_plan(error) and info.get("generation") == self.generation:',
                "if False:",
            ),
        ),
        (f"{_PRESSURE}::test_an_expanding_migration_under_running_processes_is_not_noticed",),
    ),
)
