"""What keeps two workers off one payment, and brings a third one to what a dead worker left."""

from proofs.mutation import guarantees as g
from proofs.mutation.mechanism import Change, Mechanism

_CORE = "tests/integration/core"
_LEASES = "service/storage/leases.py"

MECHANISMS = (
    Mechanism(
        "fence",
        g.ONE_OPERATION,
        "writes under a lease do not ask for its token",
        (
            Change(
                _LEASES,
                "changed = update(Command).where(_OF_KEY, _UNDER_TOKEN)",
                "changed = update(Command).where(_OF_KEY, _UNDER_TOKEN | _OF_KEY)",
            ),
        ),
        (f"{_CORE}/test_takeovers.py::test_late_worker_cannot_write_during_a_takeover",),
    ),
    Mechanism(
        "fence-at-the-end",
        g.ONE_OPERATION,
        "a command is ended without its token",
        (Change(_LEASES, "_ENDED.where(_UNDER_TOKEN)", "_ENDED.where(_UNDER_TOKEN | _OF_KEY)"),),
        (f"{_CORE}/test_leases.py::test_command_ends_only_under_its_fencing_token",),
    ),
    Mechanism(
        "fence-and-check",
        g.ONE_OPERATION,
        "nothing is asked after a call: not whose the lease is, not its token, not whether the command is answered",
        (
            Change(
                "service/usecases/record_result.py",
                "if found is None or not any(_is_held(progress, claim) for progress in found.opened):",
                "if found is None:",
            ),
            Change(
                _LEASES,
                "changed = update(Command).where(_OF_KEY, _UNDER_TOKEN)",
                "changed = update(Command).where(_OF_KEY, _UNDER_TOKEN | _OF_KEY)",
            ),
            Change(_LEASES, "_ENDED.where(_UNDER_TOKEN)", "_ENDED.where(_UNDER_TOKEN | _OF_KEY)"),
            Change(_LEASES, """.where(_OF_KEY, Command.state != text("'done'"))""", ".where(_OF_KEY)"),
        ),
        (f"{_CORE}/test_takeovers.py::test_late_worker_cannot_write_after_a_finished_takeover",),
    ),
    Mechanism(
        "live-lease",
        g.ONE_OPERATION,
        "a command is claimed though its lease is live",
        (Change("service/usecases/claim.py", "if not wanted or me.leased:", "if not wanted:"),),
        (f"{_CORE}/test_leases.py::test_reconcile_gives_way_to_a_command_under_way",),
    ),
    Mechanism(
        "one-lease-a-payment",
        g.ONE_OPERATION,
        "a command is claimed though another of its payment is leased",
        (
            Change(
                "service/domain/progress.py",
                "return any(other.leased or _goes_first(other, me) for other in others)",
                "return any(_goes_first(other, me) for other in others)",
            ),
        ),
        ("tests/unit/domain/test_progress.py::TestBlocked::test_cancel_hold_blocks_only_while_leased",),
    ),
    Mechanism(
        "turns",
        g.ONE_OPERATION,
        "a payment's commands do not wait for each other",
        (
            Change(
                "service/domain/progress.py",
                "return any(other.leased or _goes_first(other, me) for other in others)",
                "return False",
            ),
        ),
        (f"{_CORE}/test_leases.py::test_live_lease_excludes_other_workers",),
    ),
    Mechanism(
        "lease-index",
        g.ONE_OPERATION,
        "the database takes two leases of one payment",
        (
            Change(
                "migrations/versions/0001_initial.sql",
                "CREATE UNIQUE INDEX uq_commands_leased_payment",
                "CREATE INDEX uq_commands_leased_payment",
            ),
        ),
        (f"{_CORE}/test_schema.py::TestTheDatabaseRefuses::test_second_lease_of_a_payment",),
    ),
    Mechanism(
        "lease-renewal",
        g.ONE_OPERATION,
        "leases are not renewed",
        (
            Change(
                "service/usecases/lease_keeper.py",
                "leases.renew(connection, tokens, self.length)",
                "leases.renew(connection, [], self.length)",
            ),
        ),
        (f"{_CORE}/test_leases.py::test_lease_is_renewed_during_its_call",),
    ),
    Mechanism(
        "completer",
        g.TAKEN_UP,
        "nobody asks for commands that are due",
        (
            Change(
                "consumer/main.py",
                'spawn("completer", lambda: completer.run(shutdown))',
                'spawn("completer", lambda: None)',
            ),
        ),
        (
            "tests/crash/test_every_point.py::"
            "test_a_process_killed_here_leaves_nothing_undone_and_nothing_doubled[create_intent.after_call]",
            "tests/crash/test_chaos_run.py::test_a_short_chaos_run",
        ),
    ),
    Mechanism(
        "expired-leases",
        g.TAKEN_UP,
        "a command whose lease has run out is not due",
        (
            Change(
                _LEASES,
                ".where(Command.state != text(\"'done'\"), Command.next_attempt_at <= func.now())",
                ".where(Command.state != text(\"'done'\"), Command.next_attempt_at <= func.now())\n"
                "        .where(Command.lease_token.is_(None))",
            ),
        ),
        (f"{_CORE}/test_takeovers.py::test_another_process_completes_the_work_of_a_dead_one",),
    ),
)
