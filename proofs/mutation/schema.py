"""What the database refuses, whose clock decides, and how a schema changes while it is in use."""

from proofs.mutation import guarantees as g
from proofs.mutation.mechanism import Change, Mechanism

_CORE = "tests/integration/core"
_OWN = f"{_CORE}/test_own_commands.py"
_REFUSALS = "migrations/versions/0004_refusals.py"

MECHANISMS = (
    Mechanism(
        "refusals",
        g.REFUSED,
        "headers may be anything",
        (Change(_REFUSALS, "\"json_typeof(headers) = 'array'\"", '"true"'),),
        (f"{_CORE}/test_refusals.py::test_wrong_state_is_refused_by_a_named_constraint",),
    ),
    Mechanism(
        "byte-order",
        g.REFUSED,
        "identities are ordered as the language of the database orders them",
        (
            Change(_REFUSALS, """f'{column} COLLATE "C"' if column in texts else column""", "column"),
            Change(_REFUSALS, """f'ALTER {column} TYPE text COLLATE "C"'""", "f'ALTER {column} TYPE text'"),
        ),
        (f"{_CORE}/test_refusals.py::test_identities_are_compared_byte_by_byte",),
    ),
    Mechanism(
        "own-keys",
        g.OURS_ALONE,
        "a type from outside is kept as it was sent",
        (
            Change(
                "service/domain/commands/command.py",
                "ours = sent == CommandType.CANCEL_HOLD or sent.startswith(_FROM_OUTSIDE)",
                "ours = False",
            ),
        ),
        (
            f"{_OWN}::test_forged_cancel_hold_does_not_stop_the_real_one",
            f"{_OWN}::test_no_sent_type_equals_the_type_of_a_kept_forgery",
        ),
    ),
    Mechanism(
        "one-clock",
        g.ONE_CLOCK,
        "decisions about a payment are made by the host's clock",
        (
            Change(
                "service/storage/locked.py",
                "opened, rows[0][_WIDTH], ",
                'opened, __import__("datetime").datetime.now(rows[0][_WIDTH].tzinfo), ',
            ),
        ),
        (
            f"{_CORE}/test_host_clock.py::test_wrong_host_clock_does_not_change_backoff_or_deadline",
            "tests/unit/test_one_clock.py::test_nothing_that_decides_reads_the_hosts_clock",
        ),
    ),
    Mechanism(
        "later-schema",
        g.IN_USE,
        "only the schema that this code was written for is ready",
        (Change("service/storage/health.py", "if schema.fits:", "if schema.at_head:"),),
        (
            "tests/integration/api/test_rolling_update.py::"
            "test_a_running_server_stays_ready_while_the_next_release_migrates",
        ),
    ),
    Mechanism(
        "short-locks",
        g.IN_USE,
        "a migration waits for its locks as long as it takes, and all writers behind it",
        (Change("service/storage/online.py", "'{LOCK_TIMEOUT_SECONDS:g}s'", "'0'"),),
        (f"{_CORE}/test_online_migration.py::test_writers_go_on_while_the_migration_waits_for_its_lock",),
    ),
)
