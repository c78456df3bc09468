"""What keeps money where it belongs when others move it too, or write our ids into theirs."""

from proofs.mutation import guarantees as g
from proofs.mutation.mechanism import Change, Mechanism

_CORE = "tests/integration/core"
_DOUBT = f"{_CORE}/test_charge_in_doubt.py"
_FOREIGN = f"{_CORE}/test_foreign.py"
_AUDIT = "tests/integration/commandline/test_payment_audit"
_OUTSIDE = f"{_CORE}/test_money_from_outside.py"
_WALK = "tests/models/test_no_dead_end.py::test_no_state_is_a_dead_end"
_OURS = "service/domain/ours.py"
_STEPS = "service/usecases/call.py"

MECHANISMS = (
    Mechanism(
        "refunded-charge",
        g.NOT_PAID_TWICE,
        "a refund of the charge does not keep the transfer back",
        (Change(_STEPS, "if intent.charge is not None and intent.charge.refunded:", "if intent.charge is None:"),),
        (f"{_DOUBT}::test_refunded_charge_is_not_transferred",),
    ),
    Mechanism(
        "disputed-charge",
        g.NOT_PAID_TWICE,
        "a dispute of the charge does not keep the transfer back",
        (Change(_STEPS, "and gateway.is_disputed(charge.id):", "and not gateway.is_disputed(charge.id):"),),
        (f"{_DOUBT}::test_disputed_charge_is_not_transferred",),
    ),
    Mechanism(
        "foreign-intent",
        g.OURS,
        "an intent is ours because it names our payment",
        (
            Change(
                _OURS,
                "        if (intent.amount, intent.currency) != (payment.amount, payment.currency):\n"
                "            return Foreign.AMOUNT\n",
                "",
            ),
        ),
        (f"{_FOREIGN}::test_intent_unlike_ours_is_ignored",),
    ),
    Mechanism(
        "foreign-event",
        g.OURS,
        "an event of another account or mode is applied",
        (Change(_OURS, "        if event.account is not None:\n            return Foreign.ACCOUNT\n", ""),),
        (f"{_FOREIGN}::test_event_of_another_account_or_mode_changes_nothing",),
    ),
    Mechanism(
        "sums",
        g.LEDGER,
        "the database adds up a refund as nothing",
        (
            Change(
                "migrations/versions/0008_filed_movements.sql",
                "WHEN 'refund' THEN NEW.refunded := NEW.refunded + movement.amount;",
                "WHEN 'refund' THEN NULL;",
            ),
        ),
        (f"{_OUTSIDE}::test_partial_refund_from_outside_is_news_and_keeps_the_status",),
    ),
    Mechanism(
        "sums-are-written",
        g.LEDGER,
        "anybody may write a payment's sums",
        (
            Change(
                "migrations/versions/0008_filed_movements.sql",
                "    RAISE EXCEPTION 'payment %: its sums are those of its movements', OLD.payment_id\n"
                "        USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;\n",
                "    RETURN NEW;\n",
            ),
        ),
        (f"{_CORE}/test_refusals.py::test_wrong_state_is_refused_by_a_named_constraint",),
    ),
    Mechanism(
        "held-is-no-refund",
        g.LEDGER,
        "the part of a hold that was not captured counts as refunded",
        (Change("service/domain/movements.py", "    if refund.of_hold:\n        return\n", ""),),
        (f"{_OUTSIDE}::test_runner_gets_the_part_that_was_captured_outside",),
    ),
    Mechanism(
        "known-movement",
        g.OTHERS_TOLD,
        "a movement that is known is learnt again",
        (Change("service/domain/learning.py", "        if movement.key not in situation.known\n", ""),),
        (
            "tests/unit/domain/test_learning.py",
            f"{_OUTSIDE}::test_dispute_is_news_when_opened_and_when_won",
        ),
    ),
    Mechanism(
        "look-follows",
        g.OTHERS_TOLD,
        "no look follows an event about money",
        (
            Change(
                "service/usecases/stripe_events.py", "        if noted == looks.WANTS_LOOK:", "        if not noted:"
            ),
        ),
        (f"{_OUTSIDE}::test_full_refund_from_outside_ends_the_payment_and_frees_its_order",),
    ),
    Mechanism(
        "failed-refund",
        g.WAY_OUT,
        "a refund that failed still counts as given back",
        (
            Change(
                "service/domain/news.py",
                "    if mine is not None and (mine.failed or",
                "    if mine is None and (mine or",
            ),
        ),
        (f"{_OUTSIDE}::test_refund_that_fails_later_is_news_and_repeated_by_a_new_revert",),
    ),
    Mechanism(
        "ended-outside",
        g.WAY_OUT,
        "a payment that was refunded outside keeps its order",
        (Change("service/domain/news.py", "    if not payment.money.is_all_back:", "    if payment.order_id:"),),
        (f"{_OUTSIDE}::test_full_refund_from_outside_ends_the_payment_and_frees_its_order",),
    ),
    Mechanism(
        "adopted-transfer",
        g.WAY_OUT,
        "a transfer of ours that no record names is left alone",
        (
            Change(
                "service/domain/news.py",
                "    if stands or payment.captured_at is None or not mine:",
                "    if mine or not mine:",
            ),
        ),
        (f"{_CORE}/test_looks.py::test_restored_database_learns_lost_movements_from_stripe", _WALK),
    ),
    Mechanism(
        "lost-dispute",
        g.WAY_OUT,
        "a lost dispute is no end of a payment",
        (
            Change(
                "service/domain/news.py", "    if payment.disputed and not payment.contested:", "    if not payment:"
            ),
        ),
        (f"{_OUTSIDE}::test_lost_dispute_counts_as_a_refund_by_the_bank",),
    ),
    Mechanism(
        "reversal-news",
        g.OTHERS_TOLD,
        "nobody hears of a transfer that was taken back outside",
        (Change("service/domain/news.py", "    MovementKind.REVERSAL: _transfer_reversed,\n", ""),),
        (f"{_OUTSIDE}::test_transfer_reversed_outside_is_news_and_no_longer_counts_as_released",),
    ),
    Mechanism(
        "audit-books",
        g.PROVABLE_MONEY,
        "an audit passes over what the ledger lacks",
        (
            Change(
                "service/domain/auditing.py", "in theirs.items() if key not in ours", "in theirs.items() if not theirs"
            ),
        ),
        (f"{_AUDIT}.py::test_one_cent_that_nobody_told_of_is_found",),
    ),
    Mechanism(
        "audit-rows",
        g.PROVABLE_MONEY,
        "an audit passes over what Stripe lacks",
        (Change("service/domain/auditing.py", "            if key not in theirs\n", "            if not ours\n"),),
        (f"{_AUDIT}.py::test_a_movement_that_stripe_does_not_have_is_found",),
    ),
    Mechanism(
        "audit-holds",
        g.PROVABLE_MONEY,
        "an audit takes a hold that is set free for a refund",
        (Change("service/gateway/entries.py", "        read = replace(read, of_hold=True)", "        pass"),),
        (f"{_AUDIT}_cases.py::test_books_of_every_kind_agree",),
    ),
)
