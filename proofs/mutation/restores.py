"""What answers commands from Stripe where a restored database has lost them."""

from proofs.mutation import guarantees as g
from proofs.mutation.mechanism import Change, Mechanism

_DRILL = "tests/integration/core/test_restore_drill.py"
_REPEATABLE = "frozenset({Step.CREATE_INTENT, Step.TRANSFER})"

MECHANISMS = (
    Mechanism(
        "lost-transfers",
        g.SENT_AGAIN_AFTER_LOSS,
        "a revert refunds without asking for a transfer that was lost",
        (Change("service/usecases/lost_transfers.py", "return picture if sent else None", "return None"),),
        (f"{_DRILL}::test_revert_after_a_lost_release_reverses_the_transfer_first[nothing-kept]",),
    ),
    Mechanism(
        "look-first-hold",
        g.SENT_AGAIN_AFTER_LOSS,
        "with LOOK_FIRST=on a hold is made before it is looked for",
        (Change("service/domain/next_step.py", _REPEATABLE, "frozenset({Step.TRANSFER})"),),
        (f"{_DRILL}::test_repeated_commands_move_no_money_and_are_answered[0-nothing-forgotten]",),
    ),
    Mechanism(
        "sent-long-ago",
        g.SENT_AGAIN_AFTER_LOSS,
        "a hold that a command of yesterday asks for is made before it is looked for",
        (
            Change(
                "consumer/records.py",
                "_headers(message), key_cut, value_cut, _time(message)",
                "_headers(message), key_cut, value_cut",
            ),
        ),
        ("tests/acceptance/test_restore_drill.py::test_commands_that_come_again_a_day_after_a_restore_move_no_money",),
    ),
    Mechanism(
        "look-first-transfer",
        g.SENT_AGAIN_AFTER_LOSS,
        "with LOOK_FIRST=on a transfer is made before it is looked for",
        (Change("service/domain/next_step.py", _REPEATABLE, "frozenset({Step.CREATE_INTENT})"),),
        (f"{_DRILL}::test_transfer_from_the_balance_is_not_repeated",),
    ),
)
