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
        (f"{_CORE}/test_takeovers.py::test_who_comes_back_while_another_is_at_work_writes_nothing",),
    ),
    Mechanism(
        "fence-at-the-end",
        g.ONE_OPERATION,
        "a command is ended without its token",
        (Change(_LEASES, "_ENDED.where(_UNDER_TOKEN)", "_ENDED.where(_UNDER_TOKEN | _OF_KEY)"),),
        (f"{_CORE}/test_leases.py::test_a_command_is_ended_under_the_token_of_its_lease_only",),
    ),
    Mechanism(
        "fence-and-check",
        g.ONE_OPERATION,
        "nothing is asked after a call: not whose the lease is, not its token, not whether the command is answered",
        (
            Change(
                "service/usecases/runner.py",
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
        (f"{_CORE}/test_takeovers.py::test_who_comes_back_after_a_takeover_writes_nothing",),
    ),
    Mechanism(
        "live-lease",
        g.ONE_OPERATION,
        "a command is claimed though its lease is live",
        (Change("service/usecases/claims.py", "if not wanted or me.leased:", "if not wanted:"),),
        (f"{_CORE}/test_leases.py::test_an_operators_reconcile_leaves_a_command_under_way_alone",),
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
        ("tests/unit/domain/test_progress.py::TestBlocked::test_by_a_hold_only_while_it_runs",),
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
        (f"{_CORE}/test_leases.py::test_a_live_lease_keeps_everyone_else_away",),
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
        (f"{_CORE}/test_schema.py::TestTheDatabaseRefuses::test_two_leases_of_one_payment",),
    ),
    Mechanism(
        "lease-renewal",
        g.ONE_OPERATION,
        "leases are not renewed",
        (
            Change(
                "service/usecases/leases.py",
                "leases.renew(connection, tokens, self.length)",
                "leases.renew(connection, [], self.length)",
            ),
        ),
        (f"{_CORE}/test_leases.py::test_a_lease_is_renewed_while_its_call_is_under_way",),
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
        (f"{_CORE}/test_takeovers.py::test_what_a_dead_process_left_is_completed_by_another",),
    ),
)
