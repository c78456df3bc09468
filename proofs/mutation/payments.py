"""What keeps money and status together: transitions, webhooks, looks."""

from proofs.mutation import guarantees as g
from proofs.mutation.mechanism import Change, Mechanism

_CORE = "tests/integration/core"
_STATUS = "tests/unit/domain/test_status.py"
_OBSERVATIONS = "service/domain/intent_state.py"

MECHANISMS = (
    Mechanism(
        "late-hold",
        g.HOLDS_NOTHING,
        "a hold that comes after the end is left alone",
        (
            Change(
                _OBSERVATIONS,
                "return Observed(noted, cancel_hold=_too_late(payment, seen))",
                "return Observed(noted)",
            ),
        ),
        (f"{_CORE}/test_outside.py::TestTooLate::test_money_held_after_a_failure_goes_back",),
    ),
    Mechanism(
        "failed-hold",
        g.HOLDS_NOTHING,
        "an authorize that fails keeps its intent",
        (
            Change(
                _OBSERVATIONS,
                "cancel_hold=done.stripe_payment_intent_id is not None and not done.holds_nothing,",
                "cancel_hold=False,",
            ),
        ),
        (f"{_CORE}/test_outside.py::TestTooLate::test_intent_of_a_failed_challenge_is_canceled",),
    ),
    Mechanism(
        "stray-hold",
        g.HOLDS_NOTHING,
        "a second intent of a payment is left alone",
        (
            Change(
                "service/usecases/stripe_events.py",
                "if seen in STRAY_HOLDS:",
                "if seen not in set(Seen):",
            ),
        ),
        (
            f"{_CORE}/test_old_attempts.py::test_second_intent_of_a_payment_is_canceled",
            f"{_CORE}/test_model.py::test_invariants_hold_after_any_history",
        ),
    ),
    Mechanism(
        "captured-hold",
        g.HOLDS_NOTHING,
        "a hold that was captured before it could be canceled is not refunded",
        (
            Change(
                "service/domain/commands/cancel_hold.py",
                "Step.REFUND if ledger.money_of(command.intent_id).captured else Step.CANCEL",
                "Step.CANCEL",
            ),
        ),
        (f"{_CORE}/test_outside.py::TestTooLate::test_money_held_after_a_failure_goes_back[captured]",),
    ),
    Mechanism(
        "capture-noted",
        g.HOLDS_NOTHING,
        "that a hold was captured is not noted",
        (Change(_OBSERVATIONS, 'facts["captured_at"] = now', "pass"),),
        (f"{_CORE}/test_races.py::test_concurrent_commands_webhooks_and_a_person_lose_no_money",),
    ),
    Mechanism(
        "metadata",
        g.HOLDS_NOTHING,
        "an intent that we never heard of is not known by its metadata",
        (Change("service/usecases/stripe_events.py", "intent.id, as_uuid(intent.payment_id), ", "intent.id, None, "),),
        (f"{_CORE}/test_outside.py::TestTooLate::test_unknown_intent_is_found_by_its_metadata",),
    ),
    Mechanism(
        "transition-table",
        g.NO_WAY_BACK,
        "the table lets a failed payment be authorized",
        (
            Change(
                "service/domain/status.py",
                "PaymentStatus.FAILED: frozenset(),",
                "PaymentStatus.FAILED: frozenset({PaymentStatus.AUTHORIZED}),",
            ),
        ),
        (f"{_STATUS}::test_the_trigger_allows_what_the_table_allows",),
    ),
    Mechanism(
        "transition-check",
        g.NO_WAY_BACK,
        "the code does not ask the transition table",
        (
            Change(
                "service/domain/payment.py",
                "if not may_become(self.status, status):",
                "if not isinstance(may_become(self.status, status), bool):",
            ),
        ),
        (f"{_STATUS}::test_payment_makes_only_transitions_of_the_table",),
    ),
    Mechanism(
        "transition-trigger",
        g.NO_WAY_BACK,
        "the trigger lets every transition pass",
        (
            Change(
                "migrations/versions/0001_initial.sql",
                "IF (OLD.status, NEW.status) NOT IN (",
                "IF false AND (OLD.status, NEW.status) NOT IN (",
            ),
        ),
        (f"{_CORE}/test_schema.py::TestTheDatabaseRefuses::test_transition_outside_the_table",),
    ),
    Mechanism(
        "late-news",
        g.NO_WAY_BACK,
        "an authorization heard of after the end makes the payment authorized",
        (
            Change(
                _OBSERVATIONS,
                "    if payment.status is PaymentStatus.SUCCEEDED:\n",
                "    if payment.status is PaymentStatus.FAILED and seen is Seen.HELD:\n"
                "        return Observed(replace(noted, status=PaymentStatus.AUTHORIZED))\n"
                "    if payment.status is PaymentStatus.SUCCEEDED:\n",
            ),
        ),
        (f"{_CORE}/test_outside.py::TestTooLate::test_money_held_after_a_failure_goes_back[held]",),
    ),
    Mechanism(
        "inbox-conflict",
        g.ANY_ORDER,
        "an event that comes twice at the same moment is an error",
        (
            Change(
                "service/storage/inbox.py",
                "    .on_conflict_do_nothing()\n",
                "",
            ),
        ),
        (f"{_CORE}/test_webhook_orders.py::test_concurrent_deliveries_of_one_event_apply_once",),
    ),
    Mechanism(
        "inbox",
        g.ANY_ORDER,
        "an event that came before is applied again",
        (
            Change(
                "service/storage/inbox.py",
                "return bool(run(connection, adding(event, payment_id, result)))",
                "return run(connection, adding(event, payment_id, result)) is not None",
            ),
            Change("service/usecases/stripe_events.py", "if by_event.heard:", "if by_event is None:"),
        ),
        (f"{_CORE}/test_atomic.py::test_webhook_is_applied_whole_or_not_at_all",),
    ),
    Mechanism(
        "held-then-captured",
        g.ANY_ORDER,
        "a capture heard of first makes a payment that was never held",
        (Change(_OBSERVATIONS, 'if intent.capture_method == "manual":', 'if intent.capture_method == "":'),),
        (f"{_CORE}/test_webhook_orders.py::test_webhooks_in_any_order_and_number_end_the_same",),
    ),
    Mechanism(
        "own-cancellation",
        g.ANY_ORDER,
        "the cancellation of our own revert is told as that of a stranger",
        (
            Change(
                _OBSERVATIONS,
                "return _hold_ended(noted) if seen is Seen.CANCELED and not revert_open else Observed(noted)",
                "return _hold_ended(noted) if seen is Seen.CANCELED else Observed(noted)",
            ),
        ),
        (f"{_CORE}/test_webhook_orders.py::test_webhooks_between_the_steps_of_commands_end_the_same",),
    ),
    Mechanism(
        "reconciler",
        g.LOST_WEBHOOK,
        "held payments are never compared with Stripe",
        (
            Change(
                "service/usecases/due_commands.py",
                "if len(ready) < limit else []",
                "if len(ready) < 0 else []",
            ),
        ),
        (f"{_CORE}/test_reconcile.py::test_consumers_compare_each_held_payment_once_per_interval",),
    ),
    Mechanism(
        "look-again",
        g.LOST_WEBHOOK,
        "an authorize that waits is taken up without a look at Stripe",
        (
            Change(
                "service/usecases/claim.py",
                "looks = _looks_first(me, payment) and not revert_open(opened)",
                "looks = False",
            ),
        ),
        (f"{_CORE}/test_flows.py::test_finished_3d_secure_is_found_without_its_webhook",),
    ),
)
