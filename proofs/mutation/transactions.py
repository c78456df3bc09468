"""What is one transaction, and what is never inside one."""

from proofs.mutation import guarantees as g
from proofs.mutation.mechanism import Change, Mechanism

_CORE = "tests/integration/core"

MECHANISMS = (
    Mechanism(
        "one-transaction",
        g.ATOMIC,
        "events are appended in a transaction of their own",
        (
            Change(
                "service/usecases/record.py",
                ", *outbox.appending(messages)]\n",
                "]\n        with connection.engine.begin() as own:\n            outbox.append(own, messages)\n",
            ),
        ),
        (
            f"{_CORE}/test_atomic.py::test_step_is_recorded_whole_or_not_at_all[create_intent-before_commit]",
            f"{_CORE}/test_atomic.py::test_webhook_is_applied_whole_or_not_at_all[held-webhook.before_commit]",
        ),
    ),
    Mechanism(
        "free-text",
        g.ONE_OUTCOME,
        "a changed remark makes another command",
        (Change("service/domain/content.py", 'frozenset({"reason", "description"})', "frozenset[str]()"),),
        (f"{_CORE}/test_duplicates.py::test_changed_free_text_is_the_same_command",),
    ),
    Mechanism(
        "fields-of-other-releases",
        g.ONE_OUTCOME,
        "a field that another release knows makes another command",
        (
            Change(
                "service/domain/content.py",
                "(bool(known) and agree)",
                "(self.content.keys() == other.content.keys() and bool(known) and agree)",
            ),
        ),
        (f"{_CORE}/test_duplicates.py::test_command_stored_by_a_later_release_is_run_and_recognized",),
    ),
    Mechanism(
        "kept-event-type",
        g.ONE_OUTCOME,
        "a revert is called what is set where it is finished",
        (Change("service/usecases/commit_step.py", "kept = progress.revert_event_type", "kept = None"),),
        (f"{_CORE}/test_flows.py::test_revert_keeps_the_event_type_that_was_set_when_it_was_accepted",),
    ),
    Mechanism(
        "second-intents",
        g.LEDGER,
        "what others do to a second intent is not looked at",
        (
            Change(
                "service/usecases/reconcile.py",
                "            second = known.ledger.second_intents(payment.stripe_payment_intent_id)\n",
                "            second: list[str] = []\n",
            ),
        ),
        (f"{_CORE}/test_old_attempts.py::test_movements_of_a_second_intent_by_a_person_are_in_the_ledger",),
    ),
    Mechanism(
        "acceptance",
        g.ATOMIC,
        "an authorize is stored before the transaction is committed that accepts it",
        (
            Change(
                "service/usecases/accept.py",
                "        result, point, now = acceptance.accept(\n            connection,",
                "        result, point, now = acceptance.accept(\n"
                "            self.engine.connect().execution_options(isolation_level='AUTOCOMMIT'),",
            ),
        ),
        (f"{_CORE}/test_atomic.py::test_command_is_accepted_whole_or_not_at_all[create_intent-accept.before_commit]",),
    ),
    Mechanism(
        "transaction-guard",
        g.NO_TRANSACTION,
        "the gateway's guard does not raise",
        (Change("service/storage/engine.py", "        raise TransactionOpenError", "        return"),),
        (f"{_CORE}/test_no_transaction.py::test_gateway_refuses_calls_inside_a_transaction",),
    ),
    Mechanism(
        "call-inside-transaction",
        g.NO_TRANSACTION,
        "Stripe is called inside a transaction",
        (
            Change(
                "service/usecases/run_command.py",
                "        outcome = self._perform(claim)",
                "        with transaction(self._engine):\n            outcome = self._perform(claim)",
            ),
        ),
        (f"{_CORE}/test_flows.py",),
    ),
    Mechanism(
        "unguarded-call-inside",
        g.NO_TRANSACTION,
        "the same, and the guard does not raise",
        (
            Change("service/storage/engine.py", "        raise TransactionOpenError", "        return"),
            Change(
                "service/usecases/run_command.py",
                "        outcome = self._perform(claim)",
                "        with transaction(self._engine) as held:\n"
                "            payments.read(held, claim.payment.payment_id)\n"
                "            outcome = self._perform(claim)",
            ),
        ),
        (
            f"{_CORE}/test_no_transaction.py::test_no_session_is_in_a_transaction_during_a_call",
            "tests/acceptance/test_no_transaction_open.py::test_nothing_is_open[payment_intents.create]",
        ),
    ),
)
